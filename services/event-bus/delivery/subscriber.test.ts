import { expect, test } from 'vitest';
import { ManualClock } from '#lib/manual-clock.ts';
import { noRevocations } from '#lib/token/revocations.ts';
import type { VerifiedToken } from '#lib/token/verified-token.ts';
import { Envelopes } from '../envelope.ts';
import { Subscriber } from './subscriber.ts';

function createSubscriber(clock: ManualClock) {
  return new Subscriber({
    token: { iat: 0, exp: 1e9, jti: 'j', iss: 'i', sub: 's' } as unknown as VerifiedToken,
    revocations: noRevocations,
    clock,
    envelopes: new Envelopes(Buffer.alloc(8), () => Buffer.alloc(1)),
    heartbeatMs: 100,
    signal: new AbortController().signal,
    isDurable: true,
    counts: { delivered: () => undefined, slowConsumer: () => undefined },
    onSlow: () => undefined,
  });
}

test('the first heartbeat is due at once, the next ones after a pause', () => {
  const clock = new ManualClock();
  const subscriber = createSubscriber(clock);
  expect(subscriber.heartbeat(1)).toBeDefined();
  expect(subscriber.heartbeat(1)).toBeUndefined();
  subscriber.close();
});

test('a heartbeat that is overdue and cannot be sent is not waited for again and again', async () => {
  const clock = new ManualClock();
  const subscriber = createSubscriber(clock);
  subscriber.batch([Buffer.alloc(1)], 1);
  clock.jump(1_000);
  let hasEnded = false;
  const waiting = subscriber.wait().then(() => {
    hasEnded = true;
  });
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(hasEnded).toBe(false);
  subscriber.wakeup.wake();
  await waiting;
  subscriber.close();
});
