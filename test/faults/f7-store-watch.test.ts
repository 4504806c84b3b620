/**
 * F7: no change is lost to a watch that is cut, whatever happens meanwhile: compaction, a stream that is killed
 * while it catches up, an etcd that freezes, dies or comes back from a backup.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { CompactedError, type Store } from '#lib/store/store.ts';
import { startEtcdBehindProxy } from '../harness/etcd-behind-proxy.ts';
import { eventually } from '../harness/eventually.ts';
import { contentOf, StoreMirror } from '../harness/store-mirror.ts';
import type { ReplyDecision } from '../harness/tcp-proxy.ts';
import { WatchRecorder } from '../harness/watch-recorder.ts';

const PREFIX = '/faults/';

async function put(store: Store, key: string, value: string): Promise<void> {
  await store.transact({ compares: [], writes: [{ kind: 'put', key: PREFIX + key, value }] });
}

/** Keys come, change and go, `count` transactions in all. */
async function churn(store: Store, count: number, round: string): Promise<void> {
  for (let i = 0; i < count; i++) {
    const key = `${PREFIX}${i % 50}`;
    const write =
      i % 7 === 6 ? { kind: 'delete' as const, key } : { kind: 'put' as const, key, value: `${round}-${i}` };
    await store.transact({ compares: [], writes: [write] });
  }
}

/** Waits until the mirror holds what the store holds. @returns after how many milliseconds. */
async function healed(mirror: StoreMirror, direct: Store, timeoutMs = 15_000): Promise<number> {
  const startedMs = performance.now();
  const truth = await contentOf(direct, PREFIX);
  await eventually(
    () => mirror.content,
    (content) => content === truth,
    { what: 'the mirror holds what the store holds', intervalMs: 5, timeoutMs },
  );
  return performance.now() - startedMs;
}

test('compaction while the watch is cut: the watch says so, a listing heals it within 2 s, nothing is lost', async () => {
  await using under = await startEtcdBehindProxy();
  const { proxy, store, direct } = under;
  await churn(direct, 100, 'before');
  await using mirror = new StoreMirror(store, PREFIX);
  await using watch = new WatchRecorder(store, PREFIX, (await direct.list(PREFIX)).revision + 1);
  await watch.established();
  await healed(mirror, direct);
  await proxy.refuse();
  await churn(direct, 200, 'while cut');
  await under.compact();
  await churn(direct, 50, 'after compaction');
  await proxy.pass();
  expect(await healed(mirror, direct)).toBeLessThanOrEqual(2_000);
  expect(mirror.listings).toBe(2);
  expect(await watch.ended()).toBeInstanceOf(CompactedError);
  await churn(direct, 50, 'afterwards');
  await healed(mirror, direct);
  expect(mirror.listings).toBe(2);
});

test('a stream that is killed at every stage of its catch-up loses none of 5,000 keys and repeats none', async () => {
  await using under = await startEtcdBehindProxy();
  const { proxy, store, direct } = under;
  await using watch = new WatchRecorder(store, PREFIX, (await direct.list(PREFIX)).revision + 1);
  await watch.established();
  await proxy.refuse();
  const keys = Array.from({ length: 5_000 }, (_, i) => `${i}`);
  for (let i = 0; i < keys.length; i += 100) {
    await Promise.all(keys.slice(i, i + 100).map((key) => put(direct, key, key.padEnd(200))));
  }
  const acceptedBefore = proxy.acceptedCount;
  await proxy.pass();
  // The first ends with the bytes that confirm the watch, the others in the middle of what follows.
  proxy.filterReplies(cutAfter([150, 300, 5_000, 100_000, 400_000, 400_000, 700_000]));
  await watch.until(({ events }) => events.length >= 5_000, 'all 5,000 keys', 60_000);
  await put(direct, 'last', '');
  await watch.until(({ events }) => events.length >= 5_001, 'the change after the catch-up');
  expect(proxy.acceptedCount - acceptedBefore).toBeGreaterThanOrEqual(7);
  expect(watch.events.length).toBe(5_001);
  expect(new Set(watch.lines).size).toBe(5_001);
});

/** Cuts each connection after as many bytes as its turn allows, and leaves the later ones alone. */
function cutAfter(budgets: readonly number[]): (piece: Buffer) => ReplyDecision {
  const left = [...budgets];
  return (piece) => {
    const [budget] = left;
    if (budget === undefined) return 'pass';
    left[0] = budget - piece.length;
    if (left[0] > 0) return 'pass';
    left.shift();
    return 'pass-then-cut';
  };
}

test('a watch that is cut again and again under churn delivers every revision once and in order', async () => {
  await using under = await startEtcdBehindProxy();
  const { proxy, store, direct } = under;
  const from = (await direct.list(PREFIX)).revision + 1;
  await using watch = new WatchRecorder(store, PREFIX, from);
  await using truth = new WatchRecorder(direct, PREFIX, from);
  const writing = churn(direct, 3_000, 'churn');
  for (let cuts = 0; cuts < 15; cuts++) {
    const seen = watch.events.length;
    await watch.until(({ events }) => events.length > seen, 'it goes on after a cut');
    proxy.cut();
  }
  await writing;
  const { revision } = await direct.list(PREFIX);
  await put(direct, 'last', '');
  const done = ({ batches }: WatchRecorder) => (batches.at(-1)?.revision ?? 0) > revision;
  await truth.until(done, 'the undisturbed watch is through');
  await watch.until(done, 'the disturbed watch is through');
  expect(watch.events).toEqual(truth.events);
});

test('a frozen etcd: calls fail within their deadline, and the watch goes on without a loss', async () => {
  await using under = await startEtcdBehindProxy();
  const { etcd, store, direct } = under;
  await using mirror = new StoreMirror(store, PREFIX);
  await churn(direct, 20, 'before');
  await healed(mirror, direct);
  etcd.pause();
  const startedMs = performance.now();
  const calls = [
    store.get(`${PREFIX}1`),
    store.list(PREFIX),
    store.transact({ compares: [], writes: [{ kind: 'put', key: `${PREFIX}frozen`, value: '' }] }),
    store.grantLease(10),
    store.keepAlive('1'),
    store.revokeLease('1'),
  ];
  const outcomes = await Promise.allSettled(calls);
  expect(performance.now() - startedMs).toBeLessThan(7_500);
  for (const outcome of outcomes) {
    expect(outcome).toMatchObject({ status: 'rejected', reason: { reason: 'STORE_UNAVAILABLE' } });
  }
  etcd.resume();
  await churn(direct, 50, 'after');
  await healed(mirror, direct);
  expect(mirror.listings).toBe(1);
});

test('a killed etcd that comes back on the same data: the watch goes on within 2 s without a listing', async () => {
  await using under = await startEtcdBehindProxy();
  const { etcd, store, direct } = under;
  await using mirror = new StoreMirror(store, PREFIX);
  await churn(direct, 50, 'before');
  await healed(mirror, direct);
  await etcd.kill();
  await etcd.restart();
  const restartedMs = performance.now();
  await put(direct, 'back', 'again');
  await healed(mirror, direct);
  expect(performance.now() - restartedMs).toBeLessThanOrEqual(2_000);
  expect(mirror.listings).toBe(1);
});

test('an etcd that comes back with older data: the watch does not wait for it in silence, a listing heals', async () => {
  await using under = await startEtcdBehindProxy();
  const { etcd, store, direct } = under;
  await using mirror = new StoreMirror(store, PREFIX);
  await churn(direct, 100, 'lost with the disk');
  await healed(mirror, direct);
  await etcd.kill();
  for (const { process } of etcd.members) await rm(join(process.folder, 'data'), { recursive: true });
  await etcd.restart();
  await put(direct, 'new', 'beginning');
  await healed(mirror, direct);
  expect(mirror.content).toBe(`${PREFIX}new=beginning`);
});

test('a black hole is noticed within 10 s, and a watch that runs out of patience says the store is away', async () => {
  await using under = await startEtcdBehindProxy({ watchPatienceMs: 1_000 });
  const { proxy, store } = under;
  await using watch = new WatchRecorder(store, PREFIX, (await store.list(PREFIX)).revision + 1);
  await watch.established();
  const startedMs = performance.now();
  proxy.hang();
  expect(await watch.ended()).toMatchObject({ reason: 'STORE_UNAVAILABLE' });
  expect(performance.now() - startedMs).toBeLessThan(15_000);
});
