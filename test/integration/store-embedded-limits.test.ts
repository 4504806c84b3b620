/** The bounds of the embedded store: what waits for its worker, and what a watch holds at a time. */
import { expect, test } from 'vitest';
import { open, put, temporaryFolder } from '../harness/embedded-store.ts';
import { WatchRecorder } from '../harness/watch-recorder.ts';

const tooMany = expect.objectContaining({
  reason: 'STORE_UNAVAILABLE',
  message: 'too many calls are waiting for the store; try again',
});

test('of more calls than may wait, those beyond the bound are refused at once, and the others are answered', async () => {
  const store = await open(await temporaryFolder());
  const calls = Array.from({ length: 100_500 }, () => store.get('/a'));
  const outcomes = await Promise.allSettled(calls);
  const refused = outcomes.filter(({ status }) => status === 'rejected');
  expect(refused.length).toBeGreaterThan(0);
  expect(refused.length).toBeLessThan(501);
  for (const outcome of refused) expect(outcome).toMatchObject({ reason: tooMany });
  expect((await store.get('/a')).entry).toBeUndefined();
}, 120_000);

test('of more bytes than may wait, those beyond the bound are refused, and the others are written', async () => {
  const store = await open(await temporaryFolder());
  const value = 'x'.repeat(1_000_000);
  const writes = Array.from({ length: 75 }, (_, i) => put(store, `/a/${i}`, value));
  const outcomes = await Promise.allSettled(writes);
  const refused = outcomes.filter(({ status }) => status === 'rejected');
  expect(refused.length).toBeGreaterThan(0);
  for (const outcome of refused) expect(outcome).toMatchObject({ reason: tooMany });
  expect((await store.list('/a/')).entries.length).toBe(outcomes.length - refused.length);
}, 120_000);

test('a watch takes at most 1 MiB at a time, and a revision that is larger alone', async () => {
  const store = await open(await temporaryFolder());
  const value = 'x'.repeat(400_000);
  for (let i = 0; i < 7; i++) await put(store, `/a/${i}`, value);
  await using watch = new WatchRecorder(store, '/a/', 2);
  await watch.until(({ events }) => events.length === 7, 'all changes');
  expect(watch.batches.map(({ events }) => events.length)).toEqual([0, 2, 2, 2, 1]);
});
