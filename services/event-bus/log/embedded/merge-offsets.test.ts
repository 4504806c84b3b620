import { expect, test } from 'vitest';
import { mergeOffsets, type OffsetSource } from './merge-offsets.ts';

const sourceOf =
  (offsets: readonly number[]): OffsetSource =>
  (after, limit) =>
    offsets.filter((offset) => offset > after).slice(0, limit);

test.each([1, 2, 3, 100])('gives every offset once, in order, in pieces of %i', (piece) => {
  const lists = Array.from({ length: 7 }, (_, list) =>
    Array.from({ length: list * 5 }, (_unused, i) => 1 + list + i * 7).filter((offset) => offset % 5 !== 0),
  );
  const expected = lists.flat().sort((a, b) => a - b);
  expect([...mergeOffsets(lists.map(sourceOf), 0, piece)]).toEqual(expected);
  expect([...mergeOffsets(lists.map(sourceOf), 20, piece)]).toEqual(expected.filter((offset) => offset > 20));
});

test('asks for no more than is taken', () => {
  let asked = 0;
  const source: OffsetSource = (after, limit) => {
    asked += 1;
    return Array.from({ length: limit }, (_, i) => after + 1 + i);
  };
  const offsets = mergeOffsets([source], 0, 4);
  expect([offsets.next().value, offsets.next().value, offsets.next().value]).toEqual([1, 2, 3]);
  expect(asked).toBe(1);
});

test('of nothing comes nothing', () => {
  expect([...mergeOffsets([], 0, 8)]).toEqual([]);
  expect([...mergeOffsets([() => []], 0, 8)]).toEqual([]);
});
