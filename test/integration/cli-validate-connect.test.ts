/** `mcp2 validate --connect`: what only databases and modules can say, with file and line; nothing is written. */
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, expect, test } from 'vitest';
import type { Texts } from '../harness/context-tool-calls.ts';
import { runMcp2 } from '../harness/mcp2-command.ts';
import { freePort } from '../harness/ports.ts';

const parent = mkdtempSync(join(tmpdir(), 'mcp2-validate-connect-'));
const state = join(parent, 'state');
afterAll(() => rmSync(parent, { recursive: true }));

const CONFIG = `server: {name: Stock, version: 1.0.0}
databases:
  stock: {sqlite: {file: stock.db, init: [stock.sql]}}
contexts:
  - key: stock:{sku}:count
    query: {database: stock, sqlFile: count.sql, result: Value}
tools:
  - name: reserve
    input: {type: object, properties: {sku: {type: string}}, required: [sku]}
    statement: {database: stock, sql: "UPDATE stock SET count = count - 1 WHERE sku = :sku RETURNING count", result: Row}
  - name: price
    module: {file: price.mjs, export: price}
`;

const FILES: Texts = {
  'stock.yaml': CONFIG,
  'stock.sql': 'CREATE TABLE stock (sku TEXT, count INTEGER);\n',
  'count.sql': 'SELECT count FROM stock WHERE sku = :sku\n',
  'price.mjs': 'export const price = () => ({ price: 1 });\n',
};

/** Paths are shown from the folder that the command runs in. */
function folderOf(files: Texts): string {
  const folder = mkdtempSync(join(parent, 'files-'));
  for (const [name, text] of Object.entries({ ...FILES, ...files })) writeFileSync(join(folder, name), text);
  return folder;
}

const connect = (folder: string, args: readonly string[] = ['stock.yaml'], env: Texts = {}) =>
  runMcp2(['validate', '--connect', ...args], { state, cwd: folder, env });

test('a good configuration is valid, and its database is not made', async () => {
  const folder = folderOf({});
  expect(await connect(folder)).toMatchObject({
    code: 0,
    stdout: 'stock.yaml: runtime server Stock (1 context, 2 tools), valid\n',
  });
  expect(existsSync(join(folder, 'stock.db')) || existsSync(join(state, 'databases'))).toBe(false);
});

test('what the database and the modules refuse is told with file, line and column', async () => {
  const folder = folderOf({
    'count.sql': 'SELECT count\nFROM stocks WHERE sku = :sku\n',
    'price.mjs': 'export const prices = () => ({});\n',
  });
  const { code, stdout, stderr } = await connect(folder);
  expect(code).toBe(1);
  expect(stdout.split('\n')).toEqual([
    expect.stringMatching(/^count\.sql:2:6: contexts\[0\]\.query\.sqlFile: .*no such table: stocks/),
    expect.stringMatching(
      /^stock\.yaml:12:5: tools\[1\]\.module: .*has no function "price"; its functions are: prices$/,
    ),
    '',
  ]);
  expect(stderr).toContain('error: 2 problems found\n');
  expect(await runMcp2(['validate', 'stock.yaml'], { state, cwd: folder })).toMatchObject({ code: 0 });
});

test('an init script that SQLite refuses is told', async () => {
  const { code, stdout } = await connect(
    folderOf({ 'stock.sql': 'CREATE TABLE stock (sku TEXT);\nCREATE TABEL x (a);\n' }),
  );
  expect(code).toBe(1);
  expect(stdout).toMatch(/stock\.sql:\d+:\d+: .*near "TABEL": syntax error/);
});

test.each(['beside the file', 'in the state folder of mcp2 up'])(
  'a database that is there, %s, is asked as it is and stays as it was',
  async (where) => {
    const folder = folderOf({});
    const databases = where === 'beside the file' ? folder : join(state, 'databases');
    mkdirSync(databases, { recursive: true, mode: 0o700 });
    const file = join(databases, 'stock.db');
    const database = new DatabaseSync(file);
    // Not as the script would make it: this one has no column "count".
    database.exec(
      "CREATE TABLE stock (sku TEXT, pieces INTEGER); CREATE VIRTUAL TABLE words USING fts5(word); INSERT INTO stock VALUES ('a', 1)",
    );
    const { code, stdout } = await connect(folder);
    expect(code).toBe(1);
    expect(stdout).toMatch(/count\.sql:1:8: contexts\[0\]\.query\.sqlFile: .*no such column: count/);
    const tables = database.prepare("SELECT name FROM sqlite_schema WHERE name NOT LIKE 'words%'").all();
    expect(tables).toEqual([{ name: 'stock' }]);
    database.close();
    rmSync(file);
  },
);

test('what is no database is named, and one that nobody makes', async () => {
  const folder = folderOf({ 'stock.db': 'no database at all, but longer than the header of one '.repeat(4) });
  expect((await connect(folder)).stdout).toMatch(
    /^stock\.yaml:3:\d+: databases\.stock\.sqlite: .*stock\.db cannot be read as an SQLite database: /,
  );
  const none = folderOf({ 'stock.yaml': CONFIG.replace(', init: [stock.sql]', '') });
  expect((await connect(none)).stdout).toMatch(/stock\.db does not exist and there is no "init" to make it/);
  // Of two servers on one file one may make it.
  writeFileSync(join(none, 'two.yaml'), CONFIG.replace('name: Stock', 'name: Other'));
  expect(await connect(none, ['stock.yaml', 'two.yaml'])).toMatchObject({ code: 0 });
});

const POSTGRES = `server: {name: Stock, version: 1.0.0}
databases:
  stock: {postgres: {primary: {url: {fromEnv: STOCK_URL}}}}
contexts:
  - {key: "stock:{sku}", query: {database: stock, sql: "SELECT :sku", result: Value}}
`;

test('a database that does not answer is a problem with its reason, and a secret that is missing is one', async () => {
  const folder = folderOf({ 'stock.yaml': POSTGRES });
  const url = `postgres://reader:hunter2@127.0.0.1:${await freePort()}/stock`;
  const { code, stdout, stderr } = await connect(folder, ['stock.yaml'], { STOCK_URL: url });
  expect(code).toBe(1);
  expect(stdout).toMatch(
    /^stock\.yaml:3:\d+: databases\.stock\.postgres: the database does not answer: .*ECONNREFUSED.*; its statements were not checked\n$/,
  );
  expect(stdout + stderr).not.toContain('hunter2');
  const missing = await connect(folder);
  expect(missing.stdout).toMatch(/^stock\.yaml:3:\d+: .*url\.fromEnv: the environment variable STOCK_URL is not set/);
});

test('what takes long says what it waits for', async () => {
  const silent = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => silent.once('listening', resolve));
  const { port } = silent.address() as { port: number };
  const folder = folderOf({ 'stock.yaml': POSTGRES });
  const ended = await connect(folder, ['stock.yaml', '-o', 'json'], {
    STOCK_URL: `postgres://reader@127.0.0.1:${port}/stock`,
  });
  silent.close();
  expect(ended.code).toBe(1);
  expect(ended.stderr).toContain(`Waiting for the databases and modules of stock.yaml …`);
  expect(JSON.parse(ended.stdout)).toMatchObject({
    valid: false,
    problems: [{ file: 'stock.yaml', line: 3, message: expect.stringContaining('the database does not answer') }],
  });
});
