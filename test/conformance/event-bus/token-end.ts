/** A stream never outlives its token: it ends UNAUTHENTICATED within five seconds, with nothing lost to who resumes. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { ownName } from '../../harness/event-bus.ts';
import { type BusUnderTest, expectEnd, expectRefused, sequences, useBus } from './bus-under-test.ts';

/** What a token of two seconds may live at most, what a stream may live on, and what a busy machine adds. */
const ENDED_BY_MS = 2_000 + 5_000 + 3_000;

export function describeTokenEnd(under: BusUnderTest): void {
  describe.concurrent('the end of a token', () => {
    const bus = useBus(under);

    test.each([
      ['a plain subscription', {}],
      ['a durable one', { durable_name: 'd', ack_mode: 1 }],
      ['one that is silent', { idle_heartbeat_ms: 100 }],
      ['one whose reader is as full as it may be', { durable_name: 'd', ack_mode: 1, max_in_flight: 1 }],
    ] as const)('ends %s, and the next token goes on where it stood', async (_title, fields) => {
      const caller = await bus().caller();
      const topic = ownName();
      const short = await bus().caller({ sub: caller.sub, ttlSeconds: 2 });
      await caller.publishEach([topic, topic]);
      await using reader = short.subscribe(topic, { start: 1, ...fields });
      const seen = await reader.take(1);
      const openedMs = performance.now();
      await expectEnd(reader, 'TOKEN_EXPIRED');
      expect(performance.now() - openedMs).toBeLessThan(ENDED_BY_MS);
      await caller.publishEach([topic]);
      const ended = reader.events.at(-1)?.cursor ?? Buffer.alloc(0);
      const start = 'durable_name' in fields ? {} : ({ start: 4, start_cursor: ended } as const);
      await using next = caller.subscribe(topic, { ...fields, max_in_flight: 10, ...start });
      const rest = await next.take('durable_name' in fields ? 3 : 1);
      const all = new Set([...sequences(seen), ...sequences(reader.events), ...sequences(rest)]);
      expect([...all].toSorted((a, b) => a - b)).toEqual([1, 2, 3]);
    });

    test('ends a reader of parked events', async () => {
      const caller = await bus().caller();
      await using durable = caller.subscribe(ownName(), { durable_name: 'd', ack_mode: 1, idle_heartbeat_ms: 100 });
      await durable.follows();
      const short = await bus().caller({ sub: caller.sub, ttlSeconds: 2 });
      await using reader = short.subscribe('_dlq:d');
      await expectEnd(reader, 'TOKEN_EXPIRED');
      expect(durable.end).toBeUndefined();
    });

    test('ends a stream of publishes at its next request, after what was appended was acknowledged', async () => {
      const caller = await bus().caller();
      const topic = ownName();
      const short = await bus().caller({ sub: caller.sub, ttlSeconds: 2 });
      await using writer = short.openPublisher();
      writer.send({ topic, publisher_token: short.token }, { topic });
      await writer.untilAcks(2);
      await sleep(2_100);
      writer.send({ topic }, { topic });
      await expectEnd(writer, 'TOKEN_EXPIRED');
      expect(writer.acks.map(({ index, result }) => [index, result])).toEqual([
        [0, 'response'],
        [1, 'response'],
      ]);
      expect(await caller.topic(topic)).toMatchObject({ last_sequence: 2 });
    });

    test('does not end a stream of publishes that brought a newer one', async () => {
      const caller = await bus().caller();
      const topic = ownName();
      const short = await bus().caller({ sub: caller.sub, ttlSeconds: 2 });
      await using writer = short.openPublisher();
      writer.send({ topic, publisher_token: short.token }, { topic, publisher_token: caller.token });
      await writer.untilAcks(2);
      await sleep(2_100);
      writer.send({ topic });
      expect((await writer.untilAcks(3)).map(({ result }) => result)).toEqual(['response', 'response', 'response']);
      // The old one again is an expired one.
      writer.send({ topic, publisher_token: short.token });
      await expectEnd(writer, 'TOKEN_EXPIRED');
    });

    test('an expired token opens nothing', async () => {
      const topic = ownName();
      const expired = await bus().caller({}, { nowMs: Date.now() - 3_600_000 });
      await using reader = expired.subscribe(topic);
      await expectEnd(reader, 'TOKEN_EXPIRED');
      await using writer = expired.openPublisher();
      writer.send({ topic, publisher_token: expired.token });
      await expectEnd(writer, 'TOKEN_EXPIRED');
      await expectRefused(expired.publish(topic), 'TOKEN_EXPIRED');
      await expectRefused(expired.ack('d', {}), 'TOKEN_EXPIRED');
      await expectRefused(expired.deleteSubscription('d'), 'TOKEN_EXPIRED');
      await expectRefused(expired.listTopics(topic), 'TOKEN_EXPIRED');
      await expectRefused(expired.listSubscriptions(), 'TOKEN_EXPIRED');
    });
  });
}
