/** What a bus that was started again knows, and what one on another log does not take for its own. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { ownName } from '../../harness/event-bus.ts';
import { movingClock } from '../../harness/moving-clock.ts';
import {
  type BusUnderTest,
  epochOf,
  expectEnd,
  expectSubscription,
  offsetOf,
  sequences,
  texts,
  useBus,
} from './bus-under-test.ts';

const DAY_MS = 86_400_000;

export function describeRestart(under: BusUnderTest): void {
  describe('after a restart', () => {
    const bus = useBus(under);

    test('every event is there, sequences and the log go on, and cursors mean what they meant', async () => {
      const caller = await bus().caller();
      const root = ownName();
      const topics = ['a', 'b', 'a', 'c', 'a'].map((topic) => `${root}:${topic}`);
      const before = await caller.publishEach(topics);
      await bus().restart();
      const [next] = await caller.publishEach([`${root}:a`]);
      expect(next?.sequence_id).toBe(4);
      const cursor = before.at(-1)?.cursor ?? Buffer.alloc(16);
      expect(epochOf(next?.cursor ?? Buffer.alloc(16))).toEqual(epochOf(cursor));
      expect(offsetOf(next?.cursor ?? Buffer.alloc(16))).toBeGreaterThan(offsetOf(cursor));
      await using all = caller.subscribe(`${root}:*`, { start: 1 });
      const seen = await all.take(6);
      expect(texts(seen)).toEqual(['1', '2', '3', '4', '5', '1']);
      expect(seen.slice(0, 5).map((envelope) => envelope.cursor)).toEqual(before.map((answer) => answer.cursor));
      expect(seen.at(-1)).toMatchObject({ sequence_id: 4, previous_sequence_id: 3 });
      await using resumed = caller.subscribe(`${root}:*`, { start: 4, start_cursor: before[2]?.cursor ?? cursor });
      expect(texts(await resumed.take(3))).toEqual(['4', '5', '1']);
      await using live = caller.subscribe(`${root}:*`, { start: 2 });
      expect(texts(await live.take(3))).toEqual(['2', '4', '1']);
    });

    test('the time of an event never falls along the log', async () => {
      const caller = await bus().caller();
      const topic = ownName();
      await caller.publishEach([topic]);
      await bus().restart();
      await caller.publishEach([topic]);
      await using reader = caller.subscribe(topic, { start: 1 });
      const [one, two] = await reader.take(2);
      expect(two?.published_at_ms).toBeGreaterThanOrEqual(one?.published_at_ms ?? Number.POSITIVE_INFINITY);
    });
  });

  describe('a bus on another log', () => {
    const [one, other] = [useBus(under), useBus(under)];

    test("has another epoch: the first one's cursors are refused, and its subscriptions are not there", async () => {
      const caller = await one().caller();
      const topic = ownName();
      const [answer] = await caller.publishEach([topic]);
      const elsewhere = await other().caller({ sub: caller.sub });
      const [mine] = await elsewhere.publishEach([topic]);
      expect(mine?.sequence_id).toBe(1);
      expect(epochOf(mine?.cursor ?? Buffer.alloc(16))).not.toEqual(epochOf(answer?.cursor ?? Buffer.alloc(16)));
      const start_cursor = answer?.cursor ?? Buffer.alloc(16);
      await using refused = elsewhere.subscribe(topic, { start: 4, start_cursor });
      await expectEnd(refused, 'LOG_EPOCH');
      await using durable = elsewhere.subscribe(topic, { start: 4, start_cursor, durable_name: 'd' });
      await expectEnd(durable, 'LOG_EPOCH');
      expect(await elsewhere.listSubscriptions()).toEqual([]);
    });

    test('takes no acknowledgement of the first', async () => {
      const caller = await one().caller();
      const topic = ownName();
      await caller.publishEach([topic]);
      const elsewhere = await other().caller({ sub: caller.sub });
      await elsewhere.publishEach([topic]);
      const fields = { durable_name: 'd', ack_mode: 1, start: 1 } as const;
      await using here = caller.subscribe(topic, fields);
      await using there = elsewhere.subscribe(topic, fields);
      const [[mine], [theirs]] = [await here.take(1), await there.take(1)];
      const ack_ids = [mine?.ack_id ?? ''];
      expect(await elsewhere.ack('d', { ack_ids })).toEqual({ accepted: 0, unknown_ids: ack_ids });
      expect(await elsewhere.ack('d', { ack_ids: [theirs?.ack_id ?? ''] })).toMatchObject({ accepted: 1 });
    });
  });

  if (under.canMoveTime) describeAges(under);
}

function describeAges(under: BusUnderTest): void {
  describe('after days', () => {
    const clock = movingClock();
    const bus = useBus(under, () => ({ clock, settings: { MCP2_EVENT_BUS_RETENTION: '2000h' } }));
    const callerNow = (sub: string) => bus().caller({ sub }, { nowMs: clock.nowMs() });

    test('a durable subscription that nobody used for a week is deleted, one that is used is not', async () => {
      const sub = ownName('sub');
      const topic = ownName();
      const fields = { ack_mode: 1, start: 1 } as const;
      const first = await callerNow(sub);
      await first.publishEach([topic]);
      for (const durable_name of ['used', 'unused']) {
        await using reader = first.subscribe(topic, { ...fields, durable_name });
        await reader.take(1);
        await expectSubscription(first, durable_name, { in_flight: 1 });
      }
      clock.forward(6 * DAY_MS);
      const second = await callerNow(sub);
      await using again = second.subscribe(topic, { ...fields, durable_name: 'used' });
      await again.take(1);
      await again.close();
      clock.forward(2 * DAY_MS);
      const names = async () => (await (await callerNow(sub)).listSubscriptions()).map((one) => one.durable_name);
      await bus().restart();
      await expect.poll(names, { timeout: 10_000 }).toEqual(['used']);
    });

    test('attaching is use, also where nothing comes', async () => {
      const sub = ownName('sub');
      const topic = ownName();
      const fields = { durable_name: 'd', ack_mode: 1, idle_heartbeat_ms: 100 } as const;
      for (let attach = 0; attach < 4; attach++) {
        await using reader = (await callerNow(sub)).subscribe(topic, fields);
        await reader.follows();
        clock.forward(3 * DAY_MS);
      }
      await sleep(1_500); // Time for the log to look for what is unused.
      await (await callerNow(sub)).publishEach([topic]);
      await bus().restart();
      await using reader = (await callerNow(sub)).subscribe(topic, fields);
      expect(sequences(await reader.take(1))).toEqual([1]);
    });

    test('the time of an event does not fall when the clock of the machine does', async () => {
      const caller = await bus().caller({}, { nowMs: clock.nowMs() - 60_000 });
      const topic = ownName();
      await caller.publishEach([topic]);
      clock.set(-60_000);
      await caller.publishEach([topic, topic]);
      await using reader = caller.subscribe(topic, { start: 1 });
      const [first, ...later] = (await reader.take(3)).map(({ published_at_ms: ms }) => ms);
      for (const ms of later) expect(ms).toBeGreaterThanOrEqual(first ?? Number.POSITIVE_INFINITY);
      clock.set(60_000);
    });

    test('parked events are kept for a week', async () => {
      const sub = ownName('sub');
      const topic = ownName();
      const fields = { durable_name: 'd', ack_mode: 1, start: 1 } as const;
      const park = async () => {
        const caller = await callerNow(sub);
        await caller.publishEach([topic]);
        await using reader = caller.subscribe(topic, fields);
        const term_ids = (await reader.take(1)).map(({ ack_id }) => ack_id);
        await caller.ack('d', { term_ids });
      };
      await park();
      clock.forward(6 * DAY_MS);
      await park();
      clock.forward(2 * DAY_MS);
      await bus().restart();
      const parked = async () => {
        const caller = await callerNow(sub);
        await using reader = caller.subscribe('_dlq:d', { start: 1, idle_heartbeat_ms: 100 });
        await reader.follows();
        return sequences(reader.events);
      };
      await expect.poll(parked, { timeout: 10_000 }).toEqual([2]);
    });
  });
}
