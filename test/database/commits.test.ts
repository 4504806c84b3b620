/** What is known of a change whose commit did not go as usual: it happened, it did not, or nobody can say. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../harness/eventually.ts';
import { type PostgresPair, startPostgresPair } from '../harness/postgres.ts';
import { startTcpProxy } from '../harness/tcp-proxy.ts';
import { checked, contextOf, failureOf, jsonOf, textsOf, toolOf } from './contract/engine.ts';
import { readSqlFile } from './postgres-engine.ts';
import { openPostgres } from './postgres-fixture.ts';

let pair: PostgresPair;
beforeAll(async () => {
  pair = await startPostgresPair({ synchronous: true });
  await pair.primary.query(await readSqlFile('idempotency.sql'));
  await pair.primary.query('CREATE TABLE counted (id text PRIMARY KEY, n integer)');
  await pair.primary.query('CREATE TABLE late (id text PRIMARY KEY DEFERRABLE INITIALLY DEFERRED)');
});
afterAll(() => pair[Symbol.asyncDispose]());

const COUNT = {
  sql: `INSERT INTO counted VALUES (:id, 1) ON CONFLICT (id) DO UPDATE SET n = counted.n + 1 RETURNING n`,
  parameters: ['id'],
};
const ONCE = { n: '1' };

const waitingForStandby = () => pair.primary.query("SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'");

test('a commit that waits for a frozen standby is OUTCOME_UNKNOWN, and the same key tells later', async () => {
  await using database = openPostgres({ primary: pair.primary.url(), statementTimeoutMs: 1_000 });
  const count = toolOf(database, COUNT);
  const read = contextOf(database, { sql: 'SELECT count(*) FROM counted' });
  await checked(database);
  await pair.replica.freeze();
  try {
    const asked = count({ id: 'frozen' }, { key: 'k-frozen', deadlineMs: 2_500 });
    expect(await failureOf(asked)).toMatchObject({ reason: 'OUTCOME_UNKNOWN' });
    // It was not cancelled: that would have committed it without the standby.
    expect(await waitingForStandby()).toHaveLength(1);
    expect(jsonOf(await read())).toBe(0);
    const again = count({ id: 'frozen' }, { key: 'k-frozen', deadlineMs: 500 });
    expect(await failureOf(again)).toMatchObject({ reason: 'DEADLINE_EXCEEDED' });
  } finally {
    await pair.replica.thaw();
  }
  expect(textsOf(await count({ id: 'frozen' }, { key: 'k-frozen' }))).toEqual(ONCE);
});

test('a caller who leaves while the commit waits hears nothing, and the change is kept for its key', async () => {
  await using database = openPostgres({ primary: pair.primary.url() });
  const count = toolOf(database, COUNT);
  await checked(database);
  await pair.replica.freeze();
  try {
    const leave = new AbortController();
    const asked = failureOf(count({ id: 'left' }, { key: 'k-left', signal: leave.signal }));
    await eventually(waitingForStandby, (rows) => rows.length === 1);
    leave.abort(new Error('left'));
    expect(await asked).toMatchObject({ reason: 'OUTCOME_UNKNOWN' });
  } finally {
    await pair.replica.thaw();
  }
  expect(textsOf(await count({ id: 'left' }, { key: 'k-left' }))).toEqual(ONCE);
});

test('a backend that is terminated while its commit waits is OUTCOME_UNKNOWN', async () => {
  await using database = openPostgres({ primary: pair.primary.url() });
  const count = toolOf(database, COUNT);
  await checked(database);
  await pair.replica.freeze();
  try {
    const asked = failureOf(count({ id: 'terminated' }, { key: 'k-terminated' }));
    const [found] = await eventually(waitingForStandby, (rows) => rows.length === 1);
    await pair.primary.query('SELECT pg_terminate_backend($1)', [found?.pid]);
    expect(await asked).toMatchObject({ reason: 'OUTCOME_UNKNOWN' });
  } finally {
    await pair.replica.thaw();
  }
  expect(textsOf(await count({ id: 'terminated' }, { key: 'k-terminated' }))).toEqual(ONCE);
});

test.each(['cut', 'drop'] as const)('the answer to COMMIT that is lost (%s) is OUTCOME_UNKNOWN', async (how) => {
  await using proxy = await startTcpProxy({ targetPort: pair.primary.port });
  const url = pair.primary.url().replace(`:${pair.primary.port}`, `:${proxy.port}`);
  await using database = openPostgres({ primary: url });
  const count = toolOf(database, COUNT);
  await checked(database);
  proxy.filterReplies((piece) => (piece.includes('COMMIT') ? how : 'pass'));
  const asked = count({ id: how }, { key: `k-${how}`, deadlineMs: 1_000 });
  expect(await failureOf(asked)).toMatchObject({ reason: 'OUTCOME_UNKNOWN' });
  await proxy.pass();
  expect(textsOf(await count({ id: how }, { key: `k-${how}` }))).toEqual(ONCE);
});

test('a commit that the database refuses is a refusal, since nothing has happened', async () => {
  await using database = openPostgres({ primary: pair.primary.url() });
  const add = toolOf(database, { sql: 'INSERT INTO late VALUES (:id)', parameters: ['id'] });
  await checked(database);
  await add({ id: 'a' });
  const refused = { reason: 'BACKEND_REFUSED', metadata: { sqlstate: '23505' } };
  expect(await failureOf(add({ id: 'a' }))).toMatchObject(refused);
  expect(await pair.primary.query('SELECT * FROM late')).toHaveLength(1);
});

test('a lost connection before COMMIT is BACKEND_UNAVAILABLE, and the same key runs it for the first time', async () => {
  await using proxy = await startTcpProxy({ targetPort: pair.primary.port });
  const url = pair.primary.url().replace(`:${pair.primary.port}`, `:${proxy.port}`);
  await using database = openPostgres({ primary: url });
  const count = toolOf(database, COUNT);
  await checked(database);
  proxy.filterReplies((piece) => (piece.includes('INSERT 0 1') ? 'cut' : 'pass'));
  expect(await failureOf(count({ id: 'before' }, { key: 'k-before' }))).toMatchObject({
    reason: 'BACKEND_UNAVAILABLE',
  });
  await proxy.pass();
  expect(textsOf(await count({ id: 'before' }, { key: 'k-before' }))).toEqual(ONCE);
});

test.each(['RepeatableRead', 'Serializable'] as const)(
  'conflicts of %s are run again until they succeed',
  async (isolation) => {
    await using database = openPostgres({ primary: pair.primary.url() });
    const count = toolOf(database, { ...COUNT, isolation });
    await checked(database);
    await count({ id: isolation });
    const outcomes = await Promise.allSettled(Array.from({ length: 8 }, () => count({ id: isolation })));
    const succeeded = outcomes.filter(({ status }) => status === 'fulfilled').length;
    const conflict = { reason: 'BACKEND_UNAVAILABLE', metadata: { sqlstate: '40001' } };
    for (const outcome of outcomes) if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject(conflict);
    expect(succeeded).toBeGreaterThan(0);
    expect(await pair.primary.query('SELECT n FROM counted WHERE id = $1', [isolation])).toEqual([
      { n: 1 + succeeded },
    ]);
  },
);

test('twenty calls of one key at once run once, at every isolation', async () => {
  await using database = openPostgres({ primary: pair.primary.url() });
  for (const isolation of ['RepeatableRead', 'Serializable'] as const) {
    const count = toolOf(database, { ...COUNT, isolation });
    await checked(database);
    const id = `once-${isolation}`;
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => count({ id }, { key: `k-${id}` })));
    const answers = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [textsOf(outcome.value)] : []));
    expect(new Set(answers.map((answer) => JSON.stringify(answer)))).toEqual(new Set([JSON.stringify(ONCE)]));
    expect(await pair.primary.query('SELECT n FROM counted WHERE id = $1', [id])).toEqual([{ n: 1 }]);
  }
});

test('kept answers that are too old are as good as none, and are taken away', async () => {
  await using database = openPostgres({ primary: pair.primary.url() });
  const count = toolOf(database, COUNT);
  await checked(database);
  await count({ id: 'old' }, { key: 'k-old' });
  await pair.primary.query("UPDATE mcp2_idempotency SET created_at = now() - interval '11 minutes' WHERE id = 'k-old'");
  expect(textsOf(await count({ id: 'old' }, { key: 'k-old', argumentsHash: 'other' }))).toEqual({ n: '2' });
});
