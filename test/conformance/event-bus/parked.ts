/** Parked events: what a durable subscription gave up, readable by its owner under `_dlq:<durable_name>`. */
import { describe, expect, test } from 'vitest';
import type { BusCaller } from '../../harness/bus-caller.ts';
import { ownName, type TestBus } from '../../harness/event-bus.ts';
import type { Envelope } from '../../harness/event-reader.ts';
import { eventually } from '../../harness/eventually.ts';
import {
  type BusUnderTest,
  expectEnd,
  expectRefused,
  expectSubscription,
  sequences,
  texts,
  useBus,
} from './bus-under-test.ts';

const EXPLICIT = { durable_name: 'd', ack_mode: 1, start: 1, ack_wait_ms: 3_600_000 } as const;
const EARLIEST = { start: 1 } as const;
const HEART = { idle_heartbeat_ms: 100 };
const LIMIT = 1_000;

export function describeParked(under: BusUnderTest): void {
  describe.concurrent('parked events', () => {
    const bus = useBus(under);
    const parkedBy = (payloads: readonly string[]) => parked(bus(), payloads);

    test('carry the original and where it came from, why and after how many deliveries', async () => {
      const caller = await bus().caller();
      const topic = ownName();
      const said = { payload: Buffer.from('x'), content_type: 'a/b', attributes: { a: '1' }, event_id: 'e' };
      await caller.publishEach([topic]);
      await caller.publish(topic, said);
      await using reader = caller.subscribe(topic, { ...EXPLICIT, ack_wait_ms: 100, max_deliver: 2 });
      const [first] = await reader.take(1);
      await caller.ack('d', { term_ids: idsOf([first]) });
      await reader.take(2);
      await eventually(
        () => caller.subscription('d'),
        (info) => info?.parked === 2,
      );
      await using parked = caller.subscribe('_dlq:d', EARLIEST);
      const [one, two] = await parked.take(2);
      expect(one).toMatchObject({
        ...{ topic: '_dlq:d', sequence_id: 1, previous_sequence_id: 0, ack_id: '', control: null },
        attributes: { 'mcp2-topic': topic, 'mcp2-sequence': '1', 'mcp2-reason': 'term', 'mcp2-attempts': '1' },
      });
      expect(two).toMatchObject({
        ...{ topic: '_dlq:d', sequence_id: 2, previous_sequence_id: 1, content_type: 'a/b' },
        attributes: {
          ...{ a: '1', 'mcp2-topic': topic, 'mcp2-sequence': '2' },
          ...{ 'mcp2-reason': 'max_deliver', 'mcp2-attempts': '2' },
        },
      });
      expect(texts([one, two] as Envelope[])).toEqual(['1', 'x']);
    });

    test('are kept with attributes of their own beside the 64 that an event may have', async () => {
      const caller = await bus().caller();
      const topic = ownName();
      const attributes = Object.fromEntries(Array.from({ length: 64 }, (_, i) => [`key${i}`, 'v'.repeat(400)]));
      await caller.publish(topic, { attributes });
      await using reader = caller.subscribe(topic, EXPLICIT);
      await caller.ack('d', { term_ids: idsOf(await reader.take(1)) });
      await using parked = caller.subscribe('_dlq:d', EARLIEST);
      expect((await parked.take(1))[0]?.attributes).toMatchObject({ ...attributes, 'mcp2-reason': 'term' });
    });

    test('are read from the beginning, from a sequence, after a cursor, and as they come', async () => {
      const { caller, topic } = await parkedBy(['1', '2', '3']);
      await using all = caller.subscribe('_dlq:d', EARLIEST);
      const seen = await all.take(3);
      expect(sequences(seen)).toEqual([1, 2, 3]);
      await using second = caller.subscribe('_dlq:d', { start: 3, start_sequence: 2 });
      expect(sequences(await second.take(2))).toEqual([2, 3]);
      await using after = caller.subscribe('_dlq:d', { start: 4, start_cursor: seen[1]?.cursor ?? Buffer.alloc(0) });
      expect(sequences(await after.take(1))).toEqual([3]);
      await using fresh = caller.subscribe('_dlq:d', HEART);
      await fresh.follows();
      expect(fresh.events).toEqual([]);
      await caller.publishEach([topic]);
      await using reader = caller.subscribe(topic, EXPLICIT);
      await caller.ack('d', { term_ids: idsOf(await reader.take(1)) });
      expect(sequences(await fresh.take(1))).toEqual([4]);
      expect(sequences(await all.take(1))).toEqual([4]);
    });

    test("belong to the subject: the same name is another's own, and who has none is told so", async () => {
      await parkedBy(['secret']);
      const stranger = await bus().caller();
      await using none = stranger.subscribe('_dlq:d', EARLIEST);
      await expectEnd(none, 'SUBSCRIPTION_UNKNOWN');
      await using own = stranger.subscribe(ownName(), { ...EXPLICIT, ...HEART });
      await own.follows();
      await using mine = stranger.subscribe('_dlq:d', { ...EARLIEST, ...HEART });
      await mine.follows();
      expect(mine.events).toEqual([]);
    });

    test('are not those of the same name with another issuer', async () => {
      const { caller } = await parkedBy(['secret']);
      const foreign = await bus().foreignCaller(caller.sub);
      await using none = foreign.subscribe('_dlq:d', EARLIEST);
      await expectEnd(none, 'SUBSCRIPTION_UNKNOWN');
    });

    test.each([
      [['event:subscribe:elsewhere:*'], 'CAPABILITY_DENIED'],
      [['event:subscribe:_dlq:*'], 'CAPABILITY_DENIED'],
      [['event:subscribe:_dlq:d'], 'CAPABILITY_DENIED'],
      [['event:publish:*'], 'CAPABILITY_DENIED'],
    ] as const)('are not for their own subject with %j alone', async (capabilities, reason) => {
      const { caller } = await parkedBy(['secret']);
      const weaker = await bus().caller({ sub: caller.sub, capabilities });
      await using refused = weaker.subscribe('_dlq:d', EARLIEST);
      await expectEnd(refused, reason);
    });

    test("need no more than the right of the subscription's filter", async () => {
      const { caller, topic } = await parkedBy(['1']);
      const capabilities = [`event:subscribe:${topic}`];
      const narrow = await bus().caller({ sub: caller.sub, capabilities });
      await using reader = narrow.subscribe('_dlq:d', EARLIEST);
      expect(sequences(await reader.take(1))).toEqual([1]);
    });

    test('are matched by no wildcard and named by no list', async () => {
      const { caller } = await parkedBy(['1']);
      await using all = caller.subscribe('*', { ...EARLIEST, ...HEART });
      await using pairs = caller.subscribe('*:d', { ...EARLIEST, ...HEART });
      await all.follows();
      await pairs.follows();
      expect([...all.events, ...pairs.events].filter(({ topic }) => topic.startsWith('_'))).toEqual([]);
      for (let page_token = ''; ; ) {
        const page = await caller.listTopics('*', { page_size: 1_000, page_token });
        expect(page.topics.filter(({ topic }) => topic.startsWith('_'))).toEqual([]);
        page_token = page.next_page_token;
        if (page_token === '') break;
      }
      const asked = await caller.listTopics('_dlq:d').then(
        ({ topics }) => topics,
        ({ reason }) => reason,
      );
      expect([[], 'TOPIC_RESERVED']).toContainEqual(asked);
    });

    test('have no durable subscription of their own', async () => {
      const { caller } = await parkedBy(['1']);
      await using refused = caller.subscribe('_dlq:d', { durable_name: 'e' });
      expect((await refused.ended())?.code).toBe(3); // INVALID_ARGUMENT
      expect((await caller.listSubscriptions()).map(({ durable_name: name }) => name)).toEqual(['d']);
    });

    test('cannot be published', async () => {
      const { caller } = await parkedBy(['1']);
      await expectRefused(caller.publish('_dlq:d', { payload: Buffer.from('forged') }), 'TOPIC_RESERVED');
    });

    test('go with their subscription; one made again has none, and an open reader of them ends', async () => {
      const { caller, topic } = await parkedBy(['1', '2']);
      await using reader = caller.subscribe('_dlq:d', EARLIEST);
      await reader.take(2);
      await caller.deleteSubscription('d');
      await expectEnd(reader, 'SUBSCRIPTION_UNKNOWN');
      await using none = caller.subscribe('_dlq:d', EARLIEST);
      await expectEnd(none, 'SUBSCRIPTION_UNKNOWN');
      await using again = caller.subscribe(topic, EXPLICIT);
      await again.take(2);
      await using empty = caller.subscribe('_dlq:d', { ...EARLIEST, ...HEART });
      await empty.follows();
      expect(empty.events).toEqual([]);
      await expectSubscription(caller, 'd', { parked: 0 });
    });

    test(`are at most ${LIMIT} of a subscription: the oldest goes`, async () => {
      const caller = await bus().caller();
      const topic = ownName();
      await caller.publishMany(topic, LIMIT + 5);
      await using reader = caller.subscribe(topic, { ...EXPLICIT, max_in_flight: 1_024 });
      await parkAll(caller, idsOf(await reader.take(LIMIT + 5)));
      await expectSubscription(caller, 'd', { parked: LIMIT, in_flight: 0 });
      await using parked = caller.subscribe('_dlq:d', EARLIEST);
      const kept = await parked.take(LIMIT);
      expect(texts(kept)).toEqual(Array.from({ length: LIMIT }, (_, i) => `${i + 6}`));
      expect(sequences(kept)).toEqual(Array.from({ length: LIMIT }, (_, i) => i + 6));
    });
  });

  describe('parked events after a restart', () => {
    const bus = useBus(under);

    test('are there', async () => {
      const { caller } = await parked(bus(), ['1', '2']);
      await bus().restart();
      await using reader = caller.subscribe('_dlq:d', EARLIEST);
      expect(texts(await reader.take(2))).toEqual(['1', '2']);
    });
  });
}

/** A caller whose durable subscription "d" has parked these payloads. */
async function parked(bus: TestBus, payloads: readonly string[]) {
  const caller = await bus.caller();
  const topic = ownName();
  for (const payload of payloads) await caller.publish(topic, { payload: Buffer.from(payload) });
  await using reader = caller.subscribe(topic, EXPLICIT);
  const term_ids = idsOf(await reader.take(payloads.length));
  expect(await caller.ack('d', { term_ids })).toMatchObject({ accepted: payloads.length });
  return { caller, topic };
}

/** In the order of the events. */
async function parkAll(caller: BusCaller, ids: readonly string[]): Promise<void> {
  for (let i = 0; i < ids.length; i += 500) await caller.ack('d', { term_ids: ids.slice(i, i + 500) });
}

function idsOf(envelopes: readonly (Envelope | undefined)[]): string[] {
  return envelopes.map((envelope) => envelope?.ack_id ?? '');
}
