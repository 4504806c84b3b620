/**
 * The answers of calls with an idempotency key, kept in the database that they changed, in the same transaction: what is
 * kept has happened, what has happened is kept, over every replica and restart. `idempotency.sql` makes the table.
 *
 * The first call inserts its row; a second one of the same key waits for the first's transaction to end, since the row is
 * unique, and then finds the answer, or nothing when the first was rolled back.
 */
import { ServiceError } from '#lib/errors.ts';
import type { KeyedCall, ToolAnswer } from '#sdk/server/declaration.ts';
import { readKeptAnswer, writeKeptAnswer } from '../kept-answer.ts';
import type { Attempt } from './attempt.ts';

const KEPT_FOR = "interval '10 minutes'";
const PRUNE_BATCH = 500;

/** A row that is too old is as good as none. The limit of the statements that follow is set on the way. */
const CLAIM =
  'INSERT INTO mcp2_idempotency AS kept (id, arguments_hash) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE ' +
  'SET arguments_hash = EXCLUDED.arguments_hash, answer = NULL, created_at = now() ' +
  `WHERE kept.created_at < now() - ${KEPT_FOR} RETURNING set_config('statement_timeout', $3, true)`;
const FIND = 'SELECT arguments_hash, answer FROM mcp2_idempotency WHERE id = $1';
const KEEP = 'UPDATE mcp2_idempotency SET answer = $2 WHERE id = $1';
export const PRUNE =
  'DELETE FROM mcp2_idempotency WHERE id IN (SELECT id FROM mcp2_idempotency ' +
  `WHERE created_at < now() - ${KEPT_FOR} LIMIT ${PRUNE_BATCH} FOR UPDATE SKIP LOCKED)`;

/** What the table must allow. */
export const IDEMPOTENCY_STATEMENTS: readonly string[] = [CLAIM, FIND, KEEP, PRUNE];

/**
 * @returns the answer that is kept; undefined: the call is the first of its key, and runs
 * @throws ServiceError IDEMPOTENCY_CONFLICT
 */
export async function claim(
  attempt: Attempt,
  { id, argumentsHash }: KeyedCall,
  statementTimeoutMs: number,
): Promise<ToolAnswer | undefined> {
  const values = [id, argumentsHash, String(statementTimeoutMs)];
  const { rowCount } = await attempt.execute({ text: CLAIM, values, keepRows: 1 });
  if (rowCount === 1) return undefined;
  const { rows } = await attempt.execute({ text: FIND, values: [id], keepRows: 1 });
  const [hash, answer] = rows[0] ?? [];
  if (hash !== argumentsHash) {
    const message = 'this idempotency key was used with other arguments: a new call needs a new key';
    throw new ServiceError('IDEMPOTENCY_CONFLICT', message);
  }
  return readKeptAnswer(answer ?? '');
}

export async function keep(attempt: Attempt, { id }: KeyedCall, answer: ToolAnswer): Promise<void> {
  await attempt.execute({ text: KEEP, values: [id, writeKeptAnswer(answer)], keepRows: 1 });
}
