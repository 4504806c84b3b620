import { expect, test } from 'vitest';
import { ManualClock } from '#lib/manual-clock.ts';
import { CircuitBreaker } from './circuit-breaker.ts';

function failing(times: number, breaker: CircuitBreaker): void {
  for (let time = 0; time < times; time += 1) {
    breaker.begin();
    breaker.failed();
  }
}

test('opens at the third failure in a row, not at three with a success between', () => {
  const breaker = new CircuitBreaker(new ManualClock());
  failing(2, breaker);
  breaker.begin();
  breaker.succeeded();
  failing(2, breaker);
  expect(breaker.isCallable).toBe(true);
  failing(1, breaker);
  expect(breaker.isCallable).toBe(false);
});

test('half-open lets one call through, and closes when that succeeds', () => {
  const clock = new ManualClock();
  const breaker = new CircuitBreaker(clock);
  failing(3, breaker);
  clock.jump(1_000);
  expect(breaker.isCallable).toBe(true);
  breaker.begin();
  expect(breaker.isCallable).toBe(false);
  breaker.succeeded();
  expect(breaker.isCallable).toBe(true);
});

test('a probe that fails doubles the pause, up to 30 s; one that was given up leaves it', () => {
  const clock = new ManualClock();
  const breaker = new CircuitBreaker(clock);
  failing(3, breaker);
  for (const pauseMs of [2_000, 4_000, 8_000, 16_000, 30_000, 30_000]) {
    clock.jump(30_000);
    failing(1, breaker);
    clock.jump(pauseMs - 1);
    expect(breaker.isCallable).toBe(false);
    clock.jump(1);
    expect(breaker.isCallable).toBe(true);
  }
  breaker.begin();
  breaker.abandoned();
  expect(breaker.isCallable).toBe(true);
});

test('calls that were on their way when it opened do not make the pause longer', () => {
  const clock = new ManualClock();
  const breaker = new CircuitBreaker(clock);
  for (let call = 0; call < 20; call += 1) breaker.begin();
  for (let call = 0; call < 20; call += 1) breaker.failed();
  clock.jump(1_000);
  expect(breaker.isCallable).toBe(true);
});
