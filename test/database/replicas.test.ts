/** Which server answers a read: a replica that is close, any replica without a primary, else the primary. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../harness/eventually.ts';
import { type PostgresPair, startPostgresPair } from '../harness/postgres.ts';
import { type AskContext, checked, contextOf, jsonOf, toolOf } from './contract/engine.ts';
import { readSqlFile } from './postgres-engine.ts';
import { type OpenDatabase, openPostgres } from './postgres-fixture.ts';

let pair: PostgresPair;
beforeAll(async () => {
  pair = await startPostgresPair({ settings: { max_standby_streaming_delay: '100ms' } });
  await pair.primary.query(await readSqlFile('idempotency.sql'));
  await pair.primary.query('CREATE TABLE counted (n integer)');
  await pair.primary.query('INSERT INTO counted VALUES (1)');
});
afterAll(() => pair[Symbol.asyncDispose]());

const COUNT = 'SELECT sum(n) FROM counted';

function open(): OpenDatabase {
  return openPostgres({ primary: pair.primary.url(), replicas: [pair.replica.url()], statementTimeoutMs: 2_000 });
}

async function untilFrom(ask: AskContext, ...metadata: readonly string[]): Promise<void> {
  const from = () => ask().then((answer) => answer.metadata?.join(' '));
  await eventually(from, (seen) => seen === metadata.join(' '), { timeoutMs: 20_000, what: metadata.join(' ') });
}

test('a replica that is close answers, a write goes to the primary, and what was written is read within maxLag', async () => {
  await using database = open();
  const count = contextOf(database, { sql: COUNT });
  const add = toolOf(database, { sql: 'INSERT INTO counted VALUES (CAST(:n AS integer))', parameters: ['n'] });
  await checked(database);
  await untilFrom(count, 'source:replica');
  await add({ n: 2 });
  await eventually(
    () => count().then(jsonOf),
    (value) => value === '3' || value === 3,
  );
  expect((await count()).metadata).toEqual(['source:replica']);
});

test('a replica that lags is not read from until it has caught up', async () => {
  await using database = open();
  const count = contextOf(database, { sql: COUNT });
  await checked(database);
  await untilFrom(count, 'source:replica');
  await pair.replica.query('SELECT pg_wal_replay_pause()');
  await pair.primary.query('INSERT INTO counted VALUES (10)');
  await untilFrom(count, 'source:primary');
  for (let i = 0; i < 20; i++) expect((await count()).metadata).toEqual(['source:primary']);
  await pair.replica.query('SELECT pg_wal_replay_resume()');
  await untilFrom(count, 'source:replica');
});

test('a replica that is killed or frozen fails no read', async () => {
  await using database = open();
  const count = contextOf(database, { sql: COUNT });
  await checked(database);
  await untilFrom(count, 'source:replica');
  await pair.replica.kill();
  for (let i = 0; i < 20; i++) await count();
  await untilFrom(count, 'source:primary');
  await pair.replica.restart();
  await untilFrom(count, 'source:replica');
  await pair.replica.freeze();
  await untilFrom(count, 'source:primary').finally(() => pair.replica.thaw());
  await untilFrom(count, 'source:replica');
});

test('without a primary any replica answers and says that its lag is unknown; a tool is BACKEND_UNAVAILABLE', async () => {
  await using database = open();
  const count = contextOf(database, { sql: COUNT });
  const add = toolOf(database, { sql: 'INSERT INTO counted VALUES (1)' });
  await checked(database);
  await untilFrom(count, 'source:replica');
  await pair.primary.kill();
  await untilFrom(count, 'source:replica', 'lag:unknown');
  await expect(add()).rejects.toMatchObject({ reason: 'BACKEND_UNAVAILABLE' });
  await pair.primary.restart();
  await untilFrom(count, 'source:replica');
  expect(await add()).toMatchObject({ success: true });
});

test('with the primary away from the start contexts are checked on a replica and serve, tools wait', async () => {
  await pair.primary.stop();
  await using database = open();
  const count = contextOf(database, { sql: COUNT });
  const add = toolOf(database, { sql: 'INSERT INTO counted VALUES (1)' });
  expect(await database.check(AbortSignal.timeout(60_000))).toBe('unreachable');
  await untilFrom(count, 'source:replica', 'lag:unknown');
  await expect(add()).rejects.toMatchObject({ reason: 'BACKEND_UNAVAILABLE' });
  await pair.primary.restart();
  await checked(database);
  expect(await add()).toMatchObject({ success: true });
});

test('a read that is in the way of what the replica replays is asked again at the primary', async () => {
  await using database = open();
  const sql = 'SELECT count(*) FROM counted, pg_sleep(0.5)';
  const slow = contextOf(database, { sql });
  const count = contextOf(database, { sql: COUNT });
  await checked(database);
  await pair.primary.query('CREATE TABLE gone (n integer)');
  await untilFrom(count, 'source:replica');
  const asked = slow();
  await eventually(
    () =>
      pair.replica.query("SELECT 1 FROM pg_stat_activity WHERE query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()"),
    (rows) => rows.length === 1,
  );
  await pair.primary.query('TRUNCATE counted');
  expect((await asked).metadata).toEqual(['source:primary']);
});

test('what is called the primary and is a standby takes no write, and says that it cannot be reached', async () => {
  await using database = openPostgres({ primary: pair.replica.url() });
  const add = toolOf(database, { sql: 'INSERT INTO counted VALUES (1)' });
  await checked(database);
  await expect(add()).rejects.toMatchObject({ reason: 'BACKEND_UNAVAILABLE', metadata: { sqlstate: '25006' } });
});

test('a replica that was promoted is read from only when there is no primary', async () => {
  await using database = open();
  const count = contextOf(database, { sql: COUNT });
  await checked(database);
  await untilFrom(count, 'source:replica');
  await pair.replica.query('SELECT pg_promote()');
  await untilFrom(count, 'source:primary');
  await pair.primary.kill();
  await untilFrom(count, 'source:replica', 'lag:unknown');
});
