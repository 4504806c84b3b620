/**
 * What every store promises, as tests; each implementation runs them all (`store-embedded.test.ts`,
 * `store-etcd.test.ts`).
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CompactedError, LeaseGoneError, type Store, type WriteOperation } from '#lib/store/store.ts';
import { eventually } from '../harness/eventually.ts';
import { revisionOf, WatchRecorder } from '../harness/watch-recorder.ts';

export interface StoreUnderTest {
  readonly store: Store;
  /** Makes every revision before the current one unreachable for a watch. */
  compact(): Promise<void>;
  dispose(): Promise<void>;
}

export function describeStore(name: string, open: () => Promise<StoreUnderTest>): void {
  describe(`the ${name} store`, () => {
    let under: StoreUnderTest;
    beforeAll(async () => {
      under = await open();
    });
    afterAll(() => under.dispose());
    const current = () => under;
    testReadsAndWrites(current);
    testRefusals(current);
    testWatches(current);
    testLeases(current);
    testVolume(current);
    testClosing(open);
  });
}

type Current = () => StoreUnderTest;

const put = (key: string, value: string, leaseId?: string): WriteOperation =>
  leaseId === undefined ? { kind: 'put', key, value } : { kind: 'put', key, value, leaseId };
const remove = (key: string): WriteOperation => ({ kind: 'delete', key });

let folders = 0;
/** Each test has a prefix of its own. */
function ownPrefix(): string {
  folders += 1;
  return `/contract/${process.pid}/${folders}/`;
}

async function write(store: Store, ...writes: WriteOperation[]): Promise<number> {
  const result = await store.transact({ compares: [], writes });
  expect(result.succeeded).toBe(true);
  return result.revision;
}

function testReadsAndWrites(current: Current): void {
  test('a key that was never written is absent, at the revision of the store', async () => {
    const { store } = current();
    const prefix = ownPrefix();
    const { entry, revision } = await store.get(`${prefix}nothing`);
    expect(entry).toBeUndefined();
    expect(revision).toBeGreaterThan(0);
    expect((await store.list(prefix)).entries).toEqual([]);
  });

  test('a written value is read back with the revision of its transaction', async () => {
    const { store } = current();
    const key = `${ownPrefix()}a`;
    const revision = await write(store, put(key, 'grüße ✓'));
    expect(await store.get(key)).toEqual({ entry: { key, value: 'grüße ✓', modRevision: revision }, revision });
    const second = await write(store, put(key, ''));
    expect(second).toBe(revision + 1);
    expect((await store.get(key)).entry).toEqual({ key, value: '', modRevision: second });
  });

  test('all writes of a transaction get one revision, and what deletes nothing takes none', async () => {
    const { store } = current();
    const prefix = ownPrefix();
    const revision = await write(store, put(`${prefix}a`, '1'), put(`${prefix}b`, '2'));
    expect(await write(store, remove(`${prefix}never`))).toBe(revision);
    expect(await write(store, put(`${prefix}c`, '3'), remove(`${prefix}a`))).toBe(revision + 1);
    const { entries, revision: at } = await store.list(prefix);
    expect(entries.map(({ key, modRevision }) => [key.slice(prefix.length), modRevision - revision])).toEqual([
      ['b', 0],
      ['c', 1],
    ]);
    expect(at).toBe(revision + 1);
  });

  test('a listing has everything below its prefix in key order and nothing beside it', async () => {
    const { store } = current();
    const prefix = ownPrefix();
    const below = ['a/1', 'a/10', 'a/2', 'a/b/c'];
    const beside = ['a', 'a-archive', 'a.b', 'a0', 'b'];
    await write(store, ...[...below, ...beside].reverse().map((name) => put(`${prefix}${name}`, name)));
    const { entries } = await store.list(`${prefix}a/`);
    expect(entries.map(({ key }) => key)).toEqual(below.map((name) => `${prefix}${name}`));
  });

  test('a lost compare writes nothing and answers what the keys hold instead', async () => {
    const { store } = current();
    const prefix = ownPrefix();
    const first = await write(store, put(`${prefix}a`, 'theirs'));
    const result = await store.transact({
      compares: [
        { key: `${prefix}b`, modRevision: 0 },
        { key: `${prefix}a`, modRevision: 0 },
      ],
      writes: [put(`${prefix}a`, 'ours'), put(`${prefix}b`, 'ours')],
      readOnFailure: [`${prefix}a`, `${prefix}b`],
    });
    const entry = { key: `${prefix}a`, value: 'theirs', modRevision: first };
    expect(result).toEqual({ succeeded: false, revision: first, current: new Map([[entry.key, entry]]) });
    expect((await store.list(prefix)).entries).toEqual([entry]);
  });

  test('compares hold for absent keys, for seen revisions, and for keys that are not written', async () => {
    const { store } = current();
    const prefix = ownPrefix();
    const [guard, key] = [`${prefix}guard`, `${prefix}key`];
    const epoch = await write(store, put(guard, 'me'));
    const create = {
      compares: [
        { key: guard, modRevision: epoch },
        { key, modRevision: 0 },
      ],
      writes: [put(key, '1')],
    };
    const created = await store.transact(create);
    expect(created.succeeded).toBe(true);
    expect((await store.transact(create)).succeeded).toBe(false);
    const update = {
      compares: [
        { key: guard, modRevision: epoch },
        { key, modRevision: created.revision },
      ],
    };
    expect((await store.transact({ ...update, writes: [remove(key)] })).succeeded).toBe(true);
    await write(store, put(guard, 'another'));
    expect((await store.transact(create)).succeeded).toBe(false);
  });

  test('of 50 parallel counters that compare and write, no increment is lost', async () => {
    const { store } = current();
    const key = `${ownPrefix()}counter`;
    const increment = async (): Promise<void> => {
      for (;;) {
        const { entry } = await store.get(key);
        const value = String(Number(entry?.value ?? 0) + 1);
        const compares = [{ key, modRevision: entry?.modRevision ?? 0 }];
        if ((await store.transact({ compares, writes: [put(key, value)] })).succeeded) return;
      }
    };
    await Promise.all(Array.from({ length: 50 }, increment));
    expect((await store.get(key)).entry?.value).toBe('50');
  });
}

function testRefusals(current: Current): void {
  test.each([
    ['an empty key', ''],
    ['a relative key', 'a/b'],
    ['a key with an empty segment', '/a//b'],
    ['a key with a NUL', '/a\0'],
    ['a key outside ASCII', '/ä'],
    ['a key of 513 characters', `/${'k'.repeat(512)}`],
  ])('%s is refused everywhere, before anything is sent', async (_title, key) => {
    const { store } = current();
    const refused = expect.objectContaining({ reason: 'ARGUMENT_INVALID' });
    await expect(store.get(key)).rejects.toEqual(refused);
    const prefix = key === '' ? '' : `${key}/`;
    await expect(store.list(prefix)).rejects.toEqual(refused);
    await expect(store.transact({ compares: [], writes: [put(key, 'x')] })).rejects.toEqual(refused);
    await expect(store.transact({ compares: [{ key, modRevision: 0 }], writes: [] })).rejects.toEqual(refused);
    await expect(new WatchRecorder(store, prefix, 1).ended()).resolves.toEqual(refused);
  });

  test('a value beyond 1 MiB is refused with what to do, one just below is kept', async () => {
    const { store } = current();
    const key = `${ownPrefix()}large`;
    const most = 1024 * 1024 - key.length;
    const tooMuch = store.transact({ compares: [], writes: [put(key, 'x'.repeat(most + 1))] });
    await expect(tooMuch).rejects.toMatchObject({ reason: 'LIMIT_EXCEEDED', message: /write less/ });
    await write(store, put(key, 'x'.repeat(most)));
    expect((await store.get(key)).entry?.value.length).toBe(most);
    await write(store, remove(key));
  });

  test('100 writes with a compare each and one guard fit, 101 writes do not', async () => {
    const { store } = current();
    const prefix = ownPrefix();
    const keys = Array.from({ length: 101 }, (_, i) => `${prefix}${i}`);
    const compares = keys.map((key) => ({ key, modRevision: 0 }));
    const writes = keys.map((key) => put(key, 'x'));
    await expect(store.transact({ compares, writes })).rejects.toMatchObject({ reason: 'LIMIT_EXCEEDED' });
    const result = await store.transact({ compares, writes: writes.slice(1), readOnFailure: keys });
    expect(result.succeeded).toBe(true);
  });
}

function testWatches(current: Current): void {
  test('a watch stands with its first batch and then delivers every change once and in order', async () => {
    const { store } = current();
    const prefix = ownPrefix();
    const { revision } = await store.list(prefix);
    await using watch = new WatchRecorder(store, prefix, revision + 1);
    await watch.established();
    expect(watch.batches).toEqual([{ events: [], revision }]);
    const lines = [];
    for (let i = 0; i < 100; i++) {
      await write(store, i % 10 === 9 ? remove(`${prefix}${i - 1}`) : put(`${prefix}${i}`, `v${i}`));
      lines.push(i % 10 === 9 ? `delete ${prefix}${i - 1}` : `put ${prefix}${i}=v${i}`);
    }
    await watch.until(({ lines: seen }) => seen.length >= 100, '100 events');
    expect(watch.lines).toEqual(lines);
  });

  test('events carry what a read would: value, revision and lease; a deletion its own revision', async () => {
    const { store } = current();
    const prefix = ownPrefix();
    const { id: leaseId } = await store.grantLease(60);
    await using watch = new WatchRecorder(store, prefix, (await store.list(prefix)).revision + 1);
    const first = await write(store, put(`${prefix}a`, '1', leaseId), put(`${prefix}b`, '2'));
    const second = await write(store, remove(`${prefix}a`));
    await watch.until(({ events }) => events.length >= 3, '3 events');
    expect(watch.events).toEqual([
      { kind: 'put', entry: { key: `${prefix}a`, value: '1', modRevision: first, leaseId } },
      { kind: 'put', entry: { key: `${prefix}b`, value: '2', modRevision: first } },
      { kind: 'delete', key: `${prefix}a`, modRevision: second },
    ]);
    await store.revokeLease(leaseId);
  });

  test('a revision is never split over batches, and a batch says how far it reaches', async () => {
    const { store } = current();
    const prefix = ownPrefix();
    const { revision } = await store.list(prefix);
    for (let i = 0; i < 20; i++) {
      await write(store, ...Array.from({ length: 50 }, (_, k) => put(`${prefix}${k}`, `${i}`.padEnd(2_000))));
    }
    await using watch = new WatchRecorder(store, prefix, revision + 1);
    await watch.until(({ events }) => events.length >= 1_000, '1,000 events');
    let reached = revision;
    for (const { events, revision: reaches } of watch.batches) {
      for (const event of events) expect(revisionOf(event)).toBeGreaterThan(reached);
      if (events.length > 0) expect(revisionOf(events[events.length - 1] as never)).toBeLessThanOrEqual(reaches);
      expect(reaches).toBeGreaterThanOrEqual(reached);
      reached = reaches;
    }
    expect(watch.events.length).toBe(1_000);
  });

  test('a watch from a past revision replays it and goes on with what comes', async () => {
    const { store } = current();
    const prefix = ownPrefix();
    const revisions: number[] = [];
    for (let i = 0; i < 10; i++) revisions.push(await write(store, put(`${prefix}key`, `${i}`)));
    await using watch = new WatchRecorder(store, prefix, revisions[4] as number);
    await watch.until(({ lines }) => lines.length >= 6, 'the replay');
    await write(store, remove(`${prefix}key`));
    await watch.until(({ lines }) => lines.length >= 7, 'the change after it');
    const replayed = [4, 5, 6, 7, 8, 9].map((i) => `put ${prefix}key=${i}`);
    expect(watch.lines).toEqual([...replayed, `delete ${prefix}key`]);
  });

  test('a watch sees nothing of what lies beside its prefix', async () => {
    const { store } = current();
    const prefix = ownPrefix();
    await using watch = new WatchRecorder(store, `${prefix}a/`, (await store.list(prefix)).revision + 1);
    for (const name of ['a', 'a-archive/1', 'a.1', 'a0', 'b/a/1', 'a/1']) await write(store, put(prefix + name, 'x'));
    await watch.until(({ lines }) => lines.length > 0, 'the one event');
    expect(watch.lines).toEqual([`put ${prefix}a/1=x`]);
  });

  test('a quiet watch gives a mark at least every 10 s', async () => {
    const { store } = current();
    const prefix = ownPrefix();
    await using watch = new WatchRecorder(store, prefix, (await store.list(prefix)).revision + 1);
    await watch.established();
    await watch.until(({ marks }) => marks >= 2, 'a second mark', 10_000);
    expect(watch.events).toEqual([]);
  });

  test('a watch that stands behind compaction ends with CompactedError, one from a fresh listing goes on', async () => {
    const { store, compact } = current();
    const prefix = ownPrefix();
    const first = await write(store, put(`${prefix}a`, '1'));
    await write(store, put(`${prefix}a`, '2'));
    await compact();
    expect(await new WatchRecorder(store, prefix, first).ended()).toBeInstanceOf(CompactedError);
    const { entries, revision } = await store.list(prefix);
    expect(entries.map(({ value }) => value)).toEqual(['2']);
    await using watch = new WatchRecorder(store, prefix, revision + 1);
    await write(store, put(`${prefix}a`, '3'));
    await watch.until(({ lines }) => lines.length > 0, 'the next change');
  });

  test('a watch from a revision that the store has never reached ends with CompactedError', async () => {
    const { store } = current();
    const prefix = ownPrefix();
    const { revision } = await store.list(prefix);
    expect(await new WatchRecorder(store, prefix, revision + 1_000).ended()).toBeInstanceOf(CompactedError);
  });

  test('a watch ends without an error when its signal aborts, before and after it stands', async () => {
    const { store } = current();
    const prefix = ownPrefix();
    const { revision } = await store.list(prefix);
    const early: unknown[] = [];
    for await (const batch of store.watch(prefix, revision + 1, AbortSignal.abort())) early.push(batch);
    expect(early).toEqual([]);
    const stop = new AbortController();
    for await (const batch of store.watch(prefix, revision + 1, stop.signal)) {
      expect(batch.events).toEqual([]);
      stop.abort();
    }
  });
}

function testLeases(current: Current): void {
  test('the keys of a lease vanish together when nobody keeps it alive, as deletions of one revision', async () => {
    const { store } = current();
    const prefix = ownPrefix();
    const { id, ttlSeconds } = await store.grantLease(2);
    expect(ttlSeconds).toBeGreaterThanOrEqual(2);
    await using watch = new WatchRecorder(store, prefix, (await store.list(prefix)).revision + 1);
    await write(store, put(`${prefix}a`, '1', id), put(`${prefix}b`, '2', id), put(`${prefix}c`, 'stays'));
    expect((await store.get(`${prefix}a`)).entry?.leaseId).toBe(id);
    await watch.until(({ lines }) => lines.length >= 5, 'the deletions', (ttlSeconds + 4) * 1000);
    expect(watch.lines.slice(3).sort()).toEqual([`delete ${prefix}a`, `delete ${prefix}b`]);
    expect(new Set(watch.events.slice(3).map(revisionOf)).size).toBe(1);
    expect((await store.list(prefix)).entries.map(({ value }) => value)).toEqual(['stays']);
    expect(await store.keepAlive(id)).toBe(false);
  });

  test('a lease that is kept alive outlives its time, and ends when that stops', async () => {
    const { store } = current();
    const key = `${ownPrefix()}a`;
    const { id, ttlSeconds } = await store.grantLease(2);
    await write(store, put(key, '1', id));
    const startedMs = performance.now();
    await eventually(
      async () => {
        expect(await store.keepAlive(id)).toBe(true);
        return performance.now() - startedMs;
      },
      (elapsedMs) => elapsedMs > ttlSeconds * 2_000,
      { intervalMs: 300, timeoutMs: ttlSeconds * 4_000 },
    );
    expect((await store.get(key)).entry?.value).toBe('1');
    await eventually(
      () => store.get(key),
      ({ entry }) => entry === undefined,
      { timeoutMs: (ttlSeconds + 4) * 1000 },
    );
  });

  test('a revoked lease takes its keys at once; again, and keeping it alive, do no harm', async () => {
    const { store } = current();
    const key = `${ownPrefix()}a`;
    const { id } = await store.grantLease(60);
    await write(store, put(key, '1', id));
    await store.revokeLease(id);
    expect((await store.get(key)).entry).toBeUndefined();
    await store.revokeLease(id);
    expect(await store.keepAlive(id)).toBe(false);
    expect(await store.keepAlive('4611686018427387904')).toBe(false);
  });

  test('a put with a lease that is gone fails as a whole with LeaseGoneError', async () => {
    const { store } = current();
    const prefix = ownPrefix();
    const { id } = await store.grantLease(60);
    await store.revokeLease(id);
    const writes = [put(`${prefix}a`, '1'), put(`${prefix}b`, '1', id)];
    await expect(store.transact({ compares: [], writes })).rejects.toBeInstanceOf(LeaseGoneError);
    expect((await store.list(prefix)).entries).toEqual([]);
  });

  test('a later put without the lease, or with another, frees the key from it', async () => {
    const { store } = current();
    const prefix = ownPrefix();
    const [one, other] = [await store.grantLease(60), await store.grantLease(60)];
    await write(store, put(`${prefix}a`, '1', one.id), put(`${prefix}b`, '1', one.id), put(`${prefix}c`, '1', one.id));
    await write(store, put(`${prefix}a`, '2'), put(`${prefix}b`, '2', other.id));
    await store.revokeLease(one.id);
    expect((await store.list(prefix)).entries.map(({ key }) => key)).toEqual([`${prefix}a`, `${prefix}b`]);
    await store.revokeLease(other.id);
    expect((await store.list(prefix)).entries.map(({ key }) => key)).toEqual([`${prefix}a`]);
  });

  test('200 leases are kept alive at once and each hears of itself', async () => {
    const { store } = current();
    const leases = await Promise.all(Array.from({ length: 200 }, () => store.grantLease(60)));
    const gone = leases.filter((_, i) => i % 2 === 0);
    await Promise.all(gone.map(({ id }) => store.revokeLease(id)));
    const answers = await Promise.all(leases.map(({ id }) => store.keepAlive(id)));
    expect(answers).toEqual(leases.map((_, i) => i % 2 === 1));
    await Promise.all(leases.map(({ id }) => store.revokeLease(id)));
  });

  test('times to live that are no whole seconds in range are refused', async () => {
    const { store } = current();
    for (const ttlSeconds of [0, -5, 1.5, Number.NaN, 1e10]) {
      await expect(store.grantLease(ttlSeconds)).rejects.toMatchObject({ reason: 'ARGUMENT_INVALID' });
    }
    await expect(store.keepAlive('not-a-lease')).rejects.toMatchObject({ reason: 'ARGUMENT_INVALID' });
  });
}

function testVolume(current: Current): void {
  test('5,001 keys are listed at one revision while others are being written', async () => {
    const { store } = current();
    const prefix = ownPrefix();
    const keys = Array.from({ length: 5_001 }, (_, i) => `${prefix}${String(i).padStart(5, '0')}`);
    const batches = Array.from({ length: Math.ceil(keys.length / 100) }, (_, i) => keys.slice(i * 100, i * 100 + 100));
    await Promise.all(batches.map((batch) => write(store, ...batch.map((key) => put(key, 'x'.repeat(200))))));
    const [listing] = await Promise.all([
      store.list(prefix),
      ...batches.slice(0, 10).map((batch) => write(store, ...batch.map((key) => put(key, 'later')))),
    ]);
    expect(listing.entries.map(({ key }) => key)).toEqual(keys);
    await using watch = new WatchRecorder(store, prefix, listing.revision + 1);
    const missing = listing.entries.filter(({ value }) => value !== 'later').length - (5_001 - 1_000);
    await watch.until(({ events }) => events.length >= missing, 'all that the listing lacks');
    expect(watch.events.length).toBe(missing);
    for (const { modRevision } of listing.entries) expect(modRevision).toBeLessThanOrEqual(listing.revision);
  });
}

function testClosing(open: () => Promise<StoreUnderTest>): void {
  test('closing ends watches without an error, later calls are refused, and closing again does nothing', async () => {
    const { store, dispose } = await open();
    await using watch = new WatchRecorder(store, '/closing/', 2);
    await watch.established();
    await store.close();
    expect(await watch.ended()).toBeUndefined();
    const refused = expect.objectContaining({ reason: 'SHUTTING_DOWN' });
    await expect(store.get('/closing/a')).rejects.toEqual(refused);
    await expect(store.list('/closing/')).rejects.toEqual(refused);
    await expect(store.transact({ compares: [], writes: [put('/closing/a', '1')] })).rejects.toEqual(refused);
    await expect(store.grantLease(10)).rejects.toEqual(refused);
    await expect(store.keepAlive('1')).rejects.toEqual(refused);
    await expect(store.revokeLease('1')).rejects.toEqual(refused);
    await expect(new WatchRecorder(store, '/closing/', 2).ended()).resolves.toEqual(refused);
    await store.close();
    await dispose();
  });
}
