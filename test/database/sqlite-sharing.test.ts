/** Databases of one process that name the same file, and what is left when processes end. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { eventually } from '../harness/eventually.ts';
import { newFiles, SqliteFixture } from './sqlite-fixture.ts';
import { sqliteProcesses } from './sqlite-processes.ts';

const STOCK = "CREATE TABLE stock (sku text); INSERT INTO stock VALUES ('a')";
const COUNT = 'SELECT count(*) FROM stock';
const SETPRIV = '/usr/bin/setpriv';

test('two databases with one file share its processes, and the one that has no scripts waits for the other', async () => {
  const files = newFiles();
  await using primary = new SqliteFixture({ init: STOCK, files });
  await using replica = new SqliteFixture({ folder: primary.folder, files });
  const add = primary.tool("INSERT INTO stock VALUES ('b')");
  const counts = [replica.context(COUNT), primary.context(COUNT)];
  expect(await Promise.all([replica.check(), primary.check()])).toEqual([[], []]);
  await add();
  for (let i = 0; i < 20; i++) expect(await Promise.all(counts.map((count) => count()))).toEqual([2, 2]);
  const processes = sqliteProcesses(primary.file).map(({ access }) => access);
  expect(processes.sort()).toEqual(['read', 'read', 'write']);
  await primary.database.close();
  expect(await counts[0]?.()).toBe(2);
  await replica.database.close();
  expect(sqliteProcesses(primary.file)).toEqual([]);
  expect(primary.names()).toEqual(['init.sql', 'test.db']);
});

test('contexts alone start no process that writes', async () => {
  await using maker = new SqliteFixture({ init: STOCK });
  expect(await maker.check()).toEqual([]);
  await maker.database.close();
  await using fixture = new SqliteFixture({ folder: maker.folder });
  const count = fixture.context(COUNT);
  expect(await fixture.check()).toEqual([]);
  expect(await count()).toBe(1);
  expect(sqliteProcesses(fixture.file).map(({ access }) => access)).toEqual(['read']);
  expect(fixture.look("SELECT name FROM sqlite_schema WHERE name LIKE 'mcp2%'")).toEqual([]);
});

test('a database that closes lets what runs finish and refuses what waits', async () => {
  await using fixture = new SqliteFixture({ init: STOCK });
  const slow = fixture.tool(
    `INSERT INTO stock WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 500000) SELECT count(*) FROM n`,
  );
  expect(await fixture.check()).toEqual([]);
  const [runs, waits] = [slow(), slow()].map((call) => call.catch((error: unknown) => error));
  await fixture.database.close();
  expect(await runs).toEqual({ rows: '1' });
  expect(await waits).toMatchObject({ reason: 'SHUTTING_DOWN' });
  await expect(slow()).rejects.toMatchObject({ reason: 'SHUTTING_DOWN' });
  expect(fixture.look(COUNT)).toEqual([{ 'count(*)': 2 }]);
});

test('when the process that uses a database is killed its children end, also in an endless query', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'mcp2-sqlite-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const entry = join(import.meta.dirname, 'sqlite-user.ts');
  const user = spawn(process.execPath, [entry, folder, SETPRIV], { stdio: ['ignore', 'pipe', 'inherit'] });
  const file = join(folder, 'test.db');
  await new Promise((resolve) => user.stdout.once('data', resolve));
  expect(sqliteProcesses(file).length).toBeGreaterThanOrEqual(2);
  user.kill('SIGKILL');
  await eventually(
    () => sqliteProcesses(file),
    (found) => found.length === 0,
  );
});
