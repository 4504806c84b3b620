/** Nothing that a caller sends becomes text of a statement, and no statement of a context can write. */
import { expect, test } from 'vitest';
import { type Logger, silentLogger } from '../../services/lib/logger.ts';
import { INJECTION_ATTEMPTS, INJECTION_VALUES } from './injection-attempts.ts';
import { SqliteFixture } from './sqlite-fixture.ts';

const STOCK = "CREATE TABLE stock (sku text, quantity integer); INSERT INTO stock VALUES ('a', 1), ('b', 2);";
const READ = "SELECT CAST(:v AS text) || '' AS v, (SELECT count(*) FROM stock WHERE sku = :v) AS n";
const WRITE = 'INSERT INTO stock (sku, quantity) VALUES (:v, 3) RETURNING sku';

test('what is sent comes back as it was sent, and only the declared statements are ever compiled', async () => {
  const compiled = new Set<unknown>();
  await using fixture = new SqliteFixture({ init: STOCK, log: statementLog((sql) => compiled.add(sql)) });
  const read = fixture.context(READ, 'Row');
  const write = fixture.tool(WRITE);
  expect(await fixture.check()).toEqual([]);
  for (const { title, text } of INJECTION_ATTEMPTS) {
    expect(await read({ segments: { v: text } }), title).toEqual({ v: text, n: 0 });
    expect(await read({ parameters: { v: text } }), title).toEqual({ v: text, n: 0 });
    expect(await write({ v: text }), title).toEqual({ sku: text });
    expect(await read({ segments: { v: text } }), title).toEqual({ v: text, n: 1 });
  }
  for (const value of INJECTION_VALUES) {
    expect(await write({ v: value })).toEqual({ sku: JSON.stringify(value) });
  }
  const added = INJECTION_ATTEMPTS.length + INJECTION_VALUES.length;
  expect(fixture.look('SELECT count(*) AS n, sum(quantity) AS q FROM stock')).toEqual([
    { n: 2 + added, q: 3 + 3 * added },
  ]);
  expect(fixture.look("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")).toEqual([
    { name: 'mcp2_idempotency' },
    { name: 'stock' },
  ]);
  expect([...compiled]).toHaveLength(2);
  expect(INJECTION_ATTEMPTS.length).toBeGreaterThanOrEqual(60);
});

test('names of placeholders are never looked for in what all objects have', async () => {
  await using fixture = new SqliteFixture({ init: STOCK });
  const read = fixture.context('SELECT :constructor IS NULL AND :toString IS NULL AND :__proto__ IS NULL');
  expect(await fixture.check()).toEqual([]);
  expect(await read()).toBe(1);
  expect(await read({ parameters: { constructor: 'x' } })).toBe(0);
});

test.each([
  ['NUL', 'a\0b'],
  ['half of a surrogate pair', 'a\ud800'],
])('a text that holds %s is refused with its name', async (_title, text) => {
  await using fixture = new SqliteFixture({ init: STOCK });
  const read = fixture.context(READ, 'Row');
  const write = fixture.tool(WRITE);
  await fixture.check();
  const refusal = { reason: 'ARGUMENT_INVALID', metadata: { path: '/v' } };
  await expect(read({ segments: { v: text } })).rejects.toMatchObject(refusal);
  await expect(write({ v: text })).rejects.toMatchObject(refusal);
});

const NOT_IN_A_CONTEXT: readonly string[] = [
  'DELETE FROM stock',
  'DELETE FROM stock RETURNING sku',
  'INSERT INTO stock VALUES (1, 2) RETURNING sku',
  'UPDATE stock SET quantity = 0 RETURNING quantity',
  "WITH a AS (SELECT 'x' AS s) INSERT INTO stock SELECT s, 1 FROM a RETURNING sku",
  'CREATE TABLE other (a)',
  'CREATE TEMP TABLE other AS SELECT 1',
  'DROP TABLE stock',
  'BEGIN',
  'COMMIT',
  'ROLLBACK',
  'SAVEPOINT a',
  'VACUUM',
  "VACUUM INTO '/tmp/mcp2-copy.db'",
  "ATTACH '/tmp/mcp2-other.db' AS other",
  'DETACH main',
  'PRAGMA query_only = 0',
  'PRAGMA user_version',
  'PRAGMA writable_schema = 1',
  'REINDEX',
  'ANALYZE',
  "SELECT load_extension('/tmp/evil.so')",
  "SELECT fts3_tokenizer('simple', x'00')",
  'SELECT answer FROM mcp2_idempotency',
  'SELECT count(*) FROM MCP2_Idempotency',
];

const NOT_IN_A_TOOL: readonly string[] = [
  'CREATE TABLE other (a)',
  'DROP TABLE stock',
  'ALTER TABLE stock ADD COLUMN a',
  'COMMIT',
  'ROLLBACK',
  'SAVEPOINT a',
  "ATTACH '/tmp/mcp2-other.db' AS other",
  'PRAGMA journal_mode = DELETE',
  'PRAGMA user_version = 3',
  'DELETE FROM mcp2_idempotency',
  "INSERT INTO mcp2_idempotency VALUES ('a', 'b', 'c', 1)",
  "UPDATE sqlite_schema SET sql = ''",
  "SELECT load_extension('/tmp/evil.so')",
];

test('a statement that does more than it may is a problem at load and never runs', async () => {
  await using fixture = new SqliteFixture({ init: STOCK });
  const calls = [
    ...NOT_IN_A_CONTEXT.map((sql) => ({ sql, run: fixture.context(sql, 'Rows') })),
    ...NOT_IN_A_TOOL.map((sql) => ({ sql, run: fixture.tool(sql) })),
  ];
  fixture.context(READ, 'Row');
  expect(await fixture.check()).toHaveLength(calls.length);
  for (const { sql, run } of calls) {
    await expect(run(), sql).rejects.toMatchObject({ reason: 'BACKEND_REFUSED' });
  }
  expect(fixture.look('SELECT count(*) AS n FROM stock')).toEqual([{ n: 2 }]);
});

test('a view or a trigger of the database gives a context no way to write', async () => {
  const init = `${STOCK}
    CREATE VIEW v AS SELECT sku FROM stock;
    CREATE TRIGGER t INSTEAD OF INSERT ON v BEGIN DELETE FROM stock; END;`;
  await using fixture = new SqliteFixture({ init });
  fixture.context("INSERT INTO v VALUES ('x') RETURNING sku");
  expect(await fixture.check()).toHaveLength(1);
});

function statementLog(onStatement: (sql: unknown) => void): Logger {
  const log: Logger = {
    ...silentLogger,
    debug: (fields) => {
      if ('sql' in fields) onStatement(fields.sql);
    },
    child: () => log,
  };
  return log;
}
