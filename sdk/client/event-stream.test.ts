import { expect, test } from 'vitest';
import { CallError } from '#lib/grpc/call-error.ts';
import { ManualClock } from '#lib/manual-clock.ts';
import type { EventBusConnection } from './event-bus-connection.ts';
import { EventStream } from './event-stream.ts';
import { LayeredCalls } from './layered-calls.ts';

const PATIENCE_MS = 1_000;

/** A stream whose envelopes the test hands in. */
function streamOf({ isExpecting = () => true }: { readonly isExpecting?: () => boolean } = {}) {
  const clock = new ManualClock();
  const outside = new AbortController();
  const waiting: ((envelope: object) => void)[] = [];
  const serverStream = async function* (_method: unknown, _request: unknown, { signal }: { signal: AbortSignal }) {
    for (;;) {
      signal.throwIfAborted();
      yield await new Promise((resolve, reject) => {
        waiting.push(resolve);
        signal.addEventListener('abort', () => reject(signal.reason));
      });
    }
  };
  const method = { path: '/mcp2.EventBus/Subscribe', requestStream: false, responseStream: true };
  const connection = {
    ...{ address: 'bus:1', clock, channel: { serverStream }, protos: { EventBus: { Subscribe: method } } },
  } as unknown as EventBusConnection;
  const calls = new LayeredCalls({ clock });
  const parts = { connection, calls, clock, token: 'a.b.c', request: {}, patienceMs: PATIENCE_MS, isExpecting };
  const stream = new EventStream({ ...parts, signal: outside.signal });
  return { stream, clock, outside, come: () => waiting.shift()?.({ topic: 'a' }) };
}

test('a stream on which nothing comes is dead, and fails as one that broke', async () => {
  const { stream, clock } = streamOf();
  const next = stream.read().next();
  const failed = next.catch((error: unknown) => error);
  await clock.advance(2 * PATIENCE_MS);
  expect(await failed).toBeInstanceOf(CallError);
  expect(await failed).toMatchObject({ message: expect.stringMatching(/said nothing for 1000 ms/) });
});

test('while its reader is busy, or the bus is not expected to say anything, it is not', async () => {
  let expecting = false;
  const { stream, clock, come } = streamOf({ isExpecting: () => expecting });
  const reading = stream.read();
  const first = reading.next();
  await clock.advance(10 * PATIENCE_MS);
  come();
  expect(await first).toMatchObject({ value: { topic: 'a' } });
  expecting = true;
  await clock.advance(10 * PATIENCE_MS);
  const second = reading.next();
  await clock.advance(PATIENCE_MS / 2);
  come();
  expect(await second).toMatchObject({ value: { topic: 'a' } });
  expect(stream.count).toBe(2);
  await reading.return();
  expect(stream.signal.aborted).toBe(true);
  expect(clock.sleepers).toBe(0);
});

test('it ends with its subscription', async () => {
  const { stream, outside, clock } = streamOf();
  const next = stream.read().next();
  outside.abort(new Error('enough'));
  await expect(next).rejects.toThrow('enough');
  expect(clock.sleepers).toBe(0);
});
