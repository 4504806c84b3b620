/** Part of the store contract: reading, listing, comparing and writing. */
import { expect } from 'vitest';
import { WatchRecorder } from '../../harness/watch-recorder.ts';
import { type ContractTests, ownPrefix, put, remove, write } from './contract-test.ts';

export const readAndWriteTests: ContractTests = {
  'a key that was never written is absent, at the revision of the store': async ({ store }) => {
    const prefix = ownPrefix();
    const { entry, revision } = await store.get(`${prefix}nothing`);
    expect(entry).toBeUndefined();
    expect(revision).toBeGreaterThan(0);
    expect((await store.list(prefix)).entries).toEqual([]);
  },

  'a written value is read back with the revision of its transaction': async ({ store }) => {
    const key = `${ownPrefix()}a`;
    const revision = await write(store, put(key, 'grüße ✓'));
    expect(await store.get(key)).toEqual({ entry: { key, value: 'grüße ✓', modRevision: revision }, revision });
    const second = await write(store, put(key, ''));
    expect(second).toBe(revision + 1);
    expect((await store.get(key)).entry).toEqual({ key, value: '', modRevision: second });
  },

  'all writes of a transaction get one revision, and what deletes nothing takes none': async ({ store }) => {
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
  },

  'a listing has everything below its prefix in key order and nothing beside it': async ({ store }) => {
    const prefix = ownPrefix();
    const below = ['a/1', 'a/10', 'a/2', 'a/b/c'];
    const beside = ['a', 'a-archive', 'a.b', 'a0', 'b'];
    await write(store, ...[...below, ...beside].reverse().map((name) => put(`${prefix}${name}`, name)));
    const { entries } = await store.list(`${prefix}a/`);
    expect(entries.map(({ key }) => key)).toEqual(below.map((name) => `${prefix}${name}`));
  },

  'a lost compare writes nothing and answers what the keys hold instead': async ({ store }) => {
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
  },

  'compares hold for absent keys, for seen revisions, and for keys that are not written': async ({ store }) => {
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
  },

  'of 50 parallel counters that compare and write, no increment is lost': async ({ store }) => {
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
  },
  '5,001 keys are listed at one revision while others are being written': async ({ store }) => {
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
  },
};
