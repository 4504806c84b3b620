/**
 * Answers of calls with an idempotency key, kept in the same transaction as what the call did: a call that comes again
 * within ten minutes, after a restart too, gets the first one's answer and changes nothing.
 */
import { ServiceError } from '#lib/errors.ts';
import type { KeyedCall } from '#sdk/server/declaration.ts';
import type { WriteAnswer } from '../messages.ts';
import type { Connection } from './connection.ts';
import { IDEMPOTENCY_TABLE } from './idempotency-table.ts';

export const RETENTION_MS = 600_000;
/** Rows that one call may take away: more than it adds, so that the table shrinks, and few enough to notice nothing. */
const PRUNED_AT_ONCE = 100;

const TABLE = `CREATE TABLE IF NOT EXISTS ${IDEMPOTENCY_TABLE} (
  id text PRIMARY KEY, arguments_hash text NOT NULL, answer text NOT NULL, created_ms integer NOT NULL)`;
const INDEX = `CREATE INDEX IF NOT EXISTS ${IDEMPOTENCY_TABLE}_created ON ${IDEMPOTENCY_TABLE} (created_ms)`;
const FIND = `SELECT arguments_hash, answer FROM ${IDEMPOTENCY_TABLE} WHERE id = ?1 AND created_ms > ?2`;
const KEEP = `INSERT OR REPLACE INTO ${IDEMPOTENCY_TABLE} (id, arguments_hash, answer, created_ms) VALUES (?1, ?2, ?3, ?4)`;
const PRUNE = `DELETE FROM ${IDEMPOTENCY_TABLE} WHERE id IN (
  SELECT id FROM ${IDEMPOTENCY_TABLE} WHERE created_ms <= ?1 ORDER BY created_ms LIMIT ${PRUNED_AT_ONCE})`;

/** @throws SQLite's error, also when there is another table of that name. */
export function makeIdempotencyTable(connection: Connection): void {
  connection.sqlite.exec(`${TABLE}; ${INDEX}`);
  for (const sql of [FIND, KEEP, PRUNE]) connection.statement(sql);
}

/** @throws ServiceError IDEMPOTENCY_CONFLICT */
export function findKept(connection: Connection, call: KeyedCall, nowMs: number): WriteAnswer | undefined {
  const row = connection.statement(FIND).get(call.id, BigInt(nowMs - RETENTION_MS)) as unknown as
    | [string, string]
    | undefined;
  if (row === undefined) return undefined;
  const [argumentsHash, answer] = row;
  if (argumentsHash === call.argumentsHash) return JSON.parse(answer) as WriteAnswer;
  throw new ServiceError('IDEMPOTENCY_CONFLICT', 'this idempotency key was used with other arguments: take a new key');
}

export function keep(connection: Connection, call: KeyedCall, kept: { answer: WriteAnswer; nowMs: number }): void {
  connection.statement(PRUNE).run(BigInt(kept.nowMs - RETENTION_MS));
  connection.statement(KEEP).run(call.id, call.argumentsHash, JSON.stringify(kept.answer), BigInt(kept.nowMs));
}
