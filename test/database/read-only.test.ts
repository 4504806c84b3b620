/**
 * Contexts cannot write: the transaction forbids it where the role is allowed to (also when a function writes), and the
 * documented role forbids it where the transaction would not.
 */
import { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type PostgresServer, startPostgres } from '../harness/postgres.ts';
import { checked, contextOf, failureOf, jsonOf } from './contract/engine.ts';
import { readSqlFile } from './postgres-engine.ts';
import { openPostgres } from './postgres-fixture.ts';

const READER = { user: 'mcp2_reader', password: 'choose one' };

let server: PostgresServer;
beforeAll(async () => {
  server = await startPostgres();
  await server.query(await readSqlFile('idempotency.sql'));
  await server.query('CREATE TABLE stock (sku text PRIMARY KEY, quantity integer)');
  await server.query("INSERT INTO stock VALUES ('pear', 3)");
  await server.query('CREATE SEQUENCE numbers');
  const body = 'UPDATE stock SET quantity = 0 RETURNING quantity';
  await server.query(`CREATE FUNCTION empty_stock() RETURNS integer LANGUAGE sql AS '${body}'`);
  await server.query(`CREATE FUNCTION empty_as_owner() RETURNS integer LANGUAGE sql SECURITY DEFINER AS '${body}'`);
  await server.query(`CREATE FUNCTION empty_after_switch() RETURNS integer LANGUAGE plpgsql AS $$
    BEGIN SET TRANSACTION READ WRITE; UPDATE stock SET quantity = 0; RETURN 1; END $$`);
  await server.query(`CREATE FUNCTION empty_after_commit() RETURNS integer LANGUAGE plpgsql AS $$
    BEGIN COMMIT; UPDATE stock SET quantity = 0; RETURN 1; END $$`);
  await server.query(await readSqlFile('reader-role.sql'));
});
afterAll(() => server[Symbol.asyncDispose]());

/** Each is a statement that answers columns, and that PostgreSQL parses. */
const WRITES = [
  'WITH gone AS (DELETE FROM stock RETURNING sku) SELECT sku FROM gone',
  "WITH more AS (INSERT INTO stock VALUES ('plum', 1) RETURNING sku) SELECT sku FROM more",
  'SELECT empty_stock()',
  'SELECT empty_as_owner()',
  'SELECT empty_after_switch()',
  'SELECT empty_after_commit()',
  "SELECT nextval('numbers')",
  "SELECT setval('numbers', 7)",
  "SELECT quantity FROM stock WHERE sku = 'pear' FOR UPDATE",
  "SELECT empty_stock() FROM (SELECT set_config('transaction_read_only', 'off', false)) AS s",
  "SELECT empty_stock() FROM (SELECT set_config('default_transaction_read_only', 'off', false)) AS s",
  'EXPLAIN ANALYZE DELETE FROM stock',
];

const state = async () => ({
  stock: await server.query('SELECT sku, quantity FROM stock'),
  numbers: await server.query('SELECT last_value::int, is_called FROM numbers'),
  objects: await server.query('SELECT count(*)::int AS n FROM pg_largeobject_metadata'),
});
const UNTOUCHED = {
  stock: [{ sku: 'pear', quantity: 3 }],
  numbers: [{ last_value: 1, is_called: false }],
  objects: [{ n: 0 }],
};

test.each([
  ['a superuser', undefined],
  ['the documented role', READER],
])('no statement of a context writes, as %s', async (_title, role) => {
  await using database = openPostgres({ primary: server.url(role) });
  const asked = WRITES.map((sql) => contextOf(database, { sql, result: 'Rows' }));
  const read = contextOf(database, { sql: "SELECT quantity FROM stock WHERE sku = 'pear'" });
  await checked(database);
  for (const [i, ask] of asked.entries()) {
    expect([WRITES[i], await failureOf(ask())]).toMatchObject([WRITES[i], { reason: 'BACKEND_REFUSED' }]);
    expect(await state()).toEqual(UNTOUCHED);
  }
  expect(jsonOf(await read())).toBe(3);
});

test.each(['COMMIT', 'ROLLBACK', 'BEGIN', 'SET TRANSACTION READ WRITE', 'set transaction read write;', 'END', 'ABORT'])(
  '%s as a context is refused when it is loaded',
  async (sql) => {
    await using database = openPostgres({ primary: server.url() });
    const ask = contextOf(database, { sql });
    expect(await database.check(AbortSignal.timeout(30_000))).toHaveLength(1);
    expect(await failureOf(ask())).toMatchObject({ reason: 'BACKEND_REFUSED' });
  },
);

test.each([
  ['large objects', 'SELECT lo_create(0)'],
  ['large objects from bytes', "SELECT lo_from_bytea(0, 'x')"],
  ['what tools answered', 'SELECT answer FROM mcp2_idempotency'],
  ['files of the server', "SELECT pg_read_file('PG_VERSION')"],
  ['folders of the server', "SELECT pg_ls_dir('.')"],
])('the documented role has no right to %s, which a read-only transaction would allow', async (_title, sql) => {
  await using database = openPostgres({ primary: server.url(READER) });
  const ask = contextOf(database, { sql, result: 'Rows' });
  await checked(database);
  const failure = await failureOf(ask());
  expect(failure).toMatchObject({ reason: 'BACKEND_REFUSED', metadata: { sqlstate: '42501' } });
  expect(await state()).toEqual(UNTOUCHED);
});

test('the documented role reads tables that are made later, and makes none itself, temporary ones included', async () => {
  await server.query('CREATE TABLE later (n integer)');
  await using database = openPostgres({ primary: server.url(READER) });
  const ask = contextOf(database, { sql: 'SELECT count(*) FROM later' });
  await checked(database);
  expect(jsonOf(await ask())).toBe(0);
  for (const sql of [
    'CREATE TABLE a (b integer)',
    'CREATE TEMPORARY TABLE a (b integer)',
    'INSERT INTO later VALUES (1)',
  ]) {
    expect([sql, await failureOf(queryAs(`BEGIN READ WRITE; ${sql}`))]).toMatchObject([sql, { code: '42501' }]);
  }
});

async function queryAs(sql: string): Promise<void> {
  const client = new Client({ connectionString: server.url(READER) });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
