import { expect, test } from 'vitest';
import { TokenBucket } from './token-bucket.ts';

test('a burst, then the rate', () => {
  const bucket = new TokenBucket(125, 2, 0);
  expect([bucket.take(1, 0), bucket.take(1, 0), bucket.take(1, 0)]).toEqual([0, 0, 8]);
  expect(bucket.take(1, 7)).toBe(1);
  expect(bucket.take(1, 8)).toBe(0);
  bucket.giveBack(1);
  expect(bucket.take(1, 8)).toBe(0);
});

test('what is larger than the burst goes through a full bucket', () => {
  const bucket = new TokenBucket(1_000, 10, 0);
  expect(bucket.take(50, 0)).toBe(0);
  expect(bucket.take(1, 0)).toBeGreaterThan(0);
});
