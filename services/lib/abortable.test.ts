import { expect, test } from 'vitest';
import { abortable } from './abortable.ts';

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
