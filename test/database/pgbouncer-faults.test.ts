/** What fails behind PgBouncer, and PgBouncer itself. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../harness/eventually.ts';
import { type Pgbouncer, startPgbouncer } from '../harness/pgbouncer.ts';
import { type PostgresServer, startPostgres } from '../harness/postgres.ts';
import { checked, contextOf, failureOf, jsonOf, toolOf } from './contract/engine.ts';
import { readSqlFile } from './postgres-engine.ts';
import { openPostgres } from './postgres-fixture.ts';

let server: PostgresServer;
let pooler: Pgbouncer;
beforeAll(async () => {
  server = await startPostgres();
  await server.query(await readSqlFile('idempotency.sql'));
  await server.query('CREATE TABLE done (what text)');
  pooler = await startPgbouncer({ serverPort: server.port });
});
afterAll(async () => {
  await pooler[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

const running = () =>
  server.query(
    "SELECT pid FROM pg_stat_activity WHERE query LIKE '%pg_sleep%' AND state = 'active' AND pid <> pg_backend_pid()",
  );

async function open(statementTimeoutMs = 60_000) {
  const database = openPostgres({ primary: pooler.url(), statementTimeoutMs });
  const one = contextOf(database, { sql: 'SELECT 1' });
  const slow = contextOf(database, { sql: 'SELECT 1 FROM pg_sleep(60)' });
  const write = toolOf(database, { sql: 'INSERT INTO done VALUES (:what)', parameters: ['what'] });
  await checked(database);
  await one();
  return { one, slow, write, [Symbol.asyncDispose]: () => database.close() };
}

test('a caller who left leaves no query behind, and the next statements are not hit by the cancel request', async () => {
  await using calls = await open();
  for (let round = 0; round < 5; round++) {
    const leave = new AbortController();
    const asked = failureOf(calls.slow({}, { signal: leave.signal, deadlineMs: 60_000 }));
    await eventually(running, (rows) => rows.length === 1);
    leave.abort(new Error('left'));
    await asked;
    await eventually(running, (rows) => rows.length === 0);
    expect((await Promise.all(Array.from({ length: 8 }, () => calls.one()))).map(jsonOf)).toEqual(new Array(8).fill(1));
  }
});

test('PostgreSQL restarted behind it: calls fail at most until it is back, and nothing runs twice', async () => {
  await using calls = await open();
  await server.restart();
  await eventually(
    () => calls.write({ what: 'a' }),
    ({ success }) => success,
  );
  expect(jsonOf(await calls.one())).toBe(1);
  expect(await server.query('SELECT what FROM done')).toEqual([{ what: 'a' }]);
});

test('PostgreSQL killed in the middle of a call is BACKEND_UNAVAILABLE, when PgBouncer has waited long enough for it', async () => {
  await using calls = await open(2_000);
  const asked = failureOf(calls.slow());
  await eventually(running, (rows) => rows.length === 1);
  await server.kill();
  expect(await asked).toMatchObject({ reason: 'BACKEND_UNAVAILABLE' });
  expect(await failureOf(calls.write({ what: 'b' }, { deadlineMs: 1_000 }))).toBeDefined();
  await server.restart();
  const one = () => calls.one().then(jsonOf);
  expect(await eventually(one, (value) => value === 1)).toBe(1);
});

test('PgBouncer killed while connections were idle: the next calls go over new ones', async () => {
  await using calls = await open();
  await pooler.process.kill();
  expect(await failureOf(calls.one())).toMatchObject({ reason: 'BACKEND_UNAVAILABLE' });
  await pooler.process.start();
  expect(jsonOf(await calls.one())).toBe(1);
});
