import { expect, test } from 'vitest';
import { ManualClock } from '#lib/manual-clock.ts';
import { ChangeTimes } from './change-times.ts';

test('the first of several changes counts', () => {
  const clock = new ManualClock();
  const times = new ChangeTimes(clock);
  times.changed('a');
  clock.jump(1000);
  times.changed('a');
  times.begin('a');
  clock.jump(500);
  expect(times.settled('a')).toBe(1.5);
  expect(times.settled('a')).toBeUndefined();
});

test('a change that comes during a visit counts for the next one', () => {
  const clock = new ManualClock();
  const times = new ChangeTimes(clock);
  times.changed('a');
  times.begin('a');
  clock.jump(100);
  times.changed('a');
  expect(times.settled('a')).toBe(0.1);
  clock.jump(200);
  times.begin('a');
  expect(times.settled('a')).toBe(0.2);
});

test('a visit that failed is answered for by the one that succeeds', () => {
  const clock = new ManualClock();
  const times = new ChangeTimes(clock);
  times.changed('a');
  times.begin('a');
  clock.jump(1000);
  times.changed('a');
  times.begin('a');
  clock.jump(1000);
  expect(times.settled('a')).toBe(2);
});

test('a visit that nothing caused has no lag', () => {
  const times = new ChangeTimes(new ManualClock());
  times.begin('a');
  expect(times.settled('a')).toBeUndefined();
});
