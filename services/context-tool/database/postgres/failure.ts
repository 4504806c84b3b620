/**
 * What a caller is told when a call of the database fails: a reason, a sentence of ours and the SQLSTATE, never the
 * database's own text, which may hold values of other rows.
 *
 * https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
import { DatabaseError } from 'pg';
import { ServiceError } from '#lib/errors.ts';
import type { Logger } from '#lib/logger.ts';
import { withoutValues } from '../without-values.ts';
import { ConnectionLost } from './connection-lost.ts';

/** How long a statement was allowed to run, by the server's clock. */
export interface StatementLimit {
  readonly ms: number;
  /** Which of the two limits that is. */
  readonly by: 'deadline' | 'statementTimeout';
}

const QUERY_CANCELED = '57014';
const READ_ONLY = '25006';
const CONFLICTS: ReadonlySet<string> = new Set(['40001', '40P01']);
/** Insufficient resources, operator intervention, system error; and a lock that somebody else holds. */
const UNAVAILABLE = /^(?:53|57|58)|^55P03$/;
/** The server's timer cannot fire before ours has run as long; clocks of one machine differ by this at most. */
const TOLERANCE_MS = 5;

/** Nothing of the transaction has happened, and run again it may succeed. */
export function isConflict(error: unknown): boolean {
  return error instanceof DatabaseError && CONFLICTS.has(error.code ?? '');
}

/** A write where the server or the transaction allows none. */
export function isReadOnlyRefusal(error: unknown): boolean {
  return error instanceof DatabaseError && error.code === READ_ONLY;
}

/** It could not be run now; that says nothing of the statement. */
export function isUnavailable(error: DatabaseError): boolean {
  return UNAVAILABLE.test(error.code ?? '');
}

export function unavailable(sqlstate: string | undefined): ServiceError {
  const metadata = sqlstate === undefined ? {} : { sqlstate };
  return new ServiceError('BACKEND_UNAVAILABLE', 'the database cannot be reached; try again', { metadata });
}

export function noAnswer(ms: number): ServiceError {
  return new ServiceError('BACKEND_UNAVAILABLE', `the database did not answer within ${ms} ms; try again`);
}

export function deadlineExceeded(): ServiceError {
  return new ServiceError('DEADLINE_EXCEEDED', 'the deadline passed before the database had answered');
}

export function outcomeUnknown(sqlstate: string | undefined): ServiceError {
  const metadata = sqlstate === undefined ? {} : { sqlstate };
  const message =
    'the database did not say whether the change was committed: it may have happened or not; ' +
    'look, or call again with the same idempotency key';
  return new ServiceError('OUTCOME_UNKNOWN', message, { metadata });
}

/** Of an error after which the server went on: nothing was committed. */
export function refusal(error: DatabaseError, limit: StatementLimit, elapsedMs: number): ServiceError {
  const sqlstate = error.code ?? '';
  const metadata = { sqlstate };
  if (sqlstate === QUERY_CANCELED && elapsedMs >= limit.ms - TOLERANCE_MS) {
    if (limit.by === 'deadline') return deadlineExceeded();
    const message = `the statement was stopped after ${limit.ms} ms, its limit (statementTimeout)`;
    return new ServiceError('STATEMENT_TIMEOUT', message, { metadata });
  }
  if (isConflict(error)) {
    const message = 'the change conflicts with others that run at the same time; nothing was changed, try again';
    return new ServiceError('BACKEND_UNAVAILABLE', message, { metadata });
  }
  if (isUnavailable(error)) {
    const message = `the database could not run the statement now (SQLSTATE ${sqlstate}); try again`;
    return new ServiceError('BACKEND_UNAVAILABLE', message, { metadata });
  }
  const message = `the database refused the statement (SQLSTATE ${sqlstate}); nothing was changed`;
  return new ServiceError('BACKEND_REFUSED', message, { metadata });
}

/** What the operator may see of it: no detail, which quotes rows, and no value that the caller sent. */
export function logFailure(log: Logger, error: unknown, values: readonly (string | null)[]): void {
  const { cause = error } = error instanceof ConnectionLost ? error : {};
  if (cause instanceof DatabaseError) {
    const { code, schema, table, column, constraint, position, routine } = cause;
    const message = withoutValues(cause.message, values);
    log.info({ sqlstate: code, message, schema, table, column, constraint, position, routine }, 'the database refused');
  } else if (error instanceof ConnectionLost) {
    log.warn({ message: cause instanceof Error ? cause.message : '' }, 'the connection to the database was lost');
  }
}
