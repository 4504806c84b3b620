import { expect, test } from 'vitest';
import { Waiters } from './waiters.ts';

test('a change wakes everyone who waits, once', async () => {
  const waiters = new Waiters();
  const { signal } = new AbortController();
  const both = Promise.all([waiters.next(signal), waiters.next(signal)]);
  expect(waiters.size).toBe(2);
  waiters.wake();
  await both;
  expect(waiters.size).toBe(0);
});

test('whoever gives up is woken and forgotten, and one who has given up before does not wait', async () => {
  const waiters = new Waiters();
  const abort = new AbortController();
  const waiting = waiters.next(abort.signal);
  abort.abort();
  await waiting;
  await waiters.next(abort.signal);
  expect(waiters.size).toBe(0);
});
