/** Durable subscriptions: resume, takeover, what is fixed, whose they are, and what deleting one does. */
import { describe, expect, test } from 'vitest';
import type { SubscribeFields } from '../../harness/bus-caller.ts';
import { ownName } from '../../harness/event-bus.ts';
import { eventually } from '../../harness/eventually.ts';
import {
  type BusUnderTest,
  cursorOf,
  epochOf,
  expectEnd,
  expectRefused,
  expectSubscription,
  sequences,
  texts,
  useBus,
} from './bus-under-test.ts';

const EXPLICIT = { durable_name: 'd', ack_mode: 1, start: 1 } as const;
const HEART = { idle_heartbeat_ms: 100 };

export function describeDurables(under: BusUnderTest): void {
  describe.concurrent('a durable subscription', () => {
    const bus = useBus(under);
    const published = async (count: number) => {
      const caller = await bus().caller();
      const topic = ownName();
      await caller.publishEach(Array.from({ length: count }, () => topic));
      return { caller, topic };
    };

    test('goes on where it stood: what was in flight first, with attempt + 1, then the rest', async () => {
      const { caller, topic } = await published(5);
      await using first = caller.subscribe(topic, { ...EXPLICIT, max_in_flight: 3 });
      const seen = await first.take(3);
      expect(seen.map(({ delivery_attempt: attempt }) => attempt)).toEqual([1, 1, 1]);
      await caller.ack('d', { ack_ids: [seen[1]?.ack_id ?? ''] });
      await first.take(1);
      await first.close();
      await using second = caller.subscribe(topic, EXPLICIT);
      const again = await second.take(4);
      expect(again.map(({ sequence_id: n, delivery_attempt: attempt }) => [n, attempt])).toEqual([
        [1, 2],
        [3, 2],
        [4, 2],
        [5, 1],
      ]);
      expect(new Set([...seen, ...again].map(({ ack_id }) => ack_id)).size).toBe(7);
    });

    test('gets what was published while nobody was attached, whatever start says now', async () => {
      const { caller, topic } = await published(1);
      await using first = caller.subscribe(topic, EXPLICIT);
      const [one] = await first.take(1);
      await caller.ack('d', { ack_ids: [one?.ack_id ?? ''] });
      await first.close();
      await caller.publishEach([topic, topic]);
      const epoch = epochOf(one?.cursor ?? Buffer.alloc(16));
      const ignored: SubscribeFields[] = [
        { start: 0 },
        { start: 2 },
        { start: 3, start_sequence: 77 },
        { start: 4, start_cursor: Buffer.alloc(16, 7) },
        { start: 4, start_cursor: cursorOf(epoch, 2n ** 51n) },
        { start: 5, start_time_ms: Date.now() + 86_400_000 },
      ];
      for (const start of ignored) {
        await using reader = caller.subscribe(topic, { ...EXPLICIT, ...start });
        expect(sequences((await reader.take(2)).toSorted((a, b) => a.sequence_id - b.sequence_id))).toEqual([2, 3]);
      }
      for (const start of [
        { start: 3 },
        { start: 0, start_sequence: 1 },
        { start: 4, start_cursor: Buffer.alloc(3) },
      ]) {
        await using reader = caller.subscribe(topic, { ...EXPLICIT, ...(start as SubscribeFields) });
        await expectEnd(reader, 'ARGUMENT_INVALID');
      }
    });

    test('is taken over by a newer stream: the older ends, and what it had in flight comes to the newer at once', async () => {
      const { caller, topic } = await published(3);
      await using older = caller.subscribe(topic, { ...EXPLICIT, ack_wait_ms: 3_600_000, max_in_flight: 2 });
      const [one, two] = await older.take(2);
      await using newer = caller.subscribe(topic, { ...EXPLICIT, ack_wait_ms: 3_600_000 });
      const got = await newer.take(3);
      expect(got.map(({ sequence_id: n, delivery_attempt: attempt }) => [n, attempt])).toEqual([
        [1, 2],
        [2, 2],
        [3, 1],
      ]);
      await expectEnd(older, 'SUBSCRIPTION_TAKEN');
      // What the older stream was given is known still.
      const acked = await caller.ack('d', { ack_ids: [one?.ack_id ?? '', two?.ack_id ?? ''] });
      expect(acked).toEqual({ accepted: 2, unknown_ids: [] });
      await expectSubscription(caller, 'd', { in_flight: 1, active: true });
    });

    test('is not taken over by a stream that is refused', async () => {
      const { caller, topic } = await published(1);
      await using reader = caller.subscribe(topic, EXPLICIT);
      await reader.take(1);
      await using refused = caller.subscribe(`${topic}:*`, EXPLICIT);
      await expectEnd(refused, 'FILTER_FIXED');
      await caller.publishEach([topic]);
      expect(sequences(await reader.take(1))).toEqual([2]);
    });

    test('keeps its filter and its acknowledgement mode', async () => {
      const { caller, topic } = await published(1);
      await using reader = caller.subscribe(topic, EXPLICIT);
      await reader.take(1);
      await reader.close();
      for (const [filter, fields] of [
        [`${topic}:x`, EXPLICIT],
        ['*', EXPLICIT],
        [topic, { ...EXPLICIT, ack_mode: 0 as const }],
      ] as const) {
        await using other = caller.subscribe(filter, fields);
        await expectEnd(other, 'FILTER_FIXED');
      }
      await using same = caller.subscribe(topic, EXPLICIT);
      expect(sequences(await same.take(1))).toEqual([1]);
    });

    test('may change how many are in flight, how long it waits and how often it delivers at each attach', async () => {
      const { caller, topic } = await published(6);
      await using few = caller.subscribe(topic, { ...EXPLICIT, max_in_flight: 2, ack_wait_ms: 3_600_000 });
      await few.take(2);
      expect(await few.surplus()).toEqual([]);
      await few.close();
      await using many = caller.subscribe(topic, { ...EXPLICIT, max_in_flight: 5, ack_wait_ms: 100, max_deliver: 3 });
      expect(sequences(await many.take(5)).toSorted()).toEqual([1, 2, 3, 4, 5]);
      await eventually(
        () => caller.subscription('d'),
        (info) => (info?.parked ?? 0) >= 5,
      );
    });

    test('that had more in flight than the next stream may have gives it no more than that', async () => {
      const { caller, topic } = await published(6);
      const fields = { ...EXPLICIT, ack_wait_ms: 3_600_000 } as const;
      await using many = caller.subscribe(topic, { ...fields, max_in_flight: 4 });
      await many.take(4);
      await using few = caller.subscribe(topic, { ...fields, max_in_flight: 2 });
      const seen = await few.take(2);
      expect(await few.surplus()).toEqual([]);
      await caller.ack('d', { ack_ids: seen.map(({ ack_id }) => ack_id) });
      const next = await few.take(2);
      expect(await few.surplus()).toEqual([]);
      await caller.ack('d', { ack_ids: next.map(({ ack_id }) => ack_id) });
      expect(sequences([...seen, ...next, ...(await few.take(2))])).toEqual([1, 2, 3, 4, 5, 6]);
    });

    test("is its subject's own: the same name of others is another subscription", async () => {
      const { caller, topic } = await published(2);
      const other = await bus().caller();
      const foreign = await bus().foreignCaller(caller.sub);
      await using mine = caller.subscribe(topic, EXPLICIT);
      const [one] = await mine.take(1);
      for (const somebody of [other, foreign]) {
        await using theirs = somebody.subscribe(topic, EXPLICIT);
        expect((await theirs.take(2)).map(({ delivery_attempt: attempt }) => attempt)).toEqual([1, 1]);
        const ack = await somebody.ack('d', { ack_ids: [one?.ack_id ?? ''] });
        expect(ack).toEqual({ accepted: 0, unknown_ids: [one?.ack_id] });
        expect((await somebody.listSubscriptions()).map(({ durable_name: name }) => name)).toEqual(['d']);
        expect(await somebody.deleteSubscription('d')).toEqual({ existed: true });
      }
      await caller.publishEach([topic]);
      expect(sequences(await mine.take(2))).toEqual([2, 3]);
      expect(mine.end).toBeUndefined();
    });

    test('without acknowledgement keeps its position and counts nothing', async () => {
      const { caller, topic } = await published(3);
      const fields = { durable_name: 'd', start: 1 } as const;
      await using first = caller.subscribe(topic, fields);
      const seen = await first.take(3);
      expect(seen.map(({ delivery_attempt: attempt, ack_id }) => [attempt, ack_id])).toEqual([
        [1, ''],
        [1, ''],
        [1, ''],
      ]);
      await eventually(
        () => caller.subscription('d'),
        (info) => info?.pending === 0,
      );
      await first.close();
      await caller.publishEach([topic, topic]);
      await eventually(
        () => caller.subscription('d'),
        (info) => info?.pending === 2,
      );
      await using second = caller.subscribe(topic, fields);
      expect(sequences(await second.take(2))).toEqual([4, 5]);
      expect(await caller.ack('d', { ack_ids: ['x'], nack_ids: ['y'], term_ids: ['z'] })).toMatchObject({
        accepted: 0,
      });
    });

    test('with LAST_PER_TOPIC begins with the last of each topic, and goes on from there', async () => {
      const caller = await bus().caller();
      const root = ownName();
      await caller.publishEach(['a', 'b', 'a', 'b', 'c'].map((topic) => `${root}:${topic}`));
      const fields = { ...EXPLICIT, start: 2 } as const;
      await using first = caller.subscribe(`${root}:*`, fields);
      const seen = await first.take(3);
      expect(texts(seen)).toEqual(['3', '4', '5']);
      await caller.ack('d', { ack_ids: [seen[0]?.ack_id ?? ''] });
      await first.close();
      await caller.publishEach([`${root}:a`]);
      await using second = caller.subscribe(`${root}:*`, fields);
      expect((await second.take(3)).map((one) => [one.topic, one.sequence_id, one.delivery_attempt])).toEqual([
        [`${root}:b`, 2, 2],
        [`${root}:c`, 1, 2],
        [`${root}:a`, 3, 1],
      ]);
      expect(await second.surplus()).toEqual([]);
    });

    test.each(['a', '_a', '9', 'A-b_9', 'a'.repeat(64)])('may be called "%s"', async (name) => {
      const caller = await bus().caller();
      await using reader = caller.subscribe(ownName(), { durable_name: name, ...HEART });
      await reader.follows();
      expect((await caller.listSubscriptions()).map(({ durable_name }) => durable_name)).toEqual([name]);
    });

    test('with NEW begins with what is published after it was made, attached or not', async () => {
      const { caller, topic } = await published(2);
      const fields = { durable_name: 'd', ack_mode: 1 } as const;
      await using first = caller.subscribe(topic, { ...fields, ...HEART });
      await first.follows();
      await first.close();
      await caller.publishEach([topic]);
      await using second = caller.subscribe(topic, fields);
      expect(sequences(await second.take(1))).toEqual([3]);
    });

    test('is not made by a call that is refused', async () => {
      const caller = await bus().caller();
      await using reader = caller.subscribe(ownName(), { ...EXPLICIT, start: 3, start_sequence: 9 });
      await expectEnd(reader, 'START_IN_FUTURE');
      expect(await caller.listSubscriptions()).toEqual([]);
    });

    test('is deleted once; its open stream ends, and one made again knows nothing of it', async () => {
      const { caller, topic } = await published(2);
      await using reader = caller.subscribe(topic, EXPLICIT);
      const old = await reader.take(2);
      expect(await caller.deleteSubscription('d')).toEqual({ existed: true });
      await expectEnd(reader, 'SUBSCRIPTION_UNKNOWN');
      expect(await caller.deleteSubscription('d')).toEqual({ existed: false });
      await expectRefused(caller.ack('d', { ack_ids: [old[0]?.ack_id ?? ''] }), 'SUBSCRIPTION_UNKNOWN');
      expect(await caller.listSubscriptions()).toEqual([]);
      await using again = caller.subscribe(`${topic}`, { ...EXPLICIT, ack_mode: 1 });
      const fresh = await again.take(2);
      expect(fresh.map(({ delivery_attempt: attempt }) => attempt)).toEqual([1, 1]);
      const ids = old.map(({ ack_id }) => ack_id);
      expect(await caller.ack('d', { ack_ids: ids })).toEqual({ accepted: 0, unknown_ids: ids });
      await expectSubscription(caller, 'd', { in_flight: 2 });
    });

    test('may have another filter after it was deleted', async () => {
      const { caller, topic } = await published(1);
      await using reader = caller.subscribe(topic, EXPLICIT);
      await reader.take(1);
      await caller.deleteSubscription('d');
      await using other = caller.subscribe(`${topic}:*`, { durable_name: 'd', ...HEART });
      await other.follows();
      await expectSubscription(caller, 'd', { topic_filter: `${topic}:*` });
    });
  });

  describe('a durable subscription over a restart', () => {
    const bus = useBus(under);

    test('goes on with what was in flight, its attempts and its delays; acknowledgements from before count', async () => {
      const caller = await bus().caller();
      const topic = ownName();
      await caller.publishEach(Array.from({ length: 4 }, () => topic));
      await using first = caller.subscribe(topic, { ...EXPLICIT, max_in_flight: 3 });
      const [one, two, three] = await first.take(3);
      await caller.ack('d', { nack_ids: [two?.ack_id ?? ''], nack_delay_ms: 3_600_000 });
      await bus().restart();
      await expectSubscription(caller, 'd', { in_flight: 3, pending: 1, active: false });
      const acked = await caller.ack('d', { ack_ids: [one?.ack_id ?? ''] });
      expect(acked).toEqual({ accepted: 1, unknown_ids: [] });
      await using second = caller.subscribe(topic, EXPLICIT);
      const got = await second.take(2);
      expect(got.map(({ sequence_id: n, delivery_attempt: attempt }) => [n, attempt])).toEqual([
        [3, 2],
        [4, 1],
      ]);
      expect(await second.surplus()).toEqual([]);
      expect(await caller.ack('d', { ack_ids: [three?.ack_id ?? ''] })).toMatchObject({ accepted: 1 });
    });
  });
}
