import { expect, test } from 'vitest';
import { HeldDeliveries } from './held-deliveries.ts';

function heldBy(options = {}) {
  const held = new HeldDeliveries({ ackWaitMs: 1_000, maxInFlight: 2, ...options });
  const receive = (sequence: number, attempt: number, { stream = 1, nowMs = 0 } = {}) =>
    held.receive(
      { topic: 'a', sequence_id: sequence, ack_id: `${sequence}.${attempt}`, delivery_attempt: attempt },
      stream,
      nowMs,
    );
  return { held, receive };
}

test('a new stream repeats what is in hand: the reader has it once, and settles it under the newest id', () => {
  const { receive } = heldBy();
  const { delivery, kind } = receive(1, 1);
  delivery.isTaken = true;
  expect(kind).toBe('new');
  expect(receive(1, 2, { stream: 2, nowMs: 999 }).kind).toBe('double');
  expect(delivery.ackId).toBe('1.2');
});

test.each([
  ['on the same stream', { stream: 1, nowMs: 10 }],
  ['after the time in which it had to be acknowledged', { stream: 2, nowMs: 1_000 }],
])('what comes again %s was waited for in vain: the reader gets it again', (_title, later) => {
  const { receive } = heldBy();
  receive(1, 1).delivery.isTaken = true;
  const again = receive(1, 2, later);
  expect(again).toMatchObject({ kind: 'new', delivery: { attempt: 2 } });
});

test('what lies in the buffer is there, however late', () => {
  const { receive } = heldBy();
  const { delivery } = receive(1, 1);
  expect(receive(1, 2, { nowMs: 5_000 }).kind).toBe('double');
  expect(delivery.attempt).toBe(2);
});

test('what was acknowledged and comes once more is acknowledged once more', () => {
  const { held, receive } = heldBy();
  const { delivery } = receive(1, 1);
  delivery.isTaken = true;
  held.settling(delivery, false);
  expect(receive(1, 2, { nowMs: 5_000 }).kind).toBe('double');
  held.settled(delivery);
  expect(receive(1, 3, { stream: 2 }).kind).toBe('settle again');
  expect(delivery.ackId).toBe('1.3');
});

test('what was given back comes again, also before the bus has answered', () => {
  const { held, receive } = heldBy();
  const { delivery } = receive(1, 1);
  delivery.isTaken = true;
  held.settling(delivery, true);
  expect(receive(1, 2).kind).toBe('new');
  held.settled(delivery);
  expect(receive(1, 2, { stream: 2 }).kind).toBe('double');
});

test('what could not be settled comes again', () => {
  const { held, receive } = heldBy();
  const { delivery } = receive(1, 1);
  delivery.isTaken = true;
  held.settling(delivery, false);
  held.failed(delivery);
  expect(receive(1, 2).kind).toBe('new');
});

test('it holds no more than the bus lets out, and forgets what never comes again', () => {
  const { held, receive } = heldBy();
  for (let sequence = 1; sequence <= 1_000; sequence += 1) {
    const { delivery } = receive(sequence, 1, { nowMs: sequence * 1_000 });
    delivery.isTaken = true;
    if (sequence % 2 === 0) continue;
    held.settling(delivery, false);
    held.settled(delivery);
  }
  expect(held.isFull).toBe(true);
  const next = receive(1_001, 1, { nowMs: 1_001_000 }).delivery;
  held.settling(next, false);
  held.settled(next);
  // One of them would be one that the bus has set aside.
  expect(held.size).toBeLessThanOrEqual(2);
});
