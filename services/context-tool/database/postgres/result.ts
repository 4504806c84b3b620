/** What a statement answered, in the form that its declaration asks for: Value, Row or Rows. */
import { ServiceError } from '#lib/errors.ts';
import type { ContextAnswer, ToolAnswer } from '#sdk/server/declaration.ts';
import type { StatementConfig } from '../../config/runtime-config.ts';
import { BYTEA, cellReader, readBytea } from './cell-json.ts';
import type { Answer, Column } from './exchange.ts';

export type ResultForm = StatementConfig['result'];

export const MAX_ROWS = 1_000;
/** Of the answer as it leaves. */
export const MAX_RESULT_BYTES = 4 * 1024 * 1024;

const JSON_TYPE = 'application/json';
const BYTES_TYPE = 'application/octet-stream';

/** Elements' types of arrays that are not built in. */
export type ArrayElements = ReadonlyMap<number, number>;

/** How many rows are worth keeping. */
export function rowsToKeep(form: ResultForm): number {
  return form === 'Rows' ? MAX_ROWS : 1;
}

/** @throws ServiceError CONTEXT_UNKNOWN, BACKEND_REFUSED or LIMIT_EXCEEDED */
export function contextAnswer(form: ResultForm, answer: Answer, elements: ArrayElements): ContextAnswer {
  checkCount(form, answer);
  if (form !== 'Rows' && answer.rowCount === 0) {
    throw new ServiceError('CONTEXT_UNKNOWN', 'the database has nothing for this key and these parameters');
  }
  if (form === 'Value') return valueAnswer(answer, elements);
  return {
    content: bounded(form === 'Row' ? rowJson(answer, elements) : rowsJson(answer, elements)),
    contentType: JSON_TYPE,
  };
}

/** A statement without columns answers how many rows it changed. @throws ServiceError BACKEND_REFUSED or LIMIT_EXCEEDED */
export function toolAnswer(form: ResultForm, answer: Answer, elements: ArrayElements): ToolAnswer {
  if (answer.columns === undefined) return { success: true, outputs: { rows: Buffer.from(changedRows(answer)) } };
  checkCount(form, answer);
  if (form === 'Rows') return { success: true, outputs: {}, structured: bounded(rowsJson(answer, elements)) };
  if (answer.rowCount === 0) {
    return { success: false, errorCode: 'NO_ROW', message: 'the statement found no row for these arguments' };
  }
  if (form === 'Row') return { success: true, outputs: outputs(answer, elements) };
  return { success: true, outputs: {}, structured: bounded(cellsJson(answer, elements)[0] ?? 'null') };
}

function checkCount(form: ResultForm, { columns = [], rowCount }: Answer): void {
  if (form === 'Rows') {
    if (rowCount <= MAX_ROWS) return;
    const message = `the database answered ${rowCount} rows, and at most ${MAX_ROWS} are allowed: ask for fewer`;
    throw new ServiceError('LIMIT_EXCEEDED', message, { metadata: { rows: String(rowCount) } });
  }
  if (rowCount > 1) {
    const message = `the database answered ${rowCount} rows where one is expected`;
    throw new ServiceError('BACKEND_REFUSED', message, { metadata: { rows: String(rowCount) } });
  }
  if (form === 'Value' && columns.length !== 1) {
    const message = `the database answered ${columns.length} columns where one is expected`;
    throw new ServiceError('BACKEND_REFUSED', message, { metadata: { columns: String(columns.length) } });
  }
}

function valueAnswer(answer: Answer, elements: ArrayElements): ContextAnswer {
  const text = answer.rows[0]?.[0] ?? null;
  if (text !== null && answer.columns?.[0]?.oid === BYTEA) {
    return { content: boundedBytes(readBytea(text)), contentType: BYTES_TYPE };
  }
  return { content: bounded(cellsJson(answer, elements)[0] ?? 'null'), contentType: JSON_TYPE };
}

/** Texts as they are, everything else as JSON. */
function outputs(answer: Answer, elements: ArrayElements): Record<string, Buffer> {
  const cells = cellsJson(answer, elements);
  const entries = (answer.columns ?? []).map(({ name }, i): [string, Buffer] => {
    const json = cells[i] ?? 'null';
    return [name, Buffer.from(json.startsWith('"') ? JSON.parse(json) : json)];
  });
  const size = entries.reduce((sum, [name, value]) => sum + name.length + value.length, 0);
  if (size > MAX_RESULT_BYTES) throw tooLarge();
  return Object.fromEntries(entries);
}

function cellsJson({ columns = [], rows }: Answer, elements: ArrayElements): string[] {
  return columns.map(({ oid }, i) => cellJson(rows[0]?.[i] ?? null, cellReader(oid, elements)));
}

function rowJson(answer: Answer, elements: ArrayElements): string {
  return rowsOf(answer, elements)[0] ?? 'null';
}

function rowsJson(answer: Answer, elements: ArrayElements): string {
  return `[${rowsOf(answer, elements).join(',')}]`;
}

function rowsOf({ columns = [], rows }: Answer, elements: ArrayElements): string[] {
  const members = columns.map(({ name, oid }: Column) => {
    const read = cellReader(oid, elements);
    const label = JSON.stringify(name);
    return (text: string | null) => `${label}:${cellJson(text, read)}`;
  });
  let size = 0;
  return rows.map((row) => {
    const json = `{${members.map((member, i) => member(row[i] ?? null)).join(',')}}`;
    size += json.length;
    if (size > MAX_RESULT_BYTES) throw tooLarge();
    return json;
  });
}

function cellJson(text: string | null, read: (text: string) => string): string {
  return text === null ? 'null' : read(text);
}

/** "UPDATE 3", "INSERT 0 1"; nothing is counted for "CALL". */
function changedRows({ tag }: Answer): string {
  return /(\d+)$/.exec(tag)?.[1] ?? '0';
}

function bounded(json: string): Buffer {
  return boundedBytes(Buffer.from(json));
}

function boundedBytes(bytes: Buffer): Buffer {
  if (bytes.length > MAX_RESULT_BYTES) throw tooLarge();
  return bytes;
}

function tooLarge(): ServiceError {
  return new ServiceError('LIMIT_EXCEEDED', 'the answer of the database is larger than 4 MiB: ask for less');
}
