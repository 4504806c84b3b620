/** What happens to a file and its processes while they are used: each ends as documented, and the next call works. */
import { execFileSync } from 'node:child_process';
import { closeSync, copyFileSync, openSync, renameSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, onTestFinished, test } from 'vitest';
import { eventually } from '../harness/eventually.ts';
import { SmallDisk } from '../harness/small-disk.ts';
import { SqliteFixture } from './sqlite-fixture.ts';
import { isBusy, type SqliteProcess, sqliteProcesses, untilItWaits } from './sqlite-processes.ts';

const STOCK = "CREATE TABLE stock (sku text, quantity integer); INSERT INTO stock VALUES ('a', 1), ('b', 2);";
const COUNT = 'SELECT count(*) FROM stock';
const ADD = 'INSERT INTO stock VALUES (:sku, 1)';
const ENDLESS = 'WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n WHERE i < 0';
const KIB = 1024;

test('a file that is no database is a problem at load, with its path', async () => {
  await using fixture = new SqliteFixture();
  writeFileSync(fixture.file, 'this is no database, but long enough to have a header of one hundred bytes'.repeat(20));
  fixture.context(COUNT);
  expect(await fixture.check()).toMatchObject([
    { path: 'databases.test', message: expect.stringContaining('is no SQLite database') },
  ]);
});

test('a database whose pages are damaged while it serves is BACKEND_UNAVAILABLE, and works when it is put back', async () => {
  await using fixture = new SqliteFixture({ init: `${STOCK} CREATE TABLE big (a); ${fillBig(400)}` });
  const big = fixture.context('SELECT sum(length(a)) FROM big');
  const count = fixture.context(COUNT);
  expect(await fixture.check()).toEqual([]);
  // Not read before, or it would be answered from memory.
  copyFileSync(fixture.file, join(fixture.folder, 'backup.db'));
  damage(fixture.file);
  await expect(big()).rejects.toMatchObject({
    reason: 'BACKEND_UNAVAILABLE',
    metadata: { sqlite_code: 'SQLITE_CORRUPT' },
  });
  renameSync(join(fixture.folder, 'backup.db'), fixture.file);
  expect(await big()).toBe(400 * KIB);
  expect(await count()).toBe(2);
});

test('a full disk fails writes as BACKEND_UNAVAILABLE, loses none that was acknowledged, and reads go on', async () => {
  using disk = new SmallDisk(2 * KIB * KIB);
  await using fixture = new SqliteFixture({ init: STOCK, folder: disk.path });
  const count = fixture.context(COUNT);
  const add = fixture.tool('INSERT INTO stock VALUES (hex(zeroblob(4000)), 1)');
  expect(await fixture.check()).toEqual([]);
  let written = 0;
  let refusal: unknown;
  while (refusal === undefined) {
    try {
      await add();
      written += 1;
    } catch (error) {
      refusal = error;
    }
  }
  expect(refusal).toMatchObject({ reason: 'BACKEND_UNAVAILABLE', metadata: { sqlite_code: 'SQLITE_FULL' } });
  expect(await count()).toBe(2 + written);
  await expect(add({}, { keyed: { id: 'k', argumentsHash: 'h' } })).rejects.toMatchObject({
    reason: 'BACKEND_UNAVAILABLE',
  });
  execFileSync('mount', ['-o', 'remount,size=8m', disk.path]);
  await add({}, { keyed: { id: 'k', argumentsHash: 'h' } });
  await add({}, { keyed: { id: 'k', argumentsHash: 'h' } });
  expect(await count()).toBe(3 + written);
});

test('a disk that is full when the database is made leaves nothing, and it is made when there is space', async () => {
  using disk = new SmallDisk(2 * KIB * KIB);
  await using fixture = new SqliteFixture({
    init: `${STOCK} CREATE TABLE big (a); ${fillBig(200)}`,
    folder: disk.path,
  });
  const count = fixture.context(COUNT);
  disk.fill();
  expect(await fixture.database.check(AbortSignal.timeout(10_000))).toBe('unreachable');
  await expect(count()).rejects.toMatchObject({ reason: 'BACKEND_UNAVAILABLE' });
  expect(fixture.names()).toEqual(['ballast', 'init.sql']);
  disk.free();
  expect(await fixture.check()).toEqual([]);
  expect(await count()).toBe(2);
});

test('a folder that cannot be written is a problem at load', async () => {
  using disk = new SmallDisk(2 * KIB * KIB);
  await using fixture = new SqliteFixture({ init: STOCK, folder: disk.path });
  fixture.context(COUNT);
  execFileSync('mount', ['-o', 'remount,ro', disk.path]);
  expect(await fixture.check()).toMatchObject([
    { message: expect.stringMatching(/test\.db cannot be used \(EROFS\)/) },
  ]);
});

test('while another process writes, a tool is BACKEND_UNAVAILABLE in time and contexts are answered', async () => {
  await using fixture = new SqliteFixture({ init: STOCK, statementTimeoutMs: 3_000 });
  const count = fixture.context(COUNT);
  const add = fixture.tool(ADD);
  expect(await fixture.check()).toEqual([]);
  using other = new DatabaseSync(fixture.file);
  other.exec("BEGIN IMMEDIATE; INSERT INTO stock VALUES ('other', 1)");
  const refused = { reason: 'BACKEND_UNAVAILABLE', metadata: { sqlite_code: 'SQLITE_BUSY' } };
  await expect(add({ sku: 'c' })).rejects.toMatchObject(refused);
  expect(await count()).toBe(2);
  other.exec('COMMIT');
  await add({ sku: 'c' });
  expect(await count()).toBe(4);
});

test('a database that another process has for itself is unreachable at load, and found later', async () => {
  await using fixture = new SqliteFixture({ init: STOCK, statementTimeoutMs: 1_000 });
  const count = fixture.context(COUNT);
  using other = new DatabaseSync(fixture.file);
  other.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; CREATE TABLE stock (sku)');
  expect(await fixture.database.check(AbortSignal.timeout(10_000))).toBe('unreachable');
  await expect(count()).rejects.toMatchObject({ reason: 'BACKEND_UNAVAILABLE' });
  other.exec('COMMIT');
  other.close();
  expect(await fixture.check()).toEqual([]);
  expect(await count()).toBe(0);
});

test('a file that is removed is BACKEND_UNAVAILABLE, is not made again, and serves when it is back', async () => {
  await using fixture = new SqliteFixture({ init: STOCK });
  const count = fixture.context(COUNT);
  const add = fixture.tool(ADD);
  expect(await fixture.check()).toEqual([]);
  await add({ sku: 'c' });
  const away = join(fixture.folder, 'away.db');
  new DatabaseSync(fixture.file).close();
  for (const suffix of ['', '-wal', '-shm']) renameSync(`${fixture.file}${suffix}`, `${away}${suffix}`);
  await expect(count()).rejects.toMatchObject({ reason: 'BACKEND_UNAVAILABLE' });
  await expect(add({ sku: 'lost' })).rejects.toMatchObject({ reason: 'BACKEND_UNAVAILABLE' });
  expect(statSync(fixture.file, { throwIfNoEntry: false })).toBeUndefined();
  for (const suffix of ['', '-wal', '-shm']) rename(`${away}${suffix}`, `${fixture.file}${suffix}`);
  expect(await count()).toBe(3);
  await add({ sku: 'd' });
  expect(await count()).toBe(4);
});

test('a file that is replaced is read at the next call', async () => {
  await using fixture = new SqliteFixture({ init: STOCK });
  const count = fixture.context(COUNT);
  expect(await fixture.check()).toEqual([]);
  expect(await count()).toBe(2);
  const next = join(fixture.folder, 'next.db');
  const made = new DatabaseSync(next);
  made.exec("CREATE TABLE stock (sku); INSERT INTO stock VALUES ('only')");
  made.close();
  for (const suffix of ['-wal', '-shm']) rmSync(`${fixture.file}${suffix}`, { force: true });
  renameSync(next, fixture.file);
  expect(await count()).toBe(1);
});

test('an endless query does not hold up others, and two of them only until their time is over', async () => {
  await using fixture = new SqliteFixture({ init: STOCK, statementTimeoutMs: 1_500 });
  const endless = fixture.context(ENDLESS);
  const count = fixture.context(COUNT);
  const add = fixture.tool(ADD);
  expect(await fixture.check()).toEqual([]);
  const first = endless().catch((error: unknown) => error);
  for (let i = 0; i < 20; i++) expect(await count()).toBe(2);
  const second = endless().catch((error: unknown) => error);
  const waiting = Promise.all(Array.from({ length: 20 }, () => count()));
  await add({ sku: 'meanwhile' });
  expect(await first).toMatchObject({ reason: 'STATEMENT_TIMEOUT', metadata: { timeout_ms: '1500' } });
  expect(await second).toMatchObject({ reason: 'STATEMENT_TIMEOUT' });
  expect(await waiting).toHaveLength(20);
  await eventually(
    () => sqliteProcesses(fixture.file),
    (found) => found.length <= 3,
  );
});

test('a caller who leaves takes a statement that waits along, and soon ends the one that runs', async () => {
  await using fixture = new SqliteFixture({ init: STOCK, statementTimeoutMs: 30_000 });
  const slow = fixture.tool(`INSERT INTO stock SELECT 'slow', (${ENDLESS})`);
  const add = fixture.tool(ADD);
  expect(await fixture.check()).toEqual([]);
  const [leaveSlow, leaveWaiting] = [new AbortController(), new AbortController()];
  const left = new Error('the client left');
  const runs = slow({}, { signal: leaveSlow.signal }).catch((error: unknown) => error);
  const waits = add({ sku: 'dropped' }, { signal: leaveWaiting.signal }).catch((error: unknown) => error);
  leaveWaiting.abort(left);
  expect(await waits).toBe(left);
  leaveSlow.abort(left);
  expect(await runs).toBe(left);
  await add({ sku: 'next' });
  expect(fixture.look('SELECT sku FROM stock')).toEqual([{ sku: 'a' }, { sku: 'b' }, { sku: 'next' }]);
});

test('of 10,000 calls at once those that find no place are POOL_FULL at once, the others are answered', async () => {
  await using fixture = new SqliteFixture({ init: STOCK });
  const count = fixture.context(COUNT);
  const add = fixture.tool(ADD);
  expect(await fixture.check()).toEqual([]);
  const outcome = (call: Promise<unknown>) =>
    call.then(
      () => 'ok',
      (error: { reason?: string }) => error.reason ?? String(error),
    );
  const outcomes = await Promise.all(
    Array.from({ length: 10_000 }, (_unused, i) => outcome(i % 2 === 0 ? count() : add({ sku: 'one of many' }))),
  );
  const found = Map.groupBy(outcomes, (each) => each);
  expect([...found.keys()].sort()).toEqual(['POOL_FULL', 'ok']);
  const answered = found.get('ok')?.length ?? 0;
  expect(answered).toBeGreaterThanOrEqual(2 * 64);
  expect(answered).toBeLessThanOrEqual(2 * 64 + 3);
  expect(sqliteProcesses(fixture.file).length).toBeLessThanOrEqual(3);
  expect(await count()).toBeGreaterThanOrEqual(66);
});

test('a process that is killed while it is idle or reads costs no call', async () => {
  await using fixture = new SqliteFixture({ init: STOCK });
  const count = fixture.context(COUNT);
  const slow = fixture.context(
    `SELECT count(*) FROM (WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 3000000) SELECT i FROM n)`,
  );
  const add = fixture.tool(ADD);
  expect(await fixture.check()).toEqual([]);
  for (const { pid } of sqliteProcesses(fixture.file)) process.kill(pid, 'SIGKILL');
  expect(await count()).toBe(2);
  await add({ sku: 'c' });
  const reading = slow();
  await eventually(
    () => readers(fixture.file),
    (found) => found.some(isBusy),
  );
  for (const { pid } of readers(fixture.file)) process.kill(pid, 'SIGKILL');
  expect(await reading).toBe(3_000_000);
  expect(await count()).toBe(3);
});

test('a process that dies twice under one statement is BACKEND_UNAVAILABLE', async () => {
  await using fixture = new SqliteFixture({ init: STOCK, statementTimeoutMs: 60_000 });
  const endless = fixture.context(ENDLESS);
  const count = fixture.context(COUNT);
  expect(await fixture.check()).toEqual([]);
  const call = endless().catch((error: unknown) => error);
  const killed = new Set<number>();
  for (let i = 0; i < 2; i++) {
    const busy = await eventually(
      () => readers(fixture.file).filter((each) => !killed.has(each.pid) && isBusy(each)),
      (found) => found.length > 0,
    );
    for (const { pid } of busy) {
      killed.add(pid);
      process.kill(pid, 'SIGKILL');
    }
  }
  expect(await call).toMatchObject({ reason: 'BACKEND_UNAVAILABLE' });
  expect(await count()).toBe(2);
});

test('a process that is killed while it commits is OUTCOME_UNKNOWN, and the key says later what happened', async () => {
  await using before = new SqliteFixture({ init: STOCK });
  before.tool(ADD);
  expect(await before.check()).toEqual([]);
  await before.database.close();
  await using fixture = new SqliteFixture({ folder: before.folder, statementTimeoutMs: 20_000 });
  const made = new DatabaseSync(fixture.file);
  made.exec('PRAGMA journal_mode = DELETE');
  // Without a write-ahead log a commit waits for whoever reads; that is where it is killed.
  const rows = made.prepare('SELECT sku FROM stock').iterate();
  rows.next();
  onTestFinished(() => made.close());
  const add = fixture.tool(`${ADD} RETURNING sku`);
  const keyed = { id: 'k', argumentsHash: 'h' };
  expect(await fixture.check()).toEqual([]);
  const call = add({ sku: 'c' }, { keyed }).catch((error: unknown) => error);
  await untilItWaits(fixture.file);
  for (const { pid } of sqliteProcesses(fixture.file)) process.kill(pid, 'SIGKILL');
  expect(await call).toMatchObject({ reason: 'OUTCOME_UNKNOWN' });
  rows.return?.();
  expect(await add({ sku: 'c' }, { keyed })).toEqual({ sku: 'c' });
  expect(await add({ sku: 'c' }, { keyed })).toEqual({ sku: 'c' });
  expect(fixture.look(COUNT)).toEqual([{ 'count(*)': 3 }]);
});

function readers(file: string): SqliteProcess[] {
  return sqliteProcesses(file).filter(({ access }) => access === 'read');
}

function fillBig(rows: number): string {
  return `INSERT INTO big WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT ${rows}) SELECT zeroblob(1024) FROM n;`;
}

/** Every page but the first few. */
function damage(path: string): void {
  const { size } = statSync(path);
  const file = openSync(path, 'r+');
  for (let offset = 8 * 4096; offset < size; offset += 4096) writeSync(file, Buffer.alloc(4096, 0xa5), 0, 4096, offset);
  closeSync(file);
}

function rename(from: string, to: string): void {
  if (statSync(from, { throwIfNoEntry: false }) !== undefined) renameSync(from, to);
}
