import { expect, test } from 'vitest';
import { ManualClock } from './manual-clock.ts';
import { abortable, atMost } from './time-limit.ts';

const never = () => new Promise<never>(() => undefined);

test('it settles as the work does', async () => {
  const { signal } = new AbortController();
  expect(await abortable(Promise.resolve(1), signal)).toBe(1);
  await expect(abortable(Promise.reject(new Error('no')), signal)).rejects.toThrow('no');
});

test('it is given up with the reason of the signal, before or while it waits', async () => {
  const stop = new AbortController();
  const waiting = abortable(never(), stop.signal);
  stop.abort(new Error('stopping'));
  await expect(waiting).rejects.toThrow('stopping');
  await expect(abortable(never(), stop.signal)).rejects.toThrow('stopping');
});

test('work that fails after it was given up bothers nobody', async () => {
  const stop = new AbortController();
  const late = Promise.withResolvers<never>();
  const waiting = abortable(late.promise, stop.signal);
  stop.abort(new Error('stopping'));
  await expect(waiting).rejects.toThrow('stopping');
  late.reject(new Error('too late'));
  await new Promise((resolve) => setImmediate(resolve));
});

test('work is waited for until the time is up and no longer', async () => {
  const clock = new ManualClock();
  expect(await atMost(10, Promise.resolve(), clock)).toBe(true);
  await expect(atMost(10, Promise.reject(new Error('no')), clock)).rejects.toThrow('no');
  const waiting = atMost(10, never(), clock);
  await clock.advance(10);
  expect(await waiting).toBe(false);
});

test('work that fails when nobody waits any more bothers nobody', async () => {
  const clock = new ManualClock();
  const late = Promise.withResolvers<never>();
  const waiting = atMost(10, late.promise, clock);
  await clock.advance(10);
  expect(await waiting).toBe(false);
  late.reject(new Error('too late'));
  await new Promise((resolve) => setImmediate(resolve));
});
