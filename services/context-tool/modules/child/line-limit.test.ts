import { expect, test } from 'vitest';
import { cut, LineLimit } from './line-limit.ts';

test('so many lines pass in a second, the rest is counted, and the next second begins anew', () => {
  const limit = new LineLimit(2);
  expect([0, 1, 2, 999].map((nowMs) => limit.take(nowMs))).toEqual([true, true, false, false]);
  expect(limit.take(1_000)).toBe(true);
  expect(limit.takeDropped()).toBe(2);
  expect(limit.takeDropped()).toBe(0);
});

test('what was dropped elsewhere is counted too', () => {
  const limit = new LineLimit();
  limit.add(7);
  expect(limit.takeDropped()).toBe(7);
});

test.each([
  ['short text stays', 'abc', 10, 'abc'],
  ['text of exactly the bound stays', 'abcdefghij', 10, 'abcdefghij'],
  ['longer text ends in an ellipsis', 'abcdefghijk', 10, 'abcdefg…'],
  ['no character is cut in two', 'ääääää', 10, 'äää…'],
  ['characters of four bytes too', '😀😀😀', 10, '😀…'],
])('%s: %s in %i bytes', (_title, text, maxBytes, expected) => {
  expect(cut(text, maxBytes)).toBe(expected);
  expect(Buffer.byteLength(cut(text, maxBytes))).toBeLessThanOrEqual(maxBytes);
});
