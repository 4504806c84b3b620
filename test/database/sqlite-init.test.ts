/** A database that is made by its init scripts: whole, once, or not at all. */
import { readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openSqlite } from '../../services/context-tool/database/sqlite/open-sqlite.ts';
import { systemClock } from '../../services/lib/clock.ts';
import { silentLogger } from '../../services/lib/logger.ts';
import { eventually } from '../harness/eventually.ts';
import { newFiles, PLACE, SqliteFixture } from './sqlite-fixture.ts';
import { sqliteProcesses } from './sqlite-processes.ts';

const STOCK = "CREATE TABLE stock (sku text NOT NULL, quantity integer); INSERT INTO stock VALUES ('a', 1);";
const COUNT = 'SELECT count(*) FROM stock';

test('a script with comments, triggers, a byte order mark and several statements makes the database', async () => {
  const init = `\ufeff-- tables; first
    CREATE TABLE stock (sku text, quantity integer);
    CREATE TABLE log (sku text);
    CREATE TRIGGER t AFTER INSERT ON stock BEGIN
      INSERT INTO log VALUES (new.sku || ';');
      INSERT INTO log VALUES ('two');
    END;
    /* ; */
    INSERT INTO stock VALUES ('it''s; a', 1);;
    CREATE VIRTUAL TABLE words USING fts5(body);
    INSERT INTO words VALUES ('Grüße 😀');
    PRAGMA user_version = 7;
    SELECT count(*) FROM stock
    -- the end`;
  await using fixture = new SqliteFixture({ init });
  const log = fixture.context('SELECT sku FROM log', 'Rows');
  const words = fixture.context('SELECT body FROM words WHERE words MATCH :word');
  expect(await fixture.check()).toEqual([]);
  expect(await log()).toEqual([{ sku: "it's; a;" }, { sku: 'two' }]);
  expect(await words({ parameters: { word: 'Grüße' } })).toBe('Grüße 😀');
  expect(fixture.look('PRAGMA user_version')).toEqual([{ user_version: 7 }]);
  expect(fixture.look('PRAGMA journal_mode')).toEqual([{ journal_mode: 'wal' }]);
  expect(statSync(fixture.file).mode & 0o777).toBe(0o600);
  expect(statSync(`${fixture.file}-wal`).mode & 0o777).toBe(0o600);
});

test.each([
  ['a typo', 'CREATE TABLE a (b);\n\n-- more\n  CREATE TABEL c (d);', 4, 3, 'near "TABEL": syntax error'],
  [
    'a value that breaks a rule',
    "CREATE TABLE a (b NOT NULL);\nINSERT INTO a VALUES ('x');\nINSERT INTO a VALUES (NULL);",
    3,
    1,
    'NOT NULL',
  ],
  ['a table that is not there', 'INSERT INTO nowhere VALUES (1)', 1, 1, 'no such table: nowhere'],
  ['a transaction of its own', 'CREATE TABLE a (b);\nCOMMIT;\nCREATE TABLE c (d);', 2, 1, 'one transaction'],
  ['another file', "CREATE TABLE a (b); ATTACH '/tmp/mcp2-other.db' AS other;", 1, 21, 'ATTACH'],
])('%s is a problem with its line, and leaves no file', async (_title, init, line, column, message) => {
  await using fixture = new SqliteFixture({ init });
  fixture.context('SELECT 1');
  const file = join(fixture.folder, 'init.sql');
  expect(await fixture.check()).toMatchObject([
    { file, line, column, path: 'databases.test', message: expect.stringContaining(message) },
  ]);
  expect(fixture.names()).toEqual(['init.sql']);
  writeFileSync(file, STOCK);
  expect(await fixture.check()).toEqual([]);
});

test('a script that cannot be read is a problem', async () => {
  await using fixture = new SqliteFixture({ init: STOCK });
  const missing = join(fixture.folder, 'missing.sql');
  const config = { kind: 'sqlite', name: 'db', place: PLACE, file: fixture.file, init: [missing] } as const;
  const dependencies = { files: newFiles(), clock: systemClock, log: silentLogger };
  const database = openSqlite({ ...config, statementTimeoutMs: 1_000 }, dependencies);
  expect(await database.check(AbortSignal.timeout(10_000))).toMatchObject([
    { file: missing, message: expect.stringContaining('there is no such file') },
  ]);
  await database.close();
});

test('neither a file nor scripts is a problem that says what to do', async () => {
  await using fixture = new SqliteFixture();
  fixture.context('SELECT 1');
  expect(await fixture.check()).toMatchObject([{ path: 'databases.test', message: expect.stringContaining('"init"') }]);
  expect(fixture.names()).toEqual([]);
});

test('a database that is there is never made again', async () => {
  await using first = new SqliteFixture({ init: STOCK });
  const add = first.tool("INSERT INTO stock VALUES ('b', 2)");
  expect(await first.check()).toEqual([]);
  await add();
  await first.database.close();
  await using again = new SqliteFixture({ init: STOCK, folder: first.folder });
  const count = again.context(COUNT);
  expect(await again.check()).toEqual([]);
  expect(await count()).toBe(2);
});

test('processes that make one database at the same time end up with one', async () => {
  await using first = new SqliteFixture({ init: STOCK });
  const others = Array.from({ length: 4 }, () => new SqliteFixture({ init: STOCK, folder: first.folder }));
  const counts = [first, ...others].map((each) => each.context(COUNT));
  // On a busy machine one look may take longer than it may.
  const look = (each: SqliteFixture) =>
    eventually(
      () => each.check(),
      (problems) => problems.length === 0,
    );
  await Promise.all([first, ...others].map(look));
  expect(await Promise.all(counts.map((count) => count()))).toEqual([1, 1, 1, 1, 1]);
  for (const each of others) await each[Symbol.asyncDispose]();
  expect(first.names().filter((name) => name.includes('.new-'))).toEqual([]);
});

test('a process that is killed while it makes the database leaves none, and the next look makes it', async () => {
  const rows = 'WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 4000000) SELECT i, i FROM n';
  await using fixture = new SqliteFixture({ init: `${STOCK} INSERT INTO stock ${rows};` });
  const count = fixture.context(COUNT);
  const checked = fixture.database.check(AbortSignal.timeout(30_000));
  // Once it dies it is tried again by itself, so it is killed twice.
  for (const attempt of [1, 2]) {
    await eventually(
      () => halfMade(fixture.folder),
      (found) => found.length === attempt,
    );
    for (const { pid } of sqliteProcesses(fixture.file)) process.kill(pid, 'SIGKILL');
  }
  expect(await checked).toBe('unreachable');
  expect(statSync(fixture.file, { throwIfNoEntry: false })).toBeUndefined();
  const old = new Date(Date.now() - 2 * 3_600_000);
  for (const name of halfMade(fixture.folder)) utimesSync(join(fixture.folder, name), old, old);
  writeFileSync(join(fixture.folder, 'init.sql'), STOCK);
  expect(await fixture.check()).toEqual([]);
  expect(await count()).toBe(1);
  expect(halfMade(fixture.folder)).toEqual([]);
});

test('a look that is given up does not stop the making', async () => {
  const rows = 'WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 1000000) SELECT i, i FROM n';
  await using fixture = new SqliteFixture({ init: `${STOCK} INSERT INTO stock ${rows};` });
  const count = fixture.context(COUNT);
  expect(await fixture.database.check(AbortSignal.timeout(50))).toBe('unreachable');
  await eventually(
    () => fixture.check(),
    (problems) => problems.length === 0,
    { timeoutMs: 30_000 },
  );
  expect(await count()).toBe(1_000_001);
});

function halfMade(folder: string): string[] {
  return readdirSync(folder).filter((name) => /^test\.db\.new-[^.]+-[0-9a-f]{12}$/.test(name));
}
