/** Part of the store contract: watching. */
import { expect } from 'vitest';
import { CompactedError } from '#lib/store/store.ts';
import { revisionOf, WatchRecorder } from '../../harness/watch-recorder.ts';
import { type ContractTests, ownPrefix, put, remove, write } from './contract-test.ts';

export const watchTests: ContractTests = {
  'a watch stands with its first batch and then delivers every change once and in order': async ({ store }) => {
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
  },

  'events carry what a read would: value, revision and lease; a deletion its own revision': async ({ store }) => {
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
  },

  'a revision is never split over batches, and a batch says how far it reaches': async ({ store }) => {
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
  },

  'a watch from a past revision replays it and goes on with what comes': async ({ store }) => {
    const prefix = ownPrefix();
    const revisions: number[] = [];
    for (let i = 0; i < 10; i++) revisions.push(await write(store, put(`${prefix}key`, `${i}`)));
    await using watch = new WatchRecorder(store, prefix, revisions[4] as number);
    await watch.until(({ lines }) => lines.length >= 6, 'the replay');
    await write(store, remove(`${prefix}key`));
    await watch.until(({ lines }) => lines.length >= 7, 'the change after it');
    const replayed = [4, 5, 6, 7, 8, 9].map((i) => `put ${prefix}key=${i}`);
    expect(watch.lines).toEqual([...replayed, `delete ${prefix}key`]);
  },

  'a watch sees nothing of what lies beside its prefix': async ({ store }) => {
    const prefix = ownPrefix();
    await using watch = new WatchRecorder(store, `${prefix}a/`, (await store.list(prefix)).revision + 1);
    for (const name of ['a', 'a-archive/1', 'a.1', 'a0', 'b/a/1', 'a/1']) await write(store, put(prefix + name, 'x'));
    await watch.until(({ lines }) => lines.length > 0, 'the one event');
    expect(watch.lines).toEqual([`put ${prefix}a/1=x`]);
  },

  'a quiet watch gives a mark at least every 10 s': async ({ store }) => {
    const prefix = ownPrefix();
    await using watch = new WatchRecorder(store, prefix, (await store.list(prefix)).revision + 1);
    await watch.established();
    await watch.until(({ marks }) => marks >= 2, 'a second mark', 10_000);
    expect(watch.events).toEqual([]);
  },

  'a watch that stands behind compaction ends with CompactedError, one from a fresh listing goes on': async ({
    store,
    compact,
  }) => {
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
  },

  'a watch from a revision that the store has never reached ends with CompactedError': async ({ store }) => {
    const prefix = ownPrefix();
    const { revision } = await store.list(prefix);
    expect(await new WatchRecorder(store, prefix, revision + 1_000).ended()).toBeInstanceOf(CompactedError);
  },

  'a watch ends without an error when its signal aborts, before and after it stands': async ({ store }) => {
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
  },
};
