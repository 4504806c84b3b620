/**
 * Rows as JSON text. Integers within ±(2^53 − 1) are numbers, beyond that strings with all digits; REAL is a number, an
 * infinity a string (SQLite has no NaN: it becomes NULL); TEXT is a string, a BLOB base64.
 */
import type { SQLOutputValue, StatementSync } from 'node:sqlite';
import { ServiceError } from '#lib/errors.ts';
import type { ResultShape, SqlValue } from '../messages.ts';

export const MAX_ROWS = 1_000;
export const MAX_ANSWER_BYTES = 4 * 1024 * 1024;

export interface CollectedRows {
  readonly names: readonly string[];
  readonly rows: readonly (readonly SQLOutputValue[])[];
  /** More than `rows` has where a single one is wanted; counted up to 1,001. */
  readonly count: number;
}

/**
 * @param statement With arrays and BigInts.
 * @throws ServiceError LIMIT_EXCEEDED, or SQLite's error
 */
export function collectRows(statement: StatementSync, values: readonly SqlValue[], result: ResultShape): CollectedRows {
  const rows: SQLOutputValue[][] = [];
  let bytes = 0;
  let count = 0;
  let names: string[] = [];
  for (const found of statement.iterate(...values)) {
    // Cast because the option `returnArrays` is not in the types.
    const row = found as unknown as SQLOutputValue[];
    // Only now: when tables changed, the first step has compiled the statement again.
    if (count === 0) names = statement.columns().map(({ name }) => name);
    count += 1;
    if (count > MAX_ROWS) break;
    if (result !== 'Rows' && count > 1) continue;
    bytes += row.reduce<number>((sum, value) => sum + sizeOf(value), 0);
    if (bytes > MAX_ANSWER_BYTES) throw tooLarge();
    rows.push(row);
  }
  if (result === 'Rows' && count > MAX_ROWS) {
    const message = `the statement gave more than ${MAX_ROWS.toLocaleString('en')} rows: ask for fewer`;
    throw new ServiceError('LIMIT_EXCEEDED', message, { metadata: { limit: String(MAX_ROWS) } });
  }
  return { names, rows, count };
}

/** @throws ServiceError LIMIT_EXCEEDED */
export function toJsonText({ names, rows }: CollectedRows, result: ResultShape): string {
  const [row = []] = rows;
  if (result === 'Value') return bounded(cellToJson(row[0] ?? null));
  if (result === 'Row') return bounded(rowToJson(names, row));
  return bounded(`[${rows.map((each) => rowToJson(names, each)).join(',')}]`);
}

export function cellToJson(value: SQLOutputValue): string {
  if (typeof value === 'bigint') return isSafe(value) ? String(value) : `"${value}"`;
  if (typeof value === 'number') return Number.isFinite(value) ? JSON.stringify(value) : `"${value}"`;
  if (value instanceof Uint8Array) return `"${Buffer.from(value).toString('base64')}"`;
  return JSON.stringify(value);
}

function rowToJson(names: readonly string[], row: readonly SQLOutputValue[]): string {
  return `{${row.map((value, index) => `${JSON.stringify(names[index])}:${cellToJson(value)}`).join(',')}}`;
}

function isSafe(value: bigint): boolean {
  return value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER);
}

/** Of the raw value: JSON is never shorter. */
function sizeOf(value: SQLOutputValue): number {
  if (typeof value === 'string') return Buffer.byteLength(value);
  return value instanceof Uint8Array ? value.byteLength : 1;
}

function bounded(text: string): string {
  if (Buffer.byteLength(text) > MAX_ANSWER_BYTES) throw tooLarge();
  return text;
}

function tooLarge(): ServiceError {
  const message = 'the answer is larger than 4 MiB: ask for less';
  return new ServiceError('LIMIT_EXCEEDED', message, { metadata: { limit: String(MAX_ANSWER_BYTES) } });
}
