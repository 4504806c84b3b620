/** Control envelopes: only for who asked, a heartbeat only in silence and at the end of the log. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { ownName } from '../../harness/event-bus.ts';
import { type BusUnderTest, offsetOf, sequences, useBus } from './bus-under-test.ts';

const HEARTBEAT = 0;

export function describeControlFrames(under: BusUnderTest): void {
  describe.concurrent('control envelopes', () => {
    const bus = useBus(under);

    test('are not sent to who did not ask', async () => {
      const caller = await bus().caller();
      const topic = ownName();
      await using plain = caller.subscribe(topic, { start: 1 });
      await using durable = caller.subscribe(topic, { start: 1, durable_name: 'd', ack_mode: 1 });
      await caller.publishEach([topic]);
      await Promise.all([plain.take(1), durable.take(1)]);
      await sleep(500);
      await caller.publishEach([topic]);
      await Promise.all([plain.take(1), durable.take(1)]);
      expect(
        [...plain.frames, ...durable.frames].filter(({ control, topic: name }) => control !== null || name === ''),
      ).toEqual([]);
    });

    test('a heartbeat has no topic and says how far the log was read; a subscription goes on after its cursor', async () => {
      const caller = await bus().caller();
      const [topic, other] = [ownName(), ownName()];
      await caller.publishEach([topic]);
      const [elsewhere] = await caller.publishEach([other]);
      await using reader = caller.subscribe(topic, { start: 1, idle_heartbeat_ms: 100 });
      await reader.follows();
      const beat = reader.frames.find(({ control }) => control !== null);
      expect(beat).toMatchObject({ topic: '', sequence_id: 0, control: { kind: HEARTBEAT, missed: 0 } });
      const cursor = beat?.control?.cursor ?? Buffer.alloc(16);
      expect(offsetOf(cursor)).toBeGreaterThanOrEqual(offsetOf(elsewhere?.cursor ?? Buffer.alloc(16)));
      await caller.publishEach([topic]);
      await using resumed = caller.subscribe(topic, { start: 4, start_cursor: cursor });
      expect(sequences(await resumed.take(1))).toEqual([2]);
    });

    test('come in silence, again and again, and also where events of others are published', async () => {
      const caller = await bus().caller();
      await using reader = caller.subscribe(ownName(), { idle_heartbeat_ms: 100 });
      const other = ownName();
      await reader.follows();
      for (let i = 0; i < 3; i++) {
        await caller.publishEach([other]);
        await reader.follows();
      }
      const offsets = reader.controls.map(({ cursor }) => offsetOf(cursor));
      expect(offsets).toEqual(offsets.toSorted((a, b) => (a < b ? -1 : 1)));
      expect(offsets.at(-1)).toBeGreaterThan(offsets[0] ?? 0n);
    });

    test('a heartbeat comes after the silence that was asked for, and not sooner', async () => {
      const caller = await bus().caller();
      const topic = ownName();
      await caller.publishEach([topic]);
      await using reader = caller.subscribe(topic, { start: 1, idle_heartbeat_ms: 700 });
      await reader.take(1);
      const sinceMs = performance.now();
      await reader.follows();
      expect(performance.now() - sinceMs).toBeGreaterThan(600);
    });

    test('there is none while events wait for room in flight', async () => {
      const caller = await bus().caller();
      const topic = ownName();
      await caller.publishEach([topic, topic]);
      const fields = { durable_name: 'd', ack_mode: 1, start: 1, max_in_flight: 1, idle_heartbeat_ms: 100 } as const;
      await using reader = caller.subscribe(topic, fields);
      const [one] = await reader.take(1);
      await sleep(500);
      expect(reader.controls).toEqual([]);
      await caller.ack('d', { ack_ids: [one?.ack_id ?? ''] });
      await reader.take(1);
      await reader.follows();
    });

    test('there is none while envelopes come more often', async () => {
      const caller = await bus().caller();
      const topic = ownName();
      await using reader = caller.subscribe(topic, { start: 1, idle_heartbeat_ms: 5_000 });
      for (let i = 0; i < 20; i++) {
        await caller.publish(topic);
        await sleep(20);
      }
      await reader.take(20);
      // But for the one that says that it is open.
      expect(reader.controls.slice(1)).toEqual([]);
    });

    test('the first comes at once where there is no event to begin with', async () => {
      const caller = await bus().caller();
      const [unacknowledged, acknowledged] = [ownName('d'), ownName('d')];
      for (const fields of [
        {},
        { durable_name: unacknowledged },
        { durable_name: acknowledged, ack_mode: 1 } as const,
      ]) {
        await using reader = caller.subscribe(ownName(), { idle_heartbeat_ms: 3_600_000, ...fields });
        await reader.follows();
      }
    });

    test('the first one says that everything before was delivered: never in the middle of a replay', async () => {
      const caller = await bus().caller();
      const topic = ownName();
      await caller.publishMany(topic, 3_000, { payload: Buffer.alloc(1_000, 1) });
      await using reader = caller.subscribe(topic, { start: 1, idle_heartbeat_ms: 100 });
      await reader.follows();
      expect(reader.frames.findIndex(({ control }) => control !== null)).toBe(3_000);
    });
  });
}
