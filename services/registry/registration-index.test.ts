import { describe, expect, test } from 'vitest';
import { ManualClock } from '#lib/manual-clock.ts';
import { createKeys } from '#lib/store/keys.ts';
import { MAX_WAITING } from '#lib/store/revision-waiters.ts';
import { encodeServerRecord, sealServerRecord } from '#lib/store/servers.ts';
import type { Entry } from '#lib/store/store.ts';
import { RegistrationIndex } from './registration-index.ts';

const keys = createKeys();
const never = new AbortController().signal;

function entry(name: string, modRevision: number): Entry {
  const record = sealServerRecord({
    name,
    owner: { manager: 'mcp2-operator', installation: 'i', namespace: 'n', name: 'r', uid: 'u' },
    capabilities: ['db:a'],
    tags: {},
    version: '',
    visibility: { visibleTo: [], requiredCapabilities: [] },
    cardDigest: '',
    endpoints: [],
  });
  return { key: keys.server(name), value: encodeServerRecord(record), modRevision };
}

const put = (name: string, modRevision: number) => ({ kind: 'put', entry: entry(name, modRevision) }) as const;
const names = (index: RegistrationIndex) =>
  ['A', 'B', 'C'].filter((name) => index.table.server(name) !== undefined).join('');

function createIndex() {
  const clock = new ManualClock();
  return { clock, index: new RegistrationIndex({ keys, clock }) };
}

describe('the first listing', () => {
  test('makes the index loaded', async () => {
    const { index } = createIndex();
    expect(index.isLoaded).toBe(false);
    await index.reset({ entries: [], revision: 1 });
    await index.loaded;
    expect(index.isLoaded).toBe(true);
  });

  test('a large one lets others run while it is built, and is then there at once', async () => {
    const { index } = createIndex();
    const entries = Array.from({ length: 5_000 }, (_, i) => entry(`S${i}`, i + 1));
    const sizes: number[] = [];
    const reset = index.reset({ entries, revision: 5_000 });
    let isBuilding = true;
    const watching = (async () => {
      while (isBuilding) {
        sizes.push(index.table.size.servers);
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    await reset;
    isBuilding = false;
    await watching;
    expect(sizes.length).toBeGreaterThan(2);
    expect(new Set(sizes)).toEqual(new Set([0]));
    expect(index.table.size.servers).toBe(5_000);
  });
});

describe('the revision', () => {
  test('is that of the newest change, not of the store, which others may write too', async () => {
    const { index } = createIndex();
    await index.reset({ entries: [entry('A', 3), entry('B', 7)], revision: 100 });
    expect(index.revision).toBe(7);
    expect(index.has(100)).toBe(true);
    index.apply({ events: [], revision: 150 });
    expect(index.revision).toBe(7);
    expect(index.has(150)).toBe(true);
    index.apply({ events: [{ kind: 'delete', key: keys.server('A'), modRevision: 160 }], revision: 160 });
    expect(index.revision).toBe(160);
  });

  test('never goes back when the store is listed again', async () => {
    const { index } = createIndex();
    await index.reset({ entries: [entry('A', 3), entry('B', 7)], revision: 8 });
    index.apply({ events: [{ kind: 'delete', key: keys.server('B'), modRevision: 9 }], revision: 9 });
    await index.reset({ entries: [entry('A', 3)], revision: 12 });
    expect(index.revision).toBe(9);
  });

  test('goes back with a store that was restored from a backup', async () => {
    const { index } = createIndex();
    await index.reset({ entries: [entry('A', 50)], revision: 60 });
    await index.reset({ entries: [entry('B', 10)], revision: 20 });
    expect(index.revision).toBe(20);
    expect(index.has(21)).toBe(false);
    expect(names(index)).toBe('B');
  });
});

describe('changes', () => {
  test('are applied in order to what was listed; a new listing replaces everything', async () => {
    const { index } = createIndex();
    await index.reset({ entries: [entry('A', 1)], revision: 1 });
    index.apply({ events: [put('B', 2), put('C', 3)], revision: 3 });
    index.apply({ events: [{ kind: 'delete', key: keys.server('B'), modRevision: 4 }], revision: 4 });
    expect(names(index)).toBe('AC');
    await index.reset({ entries: [entry('B', 9)], revision: 9 });
    expect(names(index)).toBe('B');
  });

  test('each word of the watch counts as heard, also one without changes', async () => {
    const { index, clock } = createIndex();
    await index.reset({ entries: [], revision: 1 });
    await clock.advance(9_000);
    expect(index.silentMs).toBe(9_000);
    index.apply({ events: [], revision: 1 });
    expect(index.silentMs).toBe(0);
  });
});

describe('reach', () => {
  test('waits for the revision', async () => {
    const { index } = createIndex();
    await index.reset({ entries: [], revision: 1 });
    const reached = index.reach(3, 2_000, never);
    index.apply({ events: [put('A', 2)], revision: 2 });
    index.apply({ events: [put('B', 3)], revision: 3 });
    await expect(reached).resolves.toBeUndefined();
  });

  test('gives up after its time', async () => {
    const { index, clock } = createIndex();
    await index.reset({ entries: [], revision: 1 });
    const reached = expect(index.reach(3, 2_000, never)).rejects.toMatchObject({ reason: 'REVISION_NOT_REACHED' });
    await clock.advance(1_000);
    index.apply({ events: [put('A', 2)], revision: 2 });
    await clock.advance(1_000);
    await reached;
    expect(clock.sleepers).toBe(0);
  });

  test('takes in so many and no more; who is too many is told at once', async () => {
    const { index } = createIndex();
    await index.reset({ entries: [], revision: 1 });
    const reached = Array.from({ length: MAX_WAITING }, () => index.reach(2, 2_000, never));
    await expect(index.reach(2, 2_000, never)).rejects.toMatchObject({ reason: 'REVISION_NOT_REACHED' });
    index.apply({ events: [put('A', 2)], revision: 2 });
    await Promise.all(reached);
    await expect(index.reach(2, 2_000, never)).resolves.toBeUndefined();
  });

  test('ends with the call that asked', async () => {
    const { index, clock } = createIndex();
    const call = new AbortController();
    const reached = expect(index.reach(3, 2_000, call.signal)).rejects.toThrow('hung up');
    call.abort(new Error('hung up'));
    await reached;
    expect(clock.sleepers).toBe(0);
  });
});

test('answers that were kept are dropped for changes of registrations alone', async () => {
  const { index } = createIndex();
  await index.reset({ entries: [], revision: 1 });
  const { edition } = index;
  const fence = { key: keys.epoch('i'), value: '1', modRevision: 2 };
  index.apply({ events: [{ kind: 'put', entry: fence }], revision: 2 });
  expect([index.edition, index.has(2)]).toEqual([edition, true]);
  index.apply({ events: [put('A', 3)], revision: 3 });
  expect(index.edition).not.toBe(edition);
});
