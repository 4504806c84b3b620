import { expect, test } from 'vitest';
import { InFlight } from './in-flight.ts';

test('a delivery is due when its acknowledgement has not come in time', () => {
  const inFlight = new InFlight();
  inFlight.delivered(7, 1, 100);
  inFlight.delivered(5, 1, 50);
  expect(inFlight.nextDueMs()).toBe(50);
  expect(inFlight.due(49)).toEqual([]);
  expect(inFlight.due(100)).toEqual([
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
  expect(inFlight.nextDueMs()).toBe(Number.POSITIVE_INFINITY);
  inFlight.attach({ nowMs: 1_000, wallMs: 10_000 });
  expect(inFlight.due(1_000)).toEqual([{ offset: 1, attempt: 2 }]);
  expect(inFlight.due(1_500)).toHaveLength(2);
  inFlight.detach();
  expect(inFlight.due(Number.MAX_SAFE_INTEGER)).toEqual([]);
});
