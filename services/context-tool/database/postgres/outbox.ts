/**
 * An outbox in PostgreSQL. One transaction takes the rows, waits until they are published, and settles them; the lock that
 * keeps other replicas away is an advisory one of that transaction, so that it works through PgBouncer in transaction mode
 * and ends with the connection.
 *
 * READ COMMITTED: while events are on their way no snapshot is held, and no row is locked.
 */
import { createHash } from 'node:crypto';
import { type DrainRequest, type OutboxTable, type Settlement, type TakenRow, takenRow } from '../outbox-table.ts';
import { Attempt, type AttemptFailed, type AttemptOptions } from './attempt.ts';
import { BYTEA, readBytea } from './cell-json.ts';
import type { Answer } from './exchange.ts';
import { type Statement, valuesOf } from './statement.ts';
import { beginWrite } from './transaction-text.ts';

export interface OutboxStatements {
  readonly take: Statement;
  readonly done: Statement;
  readonly failed: Statement | undefined;
}

export interface PostgresOutboxOptions extends Omit<AttemptOptions, 'call'> {
  readonly statements: OutboxStatements;
  readonly lock: string;
  /** What came in the way. */
  readonly onFailure: (error: AttemptFailed) => void;
}

const TRY_LOCK = 'SELECT pg_try_advisory_xact_lock($1)';
/** For the way to the database and back, beside what statements and publishing may take. */
const GRACE_MS = 5_000;

export function postgresOutbox(options: PostgresOutboxOptions): OutboxTable {
  const lockKey = toLockKey(options.lock);
  return {
    async drain(request) {
      // What was not checked yet is refused before anything is opened.
      for (const statement of Object.values(options.statements)) statement?.ready();
      const { clock, statementTimeoutMs } = options;
      const { signal, settleMs, limit } = request;
      const deadlineMs = clock.nowMs() + settleMs + (limit + 3) * statementTimeoutMs;
      try {
        return await Attempt.run({ ...options, call: { signal, deadlineMs } }, (attempt) =>
          drainOnce(attempt, request, { ...options, lockKey }),
        );
      } catch (error) {
        const failed = error as AttemptFailed;
        if (!signal.aborted) options.onFailure(failed);
        if (failed.wasLost) options.member.pool.distrust();
        throw signal.aborted ? signal.reason : failed.reason;
      }
    },
  };
}

async function drainOnce(
  attempt: Attempt,
  { limit, settleMs, settle }: DrainRequest,
  { statements, lockKey, statementTimeoutMs }: PostgresOutboxOptions & { readonly lockKey: string },
): Promise<'busy' | 'drained'> {
  await attempt.begin((connection, timeoutMs) => {
    const begin = beginWrite(connection, { isolation: 'ReadCommitted', statementTimeoutMs: timeoutMs });
    // A replica that was cut off keeps the lock no longer, and a shorter time of the server does not end a batch.
    return `${begin}; SET LOCAL idle_in_transaction_session_timeout = ${settleMs + GRACE_MS}`;
  });
  const locked = await attempt.execute({ text: TRY_LOCK, values: [lockKey], keepRows: 1 });
  if (locked.rows[0]?.[0] !== 't') return 'busy';
  const { sql } = statements.take.ready();
  const taken = await attempt.execute({ text: sql.text, values: valuesOf(sql, { limit }), keepRows: limit });
  if (taken.rowCount === 0) return 'drained';
  const settlements = await settle(rowsOf(taken));
  attempt.limitTo(statementTimeoutMs);
  for (const settlement of settlements) {
    await run(attempt, statements, settlement);
    attempt.limitTo(statementTimeoutMs);
  }
  if (settlements.length > 0) await attempt.commit();
  return 'drained';
}

async function run(
  attempt: Attempt,
  { done, failed }: OutboxStatements,
  { row: { key }, failedFor }: Settlement,
): Promise<void> {
  const statement = failedFor === undefined ? done : failed;
  if (statement === undefined) throw new Error('an outbox without "failed" sets no row aside');
  const { sql } = statement.ready();
  const values = valuesOf(sql, { id: key, reason: failedFor });
  await attempt.execute({ text: sql.text, values, keepRows: 0 });
}

function rowsOf({ columns = [], rows }: Answer): readonly TakenRow[] {
  const names = columns.map(({ name }) => name);
  const cell = (text: string | null, column: number) =>
    text !== null && columns[column]?.oid === BYTEA ? readBytea(text) : text;
  return rows.map((row) => takenRow(names, row, { cell, key: (text) => text }));
}

/** Advisory locks are numbers of 64 bits, of one database. */
function toLockKey(lock: string): string {
  return createHash('sha256').update(`mcp2 outbox\n${lock}`).digest().readBigInt64BE().toString();
}
