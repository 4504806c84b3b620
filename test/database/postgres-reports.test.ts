/** What PostgreSQL's part says of itself: problems at load, log lines, metrics. */
import { Registry } from 'prom-client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createLogger } from '#lib/observe/logger.ts';
import { createDatabaseMetrics } from '../../services/context-tool/database/database-metrics.ts';
import { eventually } from '../harness/eventually.ts';
import { type PostgresPair, startPostgresPair } from '../harness/postgres.ts';
import { callWith, checked, contextOf, failureOf, PLACE, toolOf } from './contract/engine.ts';
import { readSqlFile } from './postgres-engine.ts';
import { openPostgres } from './postgres-fixture.ts';

let pair: PostgresPair;
beforeAll(async () => {
  pair = await startPostgresPair();
});
afterAll(() => pair[Symbol.asyncDispose]());

const PASSWORD = 'pass:word/?#';

test.each([
  ['a table that is missing', 'SELECT 1\nFROM\n  no_such', 2, '  '.length, 'relation "no_such" does not exist'],
  ['a typo behind a placeholder', 'SELECT CAST(:a AS text),\n  🍐 FROM :a', 1, '  X FROM '.length, 'syntax error'],
  [
    'a value that no type fits',
    "SELECT CAST(:a AS text), 1 + 'x'",
    0,
    'SELECT CAST(:a AS text), 1 + '.length,
    'integer',
  ],
  [
    'a type of a parameter that is not clear',
    'SELECT :a IS NULL',
    0,
    'SELECT '.length,
    'data type of parameter :a. Say its type',
  ],
  [
    'a parameter of two types',
    'SELECT 1 WHERE :a = 1 AND :a = now()',
    0,
    'SELECT 1 WHERE :a = 1 AND :a '.length,
    'operator',
  ],
])(
  '%s is a problem at its line and column, with what the database says',
  async (_title, sql, lines, columns, words) => {
    await using database = openPostgres({ primary: pair.primary.url() });
    contextOf(database, { sql, segments: ['a'], result: 'Row' });
    const problems = await database.check(AbortSignal.timeout(30_000));
    expect(problems).toMatchObject([{ ...PLACE, line: PLACE.line + lines, column: PLACE.column + columns }]);
    expect(JSON.stringify(problems)).toContain(JSON.stringify(words).slice(1, -1));
  },
);

test('a Value of two columns, a context without columns and a statement that may not be one are named', async () => {
  await using database = openPostgres({ primary: pair.primary.url() });
  const statements = ['SELECT 1 AS a, 2 AS b', '/* a */ (SELECT 1)', 'DO $$ BEGIN END $$', 'COPY pg_class TO STDOUT'];
  for (const sql of statements) contextOf(database, { sql });
  const problems = await database.check(AbortSignal.timeout(30_000));
  expect(JSON.stringify(problems)).toMatch(/one column, and the statement answers 2.*begins with one of.*DO.*COPY/s);
  expect(problems).toHaveLength(3);
});

test('without the table of kept answers every tool is a problem that says so, and contexts are not', async () => {
  await using database = openPostgres({ primary: pair.primary.url() });
  toolOf(database, { sql: 'SELECT 1' });
  toolOf(database, { sql: 'SELECT 2' });
  contextOf(database, { sql: 'SELECT 3' });
  const problems = await database.check(AbortSignal.timeout(30_000));
  expect(problems).toHaveLength(2);
  expect(JSON.stringify(problems)).toContain('the table mcp2_idempotency is missing');
  await pair.primary.query('CREATE TABLE mcp2_idempotency (id text)');
  await using other = openPostgres({ primary: pair.primary.url() });
  toolOf(other, { sql: 'SELECT 1' });
  expect(JSON.stringify(await other.check(AbortSignal.timeout(30_000)))).toContain('is not as it should be');
  await pair.primary.query('DROP TABLE mcp2_idempotency');
});

test('no log line and no error holds a value, a row or a password', async () => {
  const lines: string[] = [];
  const log = createLogger({ service: 'test', level: 'trace', stream: { write: (line) => lines.push(line) } });
  await pair.primary.query(await readSqlFile('idempotency.sql'));
  await pair.primary.query('CREATE TABLE people (name text PRIMARY KEY, age integer CHECK (age > 0))');
  await pair.primary.query("INSERT INTO people VALUES ('in the table', 7)");
  await pair.primary.query(`CREATE ROLE logged LOGIN PASSWORD '${PASSWORD}'`);
  await pair.primary.query('GRANT ALL ON people, mcp2_idempotency TO logged');
  const primary = pair.primary.url({ user: 'logged', password: PASSWORD });
  await using database = openPostgres({ primary, log });
  const sql = 'INSERT INTO people VALUES (:name, CAST(:age AS integer))';
  const run = database.tool(
    { database: 'db', sql, place: PLACE, result: 'Row', isolation: 'ReadCommitted' },
    { segments: [], parameters: ['name', 'age'] },
  );
  await checked(database);
  const add = (args: { name: string; age: unknown }) => failureOf((async () => run(args, { ...callWith(), log }))());
  const failures = [
    await add({ name: 'in the table', age: 1 }),
    await add({ name: 'hunter2', age: -1 }),
    await add({ name: 'x', age: 'hunter2' }),
    await add({ name: 'x', age: '9'.repeat(30) }),
  ];
  expect(failures).toMatchObject(['23505', '23514', '22P02', '22003'].map((sqlstate) => ({ metadata: { sqlstate } })));
  await using wrong = openPostgres({ primary: primary.replace('pass', 'wrong'), log });
  contextOf(wrong, { sql: 'SELECT 1' });
  expect(await wrong.check(AbortSignal.timeout(30_000))).toBe('unreachable');
  const all = lines.join('') + failures.map(String).join('');
  expect(all).toContain('people_age_check');
  expect(all).toContain('28P01');
  expect(all).not.toMatch(/hunter2|in the table|9{30}|word\/\?#|word%2F/);
});

test('a role that may do more than a context needs is named in the log', async () => {
  await pair.primary.query("CREATE ROLE writer LOGIN PASSWORD 'x'");
  await pair.primary.query("CREATE ROLE reader LOGIN PASSWORD 'x'");
  await pair.primary.query('ALTER ROLE reader SET default_transaction_read_only = on');
  const heard = async (url: string) => {
    const lines: string[] = [];
    const log = createLogger({ service: 'test', level: 'warn', stream: { write: (line) => lines.push(line) } });
    await using database = openPostgres({ primary: url, log });
    contextOf(database, { sql: 'SELECT 1' });
    await checked(database);
    return lines.map((line) => (JSON.parse(line) as { msg: string }).msg);
  };
  expect(await heard(pair.primary.url())).toEqual(['a database is used as its superuser']);
  const writer = pair.primary.url({ user: 'writer', password: 'x' });
  expect(await heard(writer)).toEqual(['contexts are read with a role that may write']);
  expect(await heard(pair.primary.url({ user: 'reader', password: 'x' }))).toEqual([]);
});

test('metrics name connections, waiting callers, lag, calls by result, retries and cancelled statements', async () => {
  const registry = new Registry();
  const metrics = createDatabaseMetrics(registry);
  const database = openPostgres({
    primary: pair.primary.url(),
    replicas: [pair.replica.url()],
    maxConnections: 1,
    metrics,
  });
  const sql = 'SELECT 1 FROM pg_sleep(CAST(:seconds AS float8))';
  const slow = contextOf(database, { sql, parameters: ['seconds'] });
  await checked(database);
  const lines = async () => (await registry.metrics()).split('\n').filter((line) => !line.startsWith('#'));
  const lag = /^mcp2_database_replica_lag_seconds\{database="db",member="replica1"\} 0\.\d+$/m;
  await eventually(
    async () => (await lines()).join('\n'),
    (text) => lag.test(text),
  );
  await slow({ seconds: 0 });
  const [holding, waiting] = [slow({ seconds: 1 }), slow({ seconds: 0 })];
  const busy = [
    'mcp2_database_connections{database="db",member="replica1",state="in_use"} 1',
    'mcp2_database_waiting{database="db",member="replica1"} 1',
    'mcp2_database_connections{database="db",member="primary",state="idle"} 0',
  ];
  await eventually(lines, (found) => busy.every((line) => found.includes(line)));
  await Promise.all([holding, waiting]);
  await failureOf(slow({ seconds: 60 }, { signal: AbortSignal.timeout(200) }));
  expect(await lines()).toEqual(
    expect.arrayContaining([
      'mcp2_database_calls_total{database="db",kind="context",result="ok"} 3',
      'mcp2_database_calls_total{database="db",kind="context",result="CANCELLED"} 1',
      'mcp2_database_cancels_total{database="db"} 1',
    ]),
  );
  await database.close();
  expect((await lines()).filter((line) => line.startsWith('mcp2_database_connections'))).toEqual([]);
});

test('closing waits for the call that runs, refuses the next one, and leaves no connection', async () => {
  const database = openPostgres({ primary: pair.primary.url(), replicas: [pair.replica.url()] });
  const slow = contextOf(database, { sql: "SELECT 'the one that is closed' FROM pg_sleep(0.5)" });
  await checked(database);
  const running = slow();
  const sessions = async () => {
    const sql = "SELECT pid FROM pg_stat_activity WHERE application_name = 'mcp2-context-tool'";
    return [...(await pair.primary.query(sql)), ...(await pair.replica.query(sql))];
  };
  await eventually(sessions, (found) => found.length >= 2);
  const closed = database.close();
  expect(await failureOf(slow())).toMatchObject({ reason: 'SHUTTING_DOWN' });
  await running;
  await closed;
  await eventually(sessions, (found) => found.length === 0);
});
