import { expect, test } from 'vitest';
import { InFlight } from './in-flight.ts';

test('a delivery is due when its acknowledgement has not come in time', () => {
  const inFlight = new InFlight();
  inFlight.delivered(7, 1, 100);
  inFlight.delivered(5, 1, 50);
  expect(inFlight.nextDueMs(9)).toBe(50);
  expect(inFlight.due(49, 9)).toEqual([]);
  expect(inFlight.due(100, 9)).toEqual([
    { offset: 5, attempt: 1 },
    { offset: 7, attempt: 1 },
  ]);
  inFlight.settle(5);
  expect(inFlight.size).toBe(1);
});

test('a new stream gets everything at once, but for what was delayed', () => {
  const inFlight = new InFlight();
  inFlight.restore({ offset: 1, attempt: 2, notBeforeMs: 0 });
  inFlight.restore({ offset: 2, attempt: 1, notBeforeMs: 10_500 });
  expect(inFlight.nextDueMs(9)).toBe(Number.POSITIVE_INFINITY);
  inFlight.attach({ nowMs: 1_000, wallMs: 10_000 });
  expect(inFlight.due(1_000, 9)).toEqual([{ offset: 1, attempt: 2 }]);
  expect(inFlight.due(1_500, 9)).toHaveLength(2);
  inFlight.detach();
  expect(inFlight.due(Number.MAX_SAFE_INTEGER, 9)).toEqual([]);
});

test('a stream that may have fewer than the one before gets the rest as it settles', () => {
  const inFlight = new InFlight();
  for (const offset of [1, 2, 3]) inFlight.restore({ offset, attempt: 1, notBeforeMs: 0 });
  inFlight.attach({ nowMs: 0, wallMs: 0 });
  expect(inFlight.due(0, 2).map(({ offset }) => offset)).toEqual([1, 2]);
  for (const offset of [1, 2]) inFlight.delivered(offset, 2, 50);
  expect(inFlight.due(0, 2)).toEqual([]);
  expect(inFlight.nextDueMs(2)).toBe(50);
  inFlight.settle(1);
  expect(inFlight.nextDueMs(2)).toBe(0);
  expect(inFlight.due(60, 2).map(({ offset }) => offset)).toEqual([2, 3]);
});
