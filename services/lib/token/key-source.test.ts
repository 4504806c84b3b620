import { beforeAll, expect, test } from 'vitest';
import type { Clock } from '#lib/clock.ts';
import { hasReason } from '#lib/errors.ts';
import { type KeySet, parseKeySet } from './key-set.ts';
import { createKeySource } from './key-source.ts';
import { generateSigningKey } from './signing-key.ts';

const POLICY = { refreshAfterMs: 540_000, maxAgeMs: 600_000, maxStaleMs: 3_600_000, retryAfterMs: 5_000 };
const isUnavailable = expect.toSatisfy((error: unknown) => hasReason(error, 'STORE_UNAVAILABLE'));

let first: KeySet;
let second: KeySet;

beforeAll(async () => {
  first = await keySet('first');
  second = await keySet('second');
});

test('before the keys were read there are none, and the first question reads them', async () => {
  const { source, reads } = setUp();
  expect(source.current()).toBeUndefined();
  expect((await source.find('first'))?.kid).toBe('first');
  expect(source.current()?.has('first')).toBe(true);
  expect(reads()).toBe(1);
});

test('many questions at once read the keys once', async () => {
  const { source, reads } = setUp();
  await Promise.all(Array.from({ length: 20 }, () => source.find('first')));
  expect(reads()).toBe(1);
});

test('an unknown kid reads the keys again, at most every 30 s', async () => {
  const { source, reads, clock, give } = setUp();
  await source.find('first');
  give(second);
  expect((await source.find('second'))?.kid).toBe('second');
  expect(await source.find('third')).toBeUndefined();
  expect(reads()).toBe(2);
  clock.ms += 29_999;
  await source.find('third');
  expect(reads()).toBe(2);
  clock.ms += 1;
  await Promise.all(Array.from({ length: 20 }, (_, i) => source.find(`unknown-${i}`)));
  expect(reads()).toBe(3);
});

test('keys that grow old are read again in the background, while the old ones serve', async () => {
  const { source, reads, clock, give } = setUp();
  await source.refresh();
  clock.ms += POLICY.refreshAfterMs + 1;
  give(second);
  expect(source.current()?.has('first')).toBe(true);
  await expect.poll(() => source.current()?.has('second')).toBe(true);
  expect(reads()).toBe(2);
});

test('keys over ten minutes old are not used before they were read again', async () => {
  const { source, clock, give } = setUp();
  await source.refresh();
  clock.ms += POLICY.maxAgeMs + 1;
  give(second);
  expect(source.current()).toBeUndefined();
  expect(await source.find('first')).toBeUndefined();
  expect(source.current()?.has('second')).toBe(true);
});

test('while reading fails the last good keys serve for an hour and no longer', async () => {
  const { source, clock, give, failures } = setUp();
  await source.refresh();
  give(new Error('away'));
  clock.ms += POLICY.maxAgeMs + 1;
  expect((await source.find('first'))?.kid).toBe('first');
  expect(failures()).toBe(1);
  clock.ms += POLICY.maxStaleMs;
  await expect(source.find('first')).rejects.toEqual(isUnavailable);
  give(first);
  clock.ms += POLICY.retryAfterMs;
  expect((await source.find('first'))?.kid).toBe('first');
});

test('a failure is not repeated by each call, only after a pause', async () => {
  const { source, reads, clock, give } = setUp();
  give(new Error('away'));
  await expect(source.find('first')).rejects.toEqual(isUnavailable);
  await expect(source.find('first')).rejects.toEqual(isUnavailable);
  expect(reads()).toBe(1);
  clock.ms += POLICY.retryAfterMs;
  await expect(source.find('first')).rejects.toEqual(isUnavailable);
  expect(reads()).toBe(2);
});

test('a reading at start-up says what went wrong', async () => {
  const { source, give } = setUp();
  give(new Error('no such file'));
  await expect(source.refresh()).rejects.toThrow('no such file');
});

test('an unchanged source keeps its keys', async () => {
  const { source, give, reads } = setUp();
  await source.refresh();
  give(undefined);
  await source.refresh();
  expect(source.current()?.has('first')).toBe(true);
  expect(reads()).toBe(2);
});

function setUp() {
  const clock: Clock & { ms: number } = {
    ms: 0,
    nowMs: () => clock.ms,
    monotonicMs: () => clock.ms,
    sleep: async () => {},
  };
  let next: KeySet | Error | undefined = first;
  let readCount = 0;
  let failureCount = 0;
  const source = createKeySource({
    clock,
    policy: POLICY,
    read: async () => {
      readCount++;
      if (next instanceof Error) throw next;
      return next;
    },
    onFailure: () => failureCount++,
  });
  const give = (answer: KeySet | Error | undefined) => {
    next = answer;
  };
  return { source, clock, give, reads: () => readCount, failures: () => failureCount };
}

async function keySet(kid: string): Promise<KeySet> {
  const { publicJwks } = await generateSigningKey();
  return parseKeySet(JSON.stringify({ keys: publicJwks.keys.map((jwk) => ({ ...jwk, kid })) }));
}
