import { DatabaseError } from 'pg';
import { expect, test } from 'vitest';
import { type Logger, silentLogger } from '#lib/logger.ts';
import { ConnectionLost } from './connection-lost.ts';
import { logFailure, refusal } from './failure.ts';

function serverError(code: string, message = 'what the server says'): DatabaseError {
  return Object.assign(new DatabaseError(message, 0, 'error'), { code, detail: 'Key (name)=(a row) exists.' });
}

const BY_STATEMENT = { ms: 2_000, by: 'statementTimeout' } as const;
const BY_DEADLINE = { ms: 300, by: 'deadline' } as const;

test.each([
  ['57014', BY_STATEMENT, 2_001, 'STATEMENT_TIMEOUT'],
  ['57014', BY_DEADLINE, 301, 'DEADLINE_EXCEEDED'],
  ['57014', BY_STATEMENT, 500, 'BACKEND_UNAVAILABLE'],
  ['40001', BY_STATEMENT, 5, 'BACKEND_UNAVAILABLE'],
  ['40P01', BY_STATEMENT, 1_000, 'BACKEND_UNAVAILABLE'],
  ['53100', BY_STATEMENT, 5, 'BACKEND_UNAVAILABLE'],
  ['55P03', BY_STATEMENT, 5, 'BACKEND_UNAVAILABLE'],
  ['58030', BY_STATEMENT, 5, 'BACKEND_UNAVAILABLE'],
  ['23505', BY_STATEMENT, 5, 'BACKEND_REFUSED'],
  ['22P02', BY_STATEMENT, 5, 'BACKEND_REFUSED'],
  ['25006', BY_STATEMENT, 5, 'BACKEND_REFUSED'],
  ['42501', BY_STATEMENT, 5, 'BACKEND_REFUSED'],
  ['P0001', BY_STATEMENT, 5, 'BACKEND_REFUSED'],
])('SQLSTATE %s under %o after %i ms is %s', (sqlstate, limit, elapsedMs, reason) => {
  const error = refusal(serverError(sqlstate), limit, elapsedMs);
  expect(error.reason).toBe(reason);
  expect(error.message).not.toContain('what the server says');
  expect(error.cause).toBeUndefined();
});

function logged(error: unknown, values: readonly (string | null)[]): string {
  const lines: string[] = [];
  const write = (fields: object, message: string) => lines.push(JSON.stringify({ ...fields, message }));
  const log: Logger = { ...silentLogger, info: write, warn: write };
  logFailure(log, error, values);
  return lines.join('\n');
}

test('what is logged holds neither rows nor what a caller sent', () => {
  const error = serverError('22P02', 'invalid input syntax for type integer: "ab", near hunter2 "hunter2"');
  const line = logged(error, ['ab', 'hunter2', null, '']);
  expect(line).toContain('22P02');
  expect(line).not.toMatch(/"ab|hunter2|a row/);
  expect(logged(new ConnectionLost(error), ['hunter2'])).not.toContain('hunter2');
});

test('an error that is no failure of the database is not logged here', () => {
  expect(logged(new Error('hunter2'), [])).toBe('');
});
