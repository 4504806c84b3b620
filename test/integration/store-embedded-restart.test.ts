import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '#lib/clock.ts';
import { StoreFolderError } from '#lib/store/embedded/folder.ts';
import { type EmbeddedStoreOptions, openEmbeddedStore } from '#lib/store/embedded/open.ts';
import { CompactedError, type Store } from '#lib/store/store.ts';
import { eventually } from '../harness/eventually.ts';
import { WatchRecorder } from '../harness/watch-recorder.ts';

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'mcp2-store-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

function open(directory: string, options: Partial<EmbeddedStoreOptions> = {}): Store {
  const store = openEmbeddedStore({ directory, clock: systemClock, ...options });
  onTestFinished(() => store.close());
  return store;
}

async function put(store: Store, key: string, value: string, leaseId?: string): Promise<number> {
  const write =
    leaseId === undefined ? { kind: 'put' as const, key, value } : { kind: 'put' as const, key, value, leaseId };
  return (await store.transact({ compares: [], writes: [write] })).revision;
}

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
  const before = open(directory);
  const first = await put(before, '/a/1', 'one');
  await put(before, '/a/2', 'two');
  await before.transact({ compares: [], writes: [{ kind: 'delete', key: '/a/1' }] });
  const listing = await before.list('/a/');
  await before.close();
  const after = open(directory);
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
  const store = open(directory);
  const { entries } = await store.list('/pairs/');
  const values = Map.groupBy(entries, ({ value }) => Number(value));
  for (let i = 0; i <= acknowledged; i++) expect(values.get(i)?.length).toBe(2);
  for (const pair of values.values()) expect(pair.length).toBe(2);
});

test('a lease of a process that ended expires after the restart, unless it is kept alive', async () => {
  const directory = await temporaryFolder();
  const before = open(directory);
  const [left, kept] = [await before.grantLease(2), await before.grantLease(2)];
  await put(before, '/a/left', '1', left.id);
  const revision = await put(before, '/a/kept', '1', kept.id);
  await before.close();
  const after = open(directory);
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
  const store = open(await temporaryFolder(), { logMaxRevisions: 10, logMaxBytes: 5_000 });
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
  const store = open(await temporaryFolder());
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
  expect(() => open(directory)).toThrow(inUse);
  child.kill('SIGKILL');
  await once(child, 'close');
  const store = open(directory);
  expect(() => open(directory)).toThrow(inUse);
  await store.close();
  await put(open(directory), '/a', '1');
});

test('a folder is made with its parents, for its owner alone', async () => {
  const directory = join(await temporaryFolder(), 'state', 'store');
  await put(open(directory), '/a', '1');
  expect((await stat(directory)).mode & 0o777).toBe(0o700);
});

const NEW_PATHS: [string, (folder: string) => Promise<string>, RegExp][] = [
  [
    'a folder with other files',
    async (folder) => {
      await writeFile(join(folder, 'thesis.txt'), 'precious');
      return folder;
    },
    /holds files that are no mcp2 store \(for example "thesis.txt"\): name another folder, or an empty one/,
  ],
  [
    'a database of another program',
    async (folder) => {
      await writeFile(join(folder, 'data.mdb'), Buffer.alloc(8192, 'x'));
      return folder;
    },
    /holds files that are no mcp2 store \(for example "data.mdb"\)/,
  ],
  [
    'a file',
    async (folder) => {
      await writeFile(join(folder, 'file'), '');
      return join(folder, 'file');
    },
    /cannot be used as the folder of the store .*: make it a folder that this user can read and write, or name another/,
  ],
  [
    'a path below a file',
    async (folder) => {
      await writeFile(join(folder, 'file'), '');
      return join(folder, 'file', 'store');
    },
    /cannot be used as the folder of the store/,
  ],
  [
    'a link to nowhere',
    async (folder) => {
      await symlink(join(folder, 'gone'), join(folder, 'link'));
      return join(folder, 'link');
    },
    /cannot be used as the folder of the store/,
  ],
];

test.each(NEW_PATHS)('%s is refused with what to do, and left as it was', async (_title, make, sentence) => {
  const path = await make(await temporaryFolder());
  expect(() => open(path)).toThrow(StoreFolderError);
  expect(() => open(path)).toThrow(sentence);
  expect(existsSync(join(path, 'mcp2-store.json'))).toBe(false);
});

const DAMAGES: [string, (folder: string) => Promise<unknown>, RegExp][] = [
  [
    'a database that is none',
    (folder) => writeFile(join(folder, 'data.mdb'), Buffer.alloc(200_000, 'garbage!')),
    /data.mdb is damaged or cut short: put a backup of .* in its place, or move it away to start empty/,
  ],
  ['a database cut short', (folder) => truncate(join(folder, 'data.mdb'), 8192), /data.mdb is damaged or cut short/],
  ['a database of a few bytes', (folder) => writeFile(join(folder, 'data.mdb'), 'hi'), /data.mdb is damaged or cut/],
  ['an empty database', (folder) => writeFile(join(folder, 'data.mdb'), ''), /data.mdb is missing: put a backup/],
  ['no database', (folder) => rm(join(folder, 'data.mdb')), /data.mdb is missing: put a backup/],
  [
    'a folder where the database should be',
    async (folder) => {
      await rm(join(folder, 'data.mdb'));
      await mkdir(join(folder, 'data.mdb'));
    },
    /cannot be used as the folder of the store/,
  ],
  ['a damaged marker', (folder) => writeFile(join(folder, 'mcp2-store.json'), '{'), /mcp2-store.json is damaged/],
  [
    'a newer format',
    (folder) => writeFile(join(folder, 'mcp2-store.json'), '{"format":2,"databaseBytes":0}'),
    /was written by a newer mcp2 \(store format 2, this one reads 1\): start that version, or name another folder/,
  ],
  [
    'a damaged lock',
    (folder) => writeFile(join(folder, 'in-use.sqlite'), 'garbage'.repeat(200)),
    /in-use.sqlite is damaged: delete that file and start again/,
  ],
];

test.each(DAMAGES)(
  'a store with %s is refused with what to do; undone, it opens again',
  async (_title, damage, sentence) => {
    const directory = await temporaryFolder();
    const store = open(directory);
    for (let i = 0; i < 20; i++) await put(store, `/a/${i}`, 'x'.repeat(1_000));
    await store.close();
    const backup = join(await temporaryFolder(), 'backup');
    await cp(directory, backup, { recursive: true });
    await damage(directory);
    expect(() => open(directory)).toThrow(StoreFolderError);
    expect(() => open(directory)).toThrow(sentence);
    await rm(directory, { recursive: true });
    await cp(backup, directory, { recursive: true });
    expect((await open(directory).list('/a/')).entries.length).toBe(20);
  },
);

test('the marker names the format and the size that the database must have', async () => {
  const directory = await temporaryFolder();
  const store = open(directory);
  await put(store, '/a', '1');
  await store.close();
  const { size } = await stat(join(directory, 'data.mdb'));
  const marker: unknown = JSON.parse(await readFile(join(directory, 'mcp2-store.json'), 'utf8'));
  expect(marker).toEqual({ format: 1, databaseBytes: size });
});
