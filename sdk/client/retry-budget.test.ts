import { expect, test } from 'vitest';
import { ManualClock } from '#lib/manual-clock.ts';
import { RetryBudget } from './retry-budget.ts';

function takeAll(budget: RetryBudget): number {
  let taken = 0;
  while (budget.take()) taken += 1;
  return taken;
}

test('ten retries are there at first, then one for each ten calls', () => {
  const budget = new RetryBudget({ clock: new ManualClock() });
  expect(takeAll(budget)).toBe(10);
  for (let call = 0; call < 50; call += 1) budget.called();
  expect(takeAll(budget)).toBeGreaterThanOrEqual(4);
  expect(takeAll(budget)).toBe(0);
});

test('a second adds one without any call, and no more than ten are saved up', () => {
  const clock = new ManualClock();
  const budget = new RetryBudget({ clock });
  takeAll(budget);
  clock.jump(3_000);
  expect(takeAll(budget)).toBe(3);
  clock.jump(3_600_000);
  for (let call = 0; call < 1_000; call += 1) budget.called();
  expect(takeAll(budget)).toBe(10);
});
