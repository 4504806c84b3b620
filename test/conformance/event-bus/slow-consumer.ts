/** A reader that takes nothing is ended, can resume without loss, and delays nobody else. */
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { CallError } from '#lib/grpc/call-error.ts';
import type { BusCaller, SubscribeFields } from '../../harness/bus-caller.ts';
import { ownName } from '../../harness/event-bus.ts';
import type { Envelope } from '../../harness/event-reader.ts';
import { type BusUnderTest, failure, sequences, useBus } from './bus-under-test.ts';

/** More than what client and server hold for a stream that is not read. */
const EVENTS = 120;
const PAYLOAD = Buffer.alloc(100_000, 1);
const ALL = Array.from({ length: EVENTS }, (_, i) => i + 1);

export function describeSlowConsumer(under: BusUnderTest): void {
  describe.concurrent('a reader that takes nothing', () => {
    const bus = useBus(under, () => ({ settings: { MCP2_EVENT_BUS_SLOW_CONSUMER_AFTER: '1s' } }));
    const topic = ownName();
    beforeAll(async () => (await bus().caller()).publishMany(topic, EVENTS, { payload: PAYLOAD }));

    test('is told from where to resume, which is after the last that it was sent', async () => {
      const caller = await bus().caller();
      const { got, error } = await readSlowly(caller, topic, { start: 1 });
      expect(error).toMatchObject(failure('SLOW_CONSUMER'));
      expect(got.length).toBeLessThan(EVENTS);
      const start_cursor = Buffer.from(error?.facts.resume_cursor ?? '', 'base64url');
      expect(start_cursor).toEqual(got.at(-1)?.cursor);
      await using reader = caller.subscribe(topic, { start: 4, start_cursor });
      const rest = await reader.take(EVENTS - got.length);
      expect(sequences([...got, ...rest])).toEqual(ALL);
    });

    test('of a durable subscription is told no cursor: it goes on where it stood', async () => {
      const caller = await bus().caller();
      const fields = { durable_name: 'd', ack_mode: 1, start: 1, max_in_flight: 1_000 } as const;
      const { got, error } = await readSlowly(caller, topic, fields);
      expect(error).toMatchObject(failure('SLOW_CONSUMER'));
      expect(error?.facts).not.toHaveProperty('resume_cursor');
      await caller.ack('d', { ack_ids: got.map(({ ack_id }) => ack_id) });
      await using reader = caller.subscribe(topic, fields);
      const rest = await reader.take(EVENTS - got.length);
      expect(sequences([...got, ...rest]).toSorted((a, b) => a - b)).toEqual(ALL);
    });

    test('delays nobody else', async () => {
      const caller = await bus().caller();
      const slow = readSlowly(caller, topic, { start: 1 });
      await using reader = caller.subscribe(topic, { start: 1 });
      expect(sequences(await reader.take(EVENTS))).toEqual(ALL);
      await slow;
    });

    test('is not one that is only slow, nor one that has nothing to take', async () => {
      const caller = await bus().caller();
      const got: Envelope[] = [];
      const request = { topic_filter: topic, subscriber_token: caller.token, start: 1 } as const;
      for await (const envelope of caller.client.serverStream('Subscribe', request)) {
        got.push(envelope);
        if (got.length % 20 === 0) await sleep(300);
        if (got.length === EVENTS) break;
      }
      expect(sequences(got)).toEqual(ALL);
      await using idle = caller.subscribe(ownName());
      await sleep(1_500);
      expect(idle.end).toBeUndefined();
    });
  });
}

/** Takes one event, then nothing for longer than the bus waits, then what there is. */
async function readSlowly(caller: BusCaller, topic: string, fields: SubscribeFields) {
  const got: Envelope[] = [];
  const request = { topic_filter: topic, subscriber_token: caller.token, ...fields };
  try {
    for await (const envelope of caller.client.serverStream('Subscribe', request)) {
      if (got.length === 0) await sleep(2_500);
      got.push(envelope);
      if (got.length === EVENTS) break;
    }
  } catch (error) {
    if (!(error instanceof CallError)) throw error;
    return { got, error };
  }
  return { got, error: undefined };
}
