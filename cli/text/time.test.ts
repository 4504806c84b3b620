import { expect, test } from 'vitest';
import { formatAge, formatDistance } from './time.ts';

test.each([
  [-5, '0s'],
  [999, '0s'],
  [1000, '1s'],
  [59_999, '59s'],
  [60_000, '1m'],
  [200_000, '3m20s'],
  [720_000, '12m'],
  [4 * 3_600_000 + 300_000, '4h5m'],
  [11 * 3_600_000, '11h'],
  [3 * 86_400_000, '3d'],
  [400 * 86_400_000, '400d'],
])('%i ms are %s', (ms, text) => {
  expect(formatAge(ms)).toBe(text);
});

test('a time lies ahead or behind', () => {
  expect(formatDistance(0, 900_000)).toBe('in 15m');
  expect(formatDistance(900_000, 0)).toBe('15m ago');
});
