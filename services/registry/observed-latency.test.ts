import { expect, test } from 'vitest';
import type { Clock } from '#lib/clock.ts';
import { ObservedLatency } from './observed-latency.ts';

function movableClock(): Clock & { advance(ms: number): void } {
  let ms = 0;
  return {
    nowMs: () => ms,
    monotonicMs: () => ms,
    sleep: () => Promise.reject(new Error('nothing here waits')),
    advance: (by) => {
      ms += by;
    },
  };
}

test('a server that nobody measured has no latency', () => {
  expect(new ObservedLatency(movableClock()).medianMs('db')).toBeUndefined();
});

test('the median of the reporters counts, so one liar moves it little', () => {
  const observed = new ObservedLatency(movableClock());
  observed.report('a', 'DB', 10);
  observed.report('b', 'DB', 12);
  observed.report('liar', 'db', 3_000_000);
  expect(observed.medianMs('db')).toBe(12);
});

test('one reporter is one voice, with its latest word', () => {
  const observed = new ObservedLatency(movableClock());
  for (let i = 0; i < 100; i += 1) observed.report('liar', 'DB', 900);
  observed.report('a', 'DB', 10);
  observed.report('b', 'DB', 12);
  expect(observed.medianMs('db')).toBe(12);
  observed.report('liar', 'DB', 1);
  expect(observed.medianMs('db')).toBe(10);
});

test('only the latest fifteen reporters are remembered', () => {
  const observed = new ObservedLatency(movableClock());
  for (let i = 0; i < 100; i += 1) observed.report(`old-${i}`, 'DB', 900);
  for (let i = 0; i < 15; i += 1) observed.report(`new-${i}`, 'DB', 5);
  expect(observed.medianMs('db')).toBe(5);
});

test('a measurement counts for five minutes', () => {
  const clock = movableClock();
  const observed = new ObservedLatency(clock);
  observed.report('a', 'DB', 900);
  clock.advance(200_000);
  observed.report('b', 'DB', 5);
  clock.advance(200_000);
  observed.report('c', 'DB', 7);
  expect(observed.medianMs('db')).toBe(5);
  clock.advance(300_001);
  expect(observed.medianMs('db')).toBeUndefined();
});
