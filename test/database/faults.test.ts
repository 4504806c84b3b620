/** One PostgreSQL that fails in every way it can: each call ends as documented, the process lives, the next call works. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { eventually } from '../harness/eventually.ts';
import { type PostgresServer, startPostgres } from '../harness/postgres.ts';
import { startTcpProxy } from '../harness/tcp-proxy.ts';
import { type AskContext, checked, contextOf, failureOf, jsonOf, type RunTool, toolOf } from './contract/engine.ts';
import { readSqlFile } from './postgres-engine.ts';
import { type OpenDatabase, openPostgres } from './postgres-fixture.ts';

let server: PostgresServer;
beforeAll(async () => {
  // Room for three beside those that are kept for superusers.
  server = await startPostgres({
    settings: { max_connections: '8', superuser_reserved_connections: '3', max_wal_senders: '0' },
  });
  await server.query(await readSqlFile('idempotency.sql'));
  await server.query('CREATE TABLE done (what text)');
  await server.query("CREATE ROLE someone LOGIN PASSWORD 'x'");
  await server.query('GRANT ALL ON ALL TABLES IN SCHEMA public TO someone');
});
afterAll(() => server[Symbol.asyncDispose]());
beforeEach(() => server.query('TRUNCATE done'));

const SOMEONE = { user: 'someone', password: 'x' };
const UNAVAILABLE = { reason: 'BACKEND_UNAVAILABLE' };

interface Calls {
  readonly one: AskContext;
  readonly slow: AskContext;
  readonly write: RunTool;
  readonly slowWrite: RunTool;
}

async function callsOf(database: OpenDatabase): Promise<Calls> {
  const calls = {
    one: contextOf(database, { sql: 'SELECT 1' }),
    slow: contextOf(database, { sql: 'SELECT 1 FROM pg_sleep(CAST(:seconds AS float8))', parameters: ['seconds'] }),
    write: toolOf(database, { sql: 'INSERT INTO done VALUES (:what)', parameters: ['what'] }),
    slowWrite: toolOf(database, {
      sql: 'INSERT INTO done SELECT CAST(:what AS text) FROM pg_sleep(CAST(:seconds AS float8))',
      parameters: ['what', 'seconds'],
    }),
  };
  await checked(database);
  return calls;
}

/** As many connections as the pool has, all idle. */
async function fill({ slow }: Calls, count = 2): Promise<void> {
  await Promise.all(Array.from({ length: count }, () => slow({ seconds: 0.1 })));
}

const running = (what: string) =>
  server.query(
    "SELECT pid FROM pg_stat_activity WHERE state = 'active' AND query LIKE $1 AND pid <> pg_backend_pid()",
    [`%${what}%`],
  );

/** Ends one that runs `what`, another than the one before. @returns its process */
async function end(how: 'terminate' | 'cancel', what: string, before?: unknown): Promise<unknown> {
  const [found] = await eventually(
    () => running(what),
    ([next]) => next !== undefined && next.pid !== before,
  );
  await server.query(`SELECT pg_${how}_backend($1)`, [found?.pid]);
  return found?.pid;
}

test('killed: calls fail within their deadline, and the first one after its return succeeds', async () => {
  await using database = openPostgres({ primary: server.url(SOMEONE), maxConnections: 2 });
  const calls = await callsOf(database);
  await fill(calls);
  const [read, write] = [calls.slow({ seconds: 60 }), calls.slowWrite({ what: 'a', seconds: 60 })];
  const outcomes = Promise.allSettled([read, write]);
  await eventually(
    () => running('pg_sleep'),
    (found) => found.length === 2,
  );
  await server.kill();
  for (const outcome of await outcomes) expect(outcome).toMatchObject({ status: 'rejected', reason: UNAVAILABLE });
  await expect(calls.one()).rejects.toMatchObject(UNAVAILABLE);
  await expect(calls.write({ what: 'b' })).rejects.toMatchObject(UNAVAILABLE);
  await server.restart();
  expect(jsonOf(await calls.one())).toBe(1);
  await calls.write({ what: 'c' });
  expect(await server.query('SELECT what FROM done')).toEqual([{ what: 'c' }]);
});

test('restarted while connections were idle: neither the next read nor the next write notices', async () => {
  await using database = openPostgres({ primary: server.url(SOMEONE), maxConnections: 2 });
  const calls = await callsOf(database);
  for (const round of ['a', 'b', 'c']) {
    await fill(calls);
    await server.restart();
    const all = [calls.write({ what: round }), calls.one(), calls.one(), calls.one()];
    await Promise.all(all);
  }
  expect(await server.query('SELECT what FROM done ORDER BY what')).toEqual([
    { what: 'a' },
    { what: 'b' },
    { what: 'c' },
  ]);
});

test('a pooled connection that is broken, and nobody has noticed: reads and writes go over a new one', async () => {
  await using proxy = await startTcpProxy({ targetPort: server.port });
  const url = server.url(SOMEONE).replace(`:${server.port}`, `:${proxy.port}`);
  await using database = openPostgres({ primary: url, maxConnections: 2 });
  const calls = await callsOf(database);
  for (const call of [() => calls.one(), () => calls.write({ what: 'once' })]) {
    await fill(calls);
    // The answer of BEGIN never comes, the connection breaks instead; the next one is whole.
    let cuts = 0;
    proxy.filterReplies(() => (cuts++ === 0 ? 'cut' : 'pass'));
    await call();
    expect(cuts).toBeGreaterThan(1);
  }
  expect(await server.query('SELECT what FROM done')).toEqual([{ what: 'once' }]);
});

test('frozen: calls end at the limit of the statement or at their deadline, and all is well when it goes on', async () => {
  await using database = openPostgres({ primary: server.url(SOMEONE), maxConnections: 2, statementTimeoutMs: 500 });
  const calls = await callsOf(database);
  await fill(calls);
  await server.freeze();
  try {
    await expect(calls.one()).rejects.toMatchObject(UNAVAILABLE);
    await expect(calls.write({ what: 'frozen' }, { deadlineMs: 300 })).rejects.toMatchObject({
      reason: 'DEADLINE_EXCEEDED',
    });
  } finally {
    await server.thaw();
  }
  const one = () => calls.one().then(jsonOf);
  expect(await eventually(one, (value) => value === 1)).toBe(1);
  expect(await server.query('SELECT what FROM done')).toEqual([]);
});

test('frozen before the first connection: the check and the calls say so in time', async () => {
  await using database = openPostgres({ primary: server.url(SOMEONE), statementTimeoutMs: 500 });
  const one = contextOf(database, { sql: 'SELECT 1' });
  await server.freeze();
  try {
    expect(await database.check(AbortSignal.timeout(60_000))).toBe('unreachable');
  } finally {
    await server.thaw();
  }
  await checked(database);
  expect(jsonOf(await one())).toBe(1);
});

test('out of connections: BACKEND_UNAVAILABLE with its SQLSTATE, and the next call works when one is free', async () => {
  await using database = openPostgres({ primary: server.url(SOMEONE), maxConnections: 2 });
  const calls = await callsOf(database);
  const other = openPostgres({ primary: server.url(SOMEONE), maxConnections: 5 });
  await fill(await callsOf(other), 5);
  const failure = await failureOf(calls.one());
  await other.close();
  expect(failure).toMatchObject({ ...UNAVAILABLE, metadata: { sqlstate: '53300' } });
  const one = () => calls.one().then(jsonOf);
  expect(await eventually(one, (value) => value === 1)).toBe(1);
});

test('a backend that is terminated in the middle: a read is asked again once, a write is not', async () => {
  await using database = openPostgres({ primary: server.url(SOMEONE), maxConnections: 2 });
  const calls = await callsOf(database);
  const read = calls.slow({ seconds: 1 });
  await end('terminate', 'pg_sleep');
  expect(jsonOf(await read)).toBe(1);

  const lost = { ...UNAVAILABLE, metadata: { sqlstate: '57P01' } };
  const twice = failureOf(calls.slow({ seconds: 5 }));
  const first = await end('terminate', 'pg_sleep');
  await end('terminate', 'pg_sleep', first);
  expect(await twice).toMatchObject(lost);

  const write = failureOf(calls.slowWrite({ what: 'w', seconds: 5 }));
  await end('terminate', 'INSERT INTO done');
  expect(await write).toMatchObject(lost);
  expect(jsonOf(await calls.one())).toBe(1);
  expect(await server.query('SELECT * FROM done')).toEqual([]);
});

test('a statement that somebody cancelled at the server is not taken for one that ran too long', async () => {
  await using database = openPostgres({ primary: server.url(SOMEONE) });
  const calls = await callsOf(database);
  const asked = failureOf(calls.slow({ seconds: 4 }));
  await end('cancel', 'pg_sleep');
  expect(await asked).toMatchObject({ ...UNAVAILABLE, metadata: { sqlstate: '57014' } });
  expect(jsonOf(await calls.one())).toBe(1);
});

test('callers who left leave no query behind', async () => {
  await using database = openPostgres({ primary: server.url(SOMEONE), maxConnections: 2, statementTimeoutMs: 60_000 });
  const calls = await callsOf(database);
  const left = new Error('left');
  for (const call of [calls.slow, calls.slowWrite]) {
    const leave = new AbortController();
    const asked = failureOf(call({ what: 'l', seconds: 60 }, { signal: leave.signal, deadlineMs: 60_000 }));
    await eventually(
      () => running('pg_sleep'),
      (rows) => rows.length === 1,
    );
    leave.abort(left);
    expect(await asked).toBe(left);
    await eventually(
      () => running('pg_sleep'),
      (rows) => rows.length === 0,
    );
  }
  await Promise.all(Array.from({ length: 4 }, () => calls.one()));
  expect(await server.query('SELECT * FROM done')).toEqual([]);
});

test('a full pool: those who wait are answered in turn, one more is POOL_FULL, and a wait ends at the deadline', async () => {
  await using database = openPostgres({ primary: server.url(SOMEONE), maxConnections: 1, statementTimeoutMs: 2_000 });
  const calls = await callsOf(database);
  const first = calls.slow({ seconds: 1 });
  await eventually(
    () => running('pg_sleep'),
    (rows) => rows.length === 1,
  );
  const late = failureOf(calls.one({}, { deadlineMs: 200 }));
  const waiting = Array.from({ length: 9 }, () => calls.one());
  expect(await failureOf(calls.one())).toMatchObject({ reason: 'POOL_FULL' });
  expect(await late).toMatchObject({ reason: 'DEADLINE_EXCEEDED' });
  expect((await Promise.all([first, ...waiting])).map(jsonOf)).toEqual(Array.from({ length: 10 }, () => 1));
  const long = [calls.slow({ seconds: 1.5 }), calls.slow({ seconds: 1.5 })];
  expect(await failureOf(calls.one({}, { deadlineMs: 60_000 }))).toMatchObject({ reason: 'POOL_FULL' });
  await Promise.all(long);
});

test('a database that is not there: the check says so at once, and calls say so until it is', async () => {
  await server.stop();
  await using database = openPostgres({ primary: server.url(SOMEONE) });
  const one = contextOf(database, { sql: 'SELECT 1' });
  expect(await database.check(AbortSignal.timeout(60_000))).toBe('unreachable');
  await expect(one()).rejects.toMatchObject(UNAVAILABLE);
  await server.restart();
  expect(await database.check(AbortSignal.timeout(60_000))).toEqual([]);
  expect(jsonOf(await one())).toBe(1);
});

test('a wrong password and a URL that is none are a database that cannot be reached, and are not told', async () => {
  for (const url of [server.url({ user: 'someone', password: 'a secret' }), 'postgres://%%%:a secret@', 'nonsense']) {
    await using database = openPostgres({ primary: url });
    const one = contextOf(database, { sql: 'SELECT 1' });
    expect(await database.check(AbortSignal.timeout(60_000))).toBe('unreachable');
    const error = await one().catch((refusal: unknown) => refusal);
    expect(error).toMatchObject(UNAVAILABLE);
    expect(String(error)).not.toContain('secret');
  }
});
