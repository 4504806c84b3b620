/** The embedded store over its starts: what survives, what expires, and how much of the history is kept. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { CompactedError } from '#lib/store/store.ts';
import { open, put, temporaryFolder } from '../harness/embedded-store.ts';
import { eventually } from '../harness/eventually.ts';
import { WatchRecorder } from '../harness/watch-recorder.ts';

/** Starts the writer and waits until it has written `count` pairs. */
async function startWriter(directory: string, count: number): Promise<{ child: ChildProcess; written: () => number }> {
  const program = fileURLToPath(new URL('../harness/embedded-writer.ts', import.meta.url));
  const child = spawn(process.execPath, [program, directory], { stdio: ['ignore', 'pipe', 'pipe'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  let last = -1;
  createInterface({ input: child.stdout }).on('line', (line) => {
    last = Number(line);
  });
  await eventually(
    () => last,
    (seen) => seen >= count,
    { what: 'the writer writes' },
  );
  return { child, written: () => last };
}

test('entries, the revision and the history survive a restart, and writing goes on from there', async () => {
  const directory = await temporaryFolder();
  const before = await open(directory);
  const first = await put(before, '/a/1', 'one');
  await put(before, '/a/2', 'two');
  await before.transact({ compares: [], writes: [{ kind: 'delete', key: '/a/1' }] });
  const listing = await before.list('/a/');
  await before.close();
  const after = await open(directory);
  expect(await after.list('/a/')).toEqual(listing);
  expect(await put(after, '/a/3', 'three')).toBe(listing.revision + 1);
  await using watch = new WatchRecorder(after, '/a/', first);
  await watch.until(({ lines }) => lines.length >= 4, 'the history from before the restart');
  expect(watch.lines).toEqual(['put /a/1=one', 'put /a/2=two', 'delete /a/1', 'put /a/3=three']);
});

test('what a killed process was told is written is there, and no transaction is there by half', async () => {
  const directory = await temporaryFolder();
  const { child, written } = await startWriter(directory, 50);
  child.kill('SIGKILL');
  await once(child, 'close');
  const acknowledged = written();
  const store = await open(directory);
  const { entries } = await store.list('/pairs/');
  const values = Map.groupBy(entries, ({ value }) => Number(value));
  for (let i = 0; i <= acknowledged; i++) expect(values.get(i)?.length).toBe(2);
  for (const pair of values.values()) expect(pair.length).toBe(2);
});

test('a lease of a process that ended expires after the restart, unless it is kept alive', async () => {
  const directory = await temporaryFolder();
  const before = await open(directory);
  const [left, kept] = [await before.grantLease(2), await before.grantLease(2)];
  await put(before, '/a/left', '1', left.id);
  const revision = await put(before, '/a/kept', '1', kept.id);
  await before.close();
  const after = await open(directory);
  await using watch = new WatchRecorder(after, '/a/', revision + 1);
  await watch.until(
    ({ lines }) => {
      void after.keepAlive(kept.id);
      return lines.length > 0;
    },
    'a lease expires',
    6_000,
  );
  expect(watch.lines).toEqual(['delete /a/left']);
  expect(await after.keepAlive(kept.id)).toBe(true);
  expect((await after.get('/a/kept')).entry?.leaseId).toBe(kept.id);
});

test('the history is bounded by count and by bytes; a watch behind the bound is compacted', async () => {
  const store = await open(await temporaryFolder(), { logMaxRevisions: 10, logMaxBytes: 5_000 });
  const revisions: number[] = [];
  for (let i = 0; i < 30; i++) revisions.push(await put(store, '/a', `${i}`));
  const last = revisions.at(-1) as number;
  expect(await new WatchRecorder(store, '/', last - 10).ended()).toBeInstanceOf(CompactedError);
  await using ten = new WatchRecorder(store, '/', last - 9);
  await ten.until(({ events }) => events.length === 10, 'the last 10 changes');
  for (let i = 0; i < 5; i++) await put(store, '/a', 'x'.repeat(2_000));
  expect(await new WatchRecorder(store, '/', last + 1).ended()).toBeInstanceOf(CompactedError);
  await using two = new WatchRecorder(store, '/', last + 4);
  await two.until(({ events }) => events.length === 2, 'the last 2 changes');
});

test('a slow watch loses nothing while the history lasts', async () => {
  const store = await open(await temporaryFolder());
  const stop = new AbortController();
  const watch = store.watch('/a/', 2, stop.signal)[Symbol.asyncIterator]();
  await watch.next();
  await Promise.all(Array.from({ length: 2_000 }, (_, i) => put(store, `/a/${i}`, '')));
  let seen = 0;
  while (seen < 2_000) seen += (await watch.next()).value.events.length;
  expect(seen).toBe(2_000);
  stop.abort();
  expect(await watch.next()).toMatchObject({ done: true });
});

test('one folder serves one process, and one store in it, until that is closed or killed', async () => {
  const directory = await temporaryFolder();
  const { child } = await startWriter(directory, 0);
  const inUse = 'is in use by another mcp2 process: stop that one, or name another folder';
  await expect(open(directory)).rejects.toThrow(inUse);
  child.kill('SIGKILL');
  await once(child, 'close');
  const store = await open(directory);
  await expect(open(directory)).rejects.toThrow(inUse);
  await store.close();
  await put(await open(directory), '/a', '1');
});

test('the database has a lock of its own, should the file of the other be gone', async () => {
  const directory = await temporaryFolder();
  const store = await open(directory);
  await rm(join(directory, 'in-use.sqlite'));
  await expect(open(directory)).rejects.toMatchObject({
    isInUse: true,
    message: `${directory} is in use by another mcp2 process: stop that one, or name another folder for this one`,
  });
  await put(store, '/a', '1');
});

test('the marker names the format and the last revision, soon after a write and at a clean end', async () => {
  const directory = await temporaryFolder();
  const store = await open(directory);
  const marker = async (): Promise<unknown> => JSON.parse(await readFile(join(directory, 'mcp2-store.json'), 'utf8'));
  expect(await marker()).toEqual({ format: 2, revision: 0 });
  const first = await put(store, '/a', '1');
  await eventually(marker, (found) => JSON.stringify(found) === `{"format":2,"revision":${first}}`, {
    what: 'the marker knows of the write',
    timeoutMs: 5_000,
  });
  const last = await put(store, '/a', '2');
  await store.close();
  expect(await marker()).toEqual({ format: 2, revision: last });
  expect(await readdir(directory)).toEqual(['in-use.sqlite', 'mcp2-store.json', 'store.sqlite']);
});

test('values with every character that UTF-8 holds come back as they were', async () => {
  const directory = await temporaryFolder();
  const value = '\0\u0001\ufeffgrüße\u2028 😀\uffff\0';
  const store = await open(directory);
  await put(store, '/a', value);
  await store.close();
  const after = await open(directory);
  expect((await after.get('/a')).entry?.value).toBe(value);
  await using watch = new WatchRecorder(after, '/', 2);
  await watch.until(({ lines }) => lines.length > 0, 'the change');
  expect(watch.lines).toEqual([`put /a=${value}`]);
});
