/**
 * Runs the statement of a tool, on the primary alone.
 *
 * It is run again in two cases, in both of which nothing has happened: the connection broke before a byte of the statement
 * left (BEGIN was not answered), and the server rolled it back for a conflict with others.
 */

import { backoffMs } from '#lib/backoff.ts';
import type { Logger } from '#lib/logger.ts';
import type { ToolAnswer, ToolCall } from '#sdk/server/declaration.ts';
import type { ToolStatementConfig } from '../../config/runtime-config.ts';
import { Attempt, type AttemptFailed, type AttemptOptions } from './attempt.ts';
import type { Answer } from './exchange.ts';
import { isConflict, logFailure } from './failure.ts';
import { claim, keep } from './idempotency.ts';
import { beginWrite } from './transaction-text.ts';

export interface WriteStatement {
  readonly text: string;
  readonly values: readonly (string | null)[];
  readonly keepRows: number;
  readonly isolation: ToolStatementConfig['isolation'];
  /** @throws ServiceError when it may not be answered: the change is rolled back then */
  readonly toAnswer: (answer: Answer) => ToolAnswer;
}

export interface WriteOptions extends AttemptOptions {
  readonly call: ToolCall;
  readonly random: () => number;
  /** Made when there is something to say. */
  readonly log: () => Logger;
}

const CONFLICT_ATTEMPTS = 3;
const CONFLICT_BACKOFF = { baseMs: 10, capMs: 100 };

/** @throws ServiceError; the reason of the caller's signal */
export async function write(statement: WriteStatement, options: WriteOptions): Promise<ToolAnswer> {
  const { member, meter, call, clock, random, log } = options;
  let reconnected = false;
  for (let conflicts = 0; ; ) {
    try {
      return await Attempt.run(options, (attempt) => change(attempt, statement, options));
    } catch (error) {
      const failed = error as AttemptFailed;
      logFailure(log(), failed.cause, statement.values);
      if (failed.wasLost) member.pool.distrust();
      if (call.signal.aborted) throw failed.reason;
      if (failed.wasLost && failed.phase === 'begin' && !reconnected) {
        reconnected = true;
        meter.retried('connection');
      } else if (isConflict(failed.cause) && conflicts < CONFLICT_ATTEMPTS - 1) {
        await clock.sleep(backoffMs(conflicts, { ...CONFLICT_BACKOFF, random }), call.signal);
        conflicts += 1;
        meter.retried('conflict');
      } else {
        throw failed.reason;
      }
    }
  }
}

async function change(attempt: Attempt, statement: WriteStatement, options: WriteOptions): Promise<ToolAnswer> {
  const { keyed } = options.call;
  const { isolation, text, values, keepRows, toAnswer } = statement;
  // Whoever comes second with a key waits for the first: as long as the caller does, and not as long as a statement may run.
  if (keyed !== undefined) attempt.limitTo(Number.POSITIVE_INFINITY);
  await attempt.begin((connection, statementTimeoutMs) => beginWrite(connection, { isolation, statementTimeoutMs }));
  if (keyed !== undefined) {
    const kept = await claim(attempt, keyed, options.statementTimeoutMs);
    if (kept !== undefined) return kept;
    attempt.limitTo(options.statementTimeoutMs);
  }
  const answer = toAnswer(await attempt.execute({ text, values, keepRows }));
  if (keyed !== undefined) await keep(attempt, keyed, answer);
  await attempt.commit();
  return answer;
}
