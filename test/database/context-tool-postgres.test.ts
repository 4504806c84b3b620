/** The context-tool as a process on PostgreSQL: a database that is away at the start, renewed passwords, reloads under load. */
import { expect, test } from 'vitest';
import type { Texts } from '../harness/context-tool-calls.ts';
import { type ContextToolProcess, startContextTool } from '../harness/context-tool-process.ts';
import { startRuntime } from '../harness/context-tool-runtime.ts';
import { reasonOf } from '../harness/context-tool-server.ts';
import { eventually } from '../harness/eventually.ts';
import { type PostgresServer, startPostgres } from '../harness/postgres.ts';

const config = (contexts: string, pool = '{max: 4}') => `server: {name: Stock, version: 1.0.0}
databases:
  stock: {postgres: {primary: {url: {fromFile: url}}, pool: ${pool}}}
contexts:
  - {key: "company:address", static: {text: Main Street}}
${contexts}`;

const COUNT = '  - {key: "stock:{sku}:count", query: {database: stock, sqlFile: count.sql, result: Value}}\n';
const TYPO = '  - {key: "stock:{sku}:price", query: {database: stock, sqlFile: price.sql, result: Value}}\n';

const SQL = {
  'count.sql': 'SELECT count FROM stock WHERE sku = :sku',
  'price.sql': 'SELECT price\nFROM stocks WHERE sku = :sku',
};

const fill = (server: PostgresServer) =>
  server.query("CREATE TABLE stock (sku text, count int); INSERT INTO stock VALUES ('a', 7), ('b', 9)");

const files = (server: PostgresServer, contexts = COUNT): Texts => ({
  ...SQL,
  'server.yaml': config(contexts),
  url: `${server.url()}\n`,
});

const isReady = async ({ opsPort }: ContextToolProcess) => (await fetch(`http://127.0.0.1:${opsPort}/readyz`)).ok;

test.each([
  ['does not run', (server: PostgresServer) => server.stop(), (server: PostgresServer) => server.restart()],
  ['is frozen', (server: PostgresServer) => server.freeze(), (server: PostgresServer) => server.thaw()],
])(
  'a database that %s holds up a start for five seconds; the rest serves, and what it refuses later is broken alone',
  async (_title, takeAway, bringBack) => {
    await using server = await startPostgres();
    await fill(server);
    await takeAway(server);
    await using running = await startContextTool({ files: files(server, COUNT + TYPO) });
    const { calls } = running;
    // Five seconds, and ten times a process of two.
    expect(running.startMs).toBeLessThan(5_000 + 20_000);
    expect(await calls.read('company:address')).toBe('Main Street');
    expect(await reasonOf(calls.read('stock:a:count'))).toBe('BACKEND_UNAVAILABLE');
    expect(await reasonOf(calls.read('stock:a:price'))).toBe('BACKEND_UNAVAILABLE');
    expect(await isReady(running)).toBe(true);
    expect((await calls.card()).contexts).toHaveLength(3);
    expect(
      await running.logged('the database does not answer; what is read from it is unavailable until it does'),
    ).toHaveLength(1);

    await bringBack(server);
    await eventually(
      () => calls.read('stock:a:count'),
      (answer) => answer === '7',
      { timeoutMs: 45_000 },
    );
    expect(await reasonOf(calls.read('stock:a:price'))).toBe('BACKEND_REFUSED');
    expect(await running.logged('a declaration is broken')).toMatchObject([
      {
        level: 'error',
        problem: expect.stringMatching(/^price\.sql:2:6: contexts\[2\]\.query\.sqlFile: .*"stocks" does not exist/),
      },
    ]);
    expect(await running.metric('mcp2_broken_declarations')).toBe(1);
    expect(await calls.read('company:address')).toBe('Main Street');
    expect(await isReady(running)).toBe(true);
    running.write('price.sql', 'SELECT 5 WHERE :sku = CAST(:sku AS text)');
    await eventually(
      () => calls.read('stock:a:price'),
      (answer) => answer === '5',
      { timeoutMs: 45_000 },
    );
    expect(await running.metric('mcp2_broken_declarations')).toBe(0);
  },
);

test('a typo that the database finds at the start ends it with file, line and column, and without the password', async () => {
  await using server = await startPostgres();
  await fill(server);
  const started = startContextTool({ files: files(server, COUNT + TYPO), env: { MCP2_LOG_LEVEL: 'silent' } });
  const error = await started.catch((caught: Error) => caught);
  expect(String(error)).toMatch(/price\.sql:2:6: contexts\[2\]\.query\.sqlFile: .*"stocks" does not exist/);
  expect(String(error)).not.toContain(new URL(server.url()).password);
});

test('a database that goes and comes back while it serves is unavailable for as long, and no longer', async () => {
  await using server = await startPostgres();
  await fill(server);
  await using running = await startContextTool({ files: files(server) });
  const { calls } = running;
  expect(await calls.read('stock:a:count')).toBe('7');
  await server.kill();
  expect(await reasonOf(calls.read('stock:a:count'))).toBe('BACKEND_UNAVAILABLE');
  expect(await isReady(running)).toBe(true);
  expect(await running.metric('mcp2_database_calls_total', { result: 'BACKEND_UNAVAILABLE' })).toBe(1);
  await server.restart();
  expect(await calls.read('stock:a:count')).toBe('7');
});

test('a renewed password is used, and a wrong one leaves no call hanging', async () => {
  await using server = await startPostgres();
  await fill(server);
  const password = async (text: string) => {
    await server.query(`DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'reader') THEN
      CREATE ROLE reader LOGIN; END IF; END $$; ALTER ROLE reader PASSWORD '${text}'; GRANT SELECT ON stock TO reader`);
    return server.url({ user: 'reader', password: text });
  };
  await using running = await startContextTool({ files: { ...files(server), url: await password('first') } });
  const { calls, write } = running;
  expect(await calls.read('stock:a:count')).toBe('7');
  // As an operator of the database does it: the new password first, then the file, then the old sessions end.
  write('url', await password('second'));
  await eventually(
    () => running.metric('mcp2_configuration_reloads_total', { result: 'applied' }),
    (count) => count === 1,
  );
  await server.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'reader'");
  expect(await calls.read('stock:b:count')).toBe('9');
  write('url', server.url({ user: 'reader', password: 'wrong' }));
  await eventually(
    () => reasonOf(calls.read('stock:b:count')),
    (reason) => reason === 'BACKEND_UNAVAILABLE',
  );
  write('url', await password('third'));
  await eventually(
    () => reasonOf(calls.read('stock:b:count')),
    (reason) => reason === 'answered',
    { timeoutMs: 45_000 },
  );
  const log = await running.process.log();
  for (const text of ['first', 'second', 'third', 'wrong']) expect(log).not.toContain(`:${text}@`);
});

test('reloads with calls going on, more than there are connections: none fails, and each ends where it began', async () => {
  await using server = await startPostgres();
  await fill(server);
  const edition = (n: number): Texts => ({
    'server.yaml': config(
      '  - {key: "stock:edition", query: {database: stock, sqlFile: edition.sql, result: Row}}\n',
      '{max: 2}',
    ),
    'edition.sql': `SELECT ${n} AS edition, pg_sleep(0.02) IS NULL AS slept`,
    url: server.url(),
  });
  await using runtime = await startRuntime({ files: edition(0) });
  let isOver = false;
  const callers = Array.from({ length: 8 }, async () => {
    const seen = new Set<number>();
    let newest = 0;
    while (!isOver) {
      const { edition: n } = JSON.parse(await runtime.calls.read('stock:edition')) as { edition: number };
      if (n < newest) throw new Error(`edition ${n} after ${newest}`);
      newest = n;
      seen.add(n);
    }
    return seen;
  });
  const all = Promise.all(callers);
  all.catch(() => undefined);
  for (let n = 1; n <= 20; n += 1) {
    runtime.write(edition(n));
    expect(await runtime.reload()).toEqual([]);
  }
  isOver = true;
  expect(new Set((await all).flatMap((seen) => [...seen])).size).toBeGreaterThan(10);
  // The former configurations have closed theirs.
  const connections = () => server.query("SELECT 1 FROM pg_stat_activity WHERE application_name = 'mcp2-context-tool'");
  await eventually(connections, ({ length }) => length <= 2);
});
