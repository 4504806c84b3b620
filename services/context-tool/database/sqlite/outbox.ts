/**
 * An outbox in SQLite. Rows are taken by a reader and settled by the writer in one transaction; nothing is open while events
 * are on their way, since SQLite has one writer for the whole file.
 *
 * The file belongs to one process, and of one process one configuration at a time drains its outboxes, so there is no lock.
 */
import { type DrainRequest, type OutboxCell, type OutboxTable, type Settlement, takenRow } from '../outbox-table.ts';
import { bindValues } from './bind-values.ts';
import type { RunOptions } from './child-lane.ts';
import type { SqlValue, TakenRows } from './messages.ts';
import type { SqliteFile } from './sqlite-file.ts';
import type { SqliteStatement } from './sqlite-statement.ts';

export interface SqliteOutboxOptions {
  readonly file: SqliteFile;
  readonly take: SqliteStatement;
  readonly done: SqliteStatement;
  readonly failed: SqliteStatement | undefined;
  readonly statementTimeoutMs: number;
  /** For another process that holds a lock. */
  readonly busyMs: number;
}

type Cell = SqlValue | Uint8Array;

export function sqliteOutbox(options: SqliteOutboxOptions): OutboxTable {
  return { drain: (request) => drain(request, options) };
}

async function drain({ limit, signal, settle }: DrainRequest, options: SqliteOutboxOptions): Promise<'drained'> {
  const { file, take, done, failed, busyMs, statementTimeoutMs } = options;
  for (const statement of [take, done, failed]) statement?.namesOrThrow();
  const values = bindValues(take.namesOrThrow(), [{ limit }]);
  const bounds: RunOptions = { timeoutMs: statementTimeoutMs, signal };
  const taken = await file.lane('read').run<'take'>({ kind: 'take', sql: take.sql, values, busyMs }, bounds);
  if (taken.rows.length === 0) return 'drained';
  const settlements = await settle(rowsOf(taken).slice(0, limit));
  if (settlements.length === 0) return 'drained';
  const statements = settlements.map((settlement) => toStatement(settlement, options));
  await file.lane('write').run<'settle'>({ kind: 'settle', statements, busyMs }, bounds);
  return 'drained';
}

function toStatement({ row: { key }, failedFor }: Settlement, { done, failed }: SqliteOutboxOptions) {
  const statement = failedFor === undefined ? done : failed;
  if (statement === undefined) throw new Error('an outbox without "failed" sets no row aside');
  return { sql: statement.sql, values: bindValues(statement.namesOrThrow(), [{ id: key, reason: failedFor }]) };
}

function rowsOf({ names, rows }: TakenRows) {
  const cell = (value: Cell): OutboxCell => (value === null || value instanceof Uint8Array ? value : String(value));
  // Bytes cannot be handed back to a statement: such an id names no row.
  const key = (value: Cell): SqlValue => (value instanceof Uint8Array ? null : value);
  return rows.map((row) => takenRow<Cell>(names, row, { cell, key }));
}
