/**
 * Nothing that a caller sends becomes text of a statement: every attempt is one of the values, and the server's own log of
 * statements holds the same texts before and after.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type PostgresServer, startPostgres } from '../harness/postgres.ts';
import {
  type AskContext,
  checked,
  contextOf,
  failureOf,
  jsonOf,
  type RunTool,
  textsOf,
  toolOf,
} from './contract/engine.ts';
import { INJECTION_ATTEMPTS, INJECTION_VALUES } from './injection-attempts.ts';
import { readSqlFile } from './postgres-engine.ts';
import { type OpenDatabase, openPostgres } from './postgres-fixture.ts';
import { completeLog, statementsIn } from './statement-log.ts';

const ATTEMPTS: readonly unknown[] = [...INJECTION_ATTEMPTS.map(({ text }) => text), ...INJECTION_VALUES];

let server: PostgresServer;
let database: OpenDatabase;
let bySegment: AskContext;
let byParameter: AskContext;
let byNumber: AskContext;
let byTool: RunTool;

beforeAll(async () => {
  server = await startPostgres({ settings: { log_min_error_statement: 'panic' } });
  await server.query(await readSqlFile('idempotency.sql'));
  await server.query("CREATE TABLE stock (sku text, quantity integer); INSERT INTO stock VALUES ('pear', 3)");
  await server.query("CREATE TABLE secrets (secret text); INSERT INTO secrets VALUES ('the secret')");
  await server.query('CREATE TABLE notes (note text)');
  database = openPostgres({ primary: server.url() });
  bySegment = contextOf(database, {
    sql: 'SELECT quantity FROM stock WHERE sku = :sku',
    segments: ['sku'],
    result: 'Rows',
  });
  byParameter = contextOf(database, { sql: 'SELECT CAST(:text AS text)', parameters: ['text'] });
  byNumber = contextOf(database, {
    sql: 'SELECT quantity FROM stock LIMIT CAST(:n AS integer)',
    parameters: ['n'],
    result: 'Rows',
  });
  byTool = toolOf(database, { sql: 'INSERT INTO notes VALUES (:note) RETURNING note', parameters: ['note'] });
  await checked(database);
});
afterAll(async () => {
  await database.close();
  await server[Symbol.asyncDispose]();
});

/** Without times: each call has a limit of its own. */
async function statementTexts(): Promise<Set<string>> {
  const texts = statementsIn(await completeLog(server)).filter((text) => !text.includes('up to here'));
  return new Set(texts.map((text) => text.replace(/statement_timeout = \d+/, 'statement_timeout = N')));
}

test('there are at least sixty attempts, of keys, parameters, arguments, types and encodings', () => {
  expect(ATTEMPTS.length).toBeGreaterThanOrEqual(60);
  expect(new Set(ATTEMPTS.map((value) => JSON.stringify(value))).size).toBe(ATTEMPTS.length);
});

test('no attempt changes a statement, reads what it may not or leaves anything behind', async () => {
  await bySegment({ sku: 'pear' });
  await byParameter({ text: 'pear' });
  await byNumber({ n: 1 });
  await byTool({ note: 'pear' }, { key: 'first' });
  await byTool({ note: 'pear' }, { key: 'first' });
  await failureOf(byNumber({ n: 'pear' }));
  const before = await statementTexts();
  expect([...before].filter((text) => text.includes('$1')).length).toBeGreaterThanOrEqual(4);

  for (const [i, attempt] of ATTEMPTS.entries()) {
    const text = typeof attempt === 'object' && attempt !== null ? JSON.stringify(attempt) : String(attempt);
    expect(jsonOf(await bySegment({ sku: text }))).toEqual([]);
    expect(jsonOf(await byParameter({ text: attempt }))).toBe(text);
    expect(textsOf(await byTool({ note: attempt }, { key: `${text} ${i}`, argumentsHash: text }))).toEqual({
      note: text,
    });
    const number = await failureOf(byNumber({ n: attempt }));
    if (number !== undefined) expect(number).toMatchObject({ reason: 'BACKEND_REFUSED' });
  }

  expect([...(await statementTexts())].filter((text) => !before.has(text))).toEqual([]);
  expect(await server.query('SELECT secret FROM secrets')).toEqual([{ secret: 'the secret' }]);
  expect(await server.query('SELECT quantity FROM stock')).toEqual([{ quantity: 3 }]);
  expect(await server.query('SELECT count(*)::int AS n FROM notes')).toEqual([{ n: ATTEMPTS.length + 1 }]);
  const others = await server.query("SELECT rolname FROM pg_roles WHERE rolname !~ '^pg_' AND rolname <> 'postgres'");
  expect(others).toEqual([]);
});

test('names that callers send beside the declared ones are not looked at', async () => {
  const request = { text: 'x', '1; DROP TABLE stock; --': 'y', $1: 'z', constructor: 'c', __proto__: 'p' };
  expect(jsonOf(await byParameter(request))).toBe('x');
});
