/** The embedded store on a disk that is full, and freed again. */
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Store } from '#lib/store/store.ts';
import { open, put } from '../harness/embedded-store.ts';
import { eventually } from '../harness/eventually.ts';
import { fillBeforeWrites } from '../harness/filling-store.ts';
import { RegistryCalls } from '../harness/registry-calls.ts';
import { createTokens, refusalOf, startRegistry } from '../harness/registry-fixture.ts';
import { SmallDisk } from '../harness/small-disk.ts';
import { WatchRecorder } from '../harness/watch-recorder.ts';
import { leaseTests } from './store-contract/leases.ts';
import { readAndWriteTests } from './store-contract/reads-and-writes.ts';
import { refusalTests } from './store-contract/refusals.ts';
import { watchTests } from './store-contract/watches.ts';

/** The contract's tests write more than fits on the small one. */
const CONTRACT_DISK_BYTES = 20 * 1024 * 1024;
const DISK_BYTES = 4 * 1024 * 1024;
const LOG_MAX_REVISIONS = 2_000;

const refusedByFullDisk = (directory: string) =>
  expect.objectContaining({
    reason: 'STORE_UNAVAILABLE',
    message: 'the disk that holds the store is full, so nothing was written: free some space on it and try again',
    // Where it lies is for the log, not for whoever called.
    cause: expect.objectContaining({ message: expect.stringContaining(directory) }),
  });

describe('the contract of a store, the disk full before each write', () => {
  const tests = { ...readAndWriteTests, ...refusalTests, ...watchTests, ...leaseTests };
  for (const [sentence, run] of Object.entries(tests)) {
    test(sentence, async () => {
      const disk = new SmallDisk(CONTRACT_DISK_BYTES);
      onTestFinished(() => disk[Symbol.dispose]());
      const store = await open(join(disk.path, 'store'), { logMaxRevisions: LOG_MAX_REVISIONS });
      const filling = fillBeforeWrites(store, disk);
      const compact = async () => {
        await Promise.all(Array.from({ length: LOG_MAX_REVISIONS + 1 }, () => put(store, '/filler', '')));
      };
      await run({ store: filling.store, compact, dispose: () => store.close() });
      // Else it has shown nothing. Not all are refused: in the space of a write-ahead log that was checkpointed they fit.
      if (filling.writes > 0) expect(filling.refusals).toBeGreaterThan(0);
    });
  }
});

async function openOnDisk(): Promise<{ store: Store; disk: SmallDisk; directory: string }> {
  const disk = new SmallDisk(DISK_BYTES);
  onTestFinished(() => disk[Symbol.dispose]());
  const directory = join(disk.path, 'store');
  return { store: await open(directory), disk, directory };
}

test('on a full disk writes fail with a reason, reads and watches go on; freed, it writes without a restart', async () => {
  const { store, disk, directory } = await openOnDisk();
  await put(store, '/a/1', 'before');
  await using watch = new WatchRecorder(store, '/a/', 2);
  await watch.until(({ lines }) => lines.length > 0, 'the first write');
  disk.fill();
  for (let i = 0; i < 3; i++)
    await expect(put(store, '/a/2', 'x'.repeat(1_000))).rejects.toEqual(refusedByFullDisk(directory));
  await expect(store.grantLease(10)).rejects.toEqual(refusedByFullDisk(directory));
  const { entries, revision } = await store.list('/');
  expect(entries.map(({ key, value }) => `${key}=${value}`)).toEqual(['/a/1=before']);
  expect(await store.get('/a/2')).toEqual({ entry: undefined, revision });
  await using late = new WatchRecorder(store, '/a/', 2);
  await late.until(({ lines }) => lines.length > 0, 'a watch that begins on the full disk');
  disk.free();
  await put(store, '/a/3', 'after');
  await watch.until(({ lines }) => lines.length > 1, 'the write after it');
  expect(watch.lines).toEqual(['put /a/1=before', 'put /a/3=after']);
  expect((await store.get('/a/3')).entry?.modRevision).toBe(revision + 1);
});

test('what parallel writes were told while the disk fills is what the store holds, also after a restart', async () => {
  const { store, directory } = await openOnDisk();
  const written: string[] = [];
  let refused = 0;
  for (let round = 0; refused < 200; round++) {
    const keys = Array.from({ length: 64 }, (_, i) => `/parallel/${round}-${i}`);
    const outcomes = await Promise.allSettled(keys.map((key) => put(store, key, 'x'.repeat(500))));
    for (const [i, outcome] of outcomes.entries()) {
      if (outcome.status === 'fulfilled') written.push(keys[i] as string);
      else expect(outcome.reason).toEqual(refusedByFullDisk(directory));
      refused += outcome.status === 'rejected' ? 1 : 0;
    }
  }
  expect(written.length).toBeGreaterThan(500);
  const keysIn = async (opened: Store) => (await opened.list('/parallel/')).entries.map(({ key }) => key);
  expect(await keysIn(store)).toEqual(written.sort());
  await store.close();
  expect(await keysIn(await open(directory))).toEqual(written);
});

test('a store is opened and read on a full disk', async () => {
  const { store, disk, directory } = await openOnDisk();
  await put(store, '/a', '1');
  await store.close();
  disk.fill();
  const again = await open(directory);
  expect((await again.get('/a')).entry?.value).toBe('1');
  await expect(put(again, '/b', 'x'.repeat(10_000))).rejects.toEqual(refusedByFullDisk(directory));
  disk.free();
  await put(again, '/b', '2');
});

test('a store that is closed on a full disk has lost nothing', async () => {
  const { store, disk, directory } = await openOnDisk();
  for (let i = 0; i < 50; i++) await put(store, `/a/${i}`, 'x'.repeat(500));
  disk.fill();
  await expect(put(store, '/b', 'x'.repeat(10_000))).rejects.toEqual(refusedByFullDisk(directory));
  await store.close();
  const again = await open(directory);
  expect((await again.list('/')).entries.length).toBe(50);
});

test('a new store on a full disk is refused with the folder in the sentence; freed, it opens', async () => {
  const disk = new SmallDisk(DISK_BYTES);
  onTestFinished(() => disk[Symbol.dispose]());
  disk.fill();
  const directory = join(disk.path, 'store');
  await expect(open(directory)).rejects.toThrow(new RegExp(`^${directory} cannot be used as the folder of the store`));
  disk.free();
  await put(await open(directory), '/a', '1');
});

test('a lease that ends while the disk is full takes its keys once it is freed', async () => {
  const { store, disk } = await openOnDisk();
  const { id } = await store.grantLease(1);
  await put(store, '/leased', '1', id);
  disk.fill();
  await eventually(
    () => store.keepAlive(id),
    (isAlive) => !isAlive,
    { intervalMs: 1_100, timeoutMs: 10_000 },
  );
  expect((await store.get('/leased')).entry?.value).toBe('1');
  disk.free();
  await eventually(
    () => store.get('/leased'),
    ({ entry }) => entry === undefined,
    { timeoutMs: 3_000 },
  );
});

test('a registry on a full disk refuses Register with the reason, goes on with Lookup, and heals', async () => {
  const { store, disk, directory } = await openOnDisk();
  const tokens = await createTokens();
  await using registry = await startRegistry({ store, tokens });
  await registry.running.ready;
  const calls = new RegistryCalls(registry, tokens);
  await calls.register({ server_name: 'Db_Kept' });
  disk.fill();
  const refused = await Promise.all(['Db_A', 'Db_B'].map((name) => refusalOf(calls.register({ server_name: name }))));
  for (const { reason, message } of refused) {
    expect(reason).toBe('STORE_UNAVAILABLE');
    expect(message).toContain('the disk that holds the store is full');
    expect(message).not.toContain(directory);
  }
  expect(await calls.lookup({ server_name: 'Db_Kept' })).toMatchObject({
    stale: false,
    endpoints: [expect.anything()],
  });
  disk.free();
  const { revision } = await calls.register({ server_name: 'Db_A' });
  expect(await calls.urlsOf('Db_A', revision)).toHaveLength(1);
});
