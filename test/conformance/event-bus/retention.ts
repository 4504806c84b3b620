/** What happens at the edge of what is retained: by number, size and age; for new subscriptions and for those that stood there. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { BusCaller } from '../../harness/bus-caller.ts';
import { ownName, type TestBus } from '../../harness/event-bus.ts';
import type { EventReader } from '../../harness/event-reader.ts';
import { eventually } from '../../harness/eventually.ts';
import { type BusUnderTest, expectEnd, expectSubscription, sequences, useBus } from './bus-under-test.ts';

const [EARLIEST, LAST_PER_TOPIC, SEQUENCE, CURSOR, TIME] = [1, 2, 3, 4, 5] as const;
const HEART = { idle_heartbeat_ms: 100 };
const GAP = 1;
const KEPT = 5;
const MIB = 1024 * 1024;
const fromText = (cursor: string | undefined) => Buffer.from(cursor ?? '', 'base64url');

export function describeRetention(under: BusUnderTest): void {
  describe.concurrent('retention by number', () => {
    const bus = useBus(under, () => ({
      settings: { MCP2_EVENT_BUS_RETENTION_EVENTS_PER_TOPIC: `${KEPT}`, MCP2_EVENT_BUS_TAIL_BYTES: `${MIB}` },
    }));
    /** Ten events on a, of which five are left, and two on b. */
    const trimmed = async () => {
      const caller = await bus().caller();
      const root = ownName();
      const [a, b] = [`${root}:a`, `${root}:b`];
      const answers = await caller.publishEach([a, b, ...Array.from({ length: 4 }, () => a)]);
      const oldMs = Date.now();
      await sleep(5);
      answers.push(...(await caller.publishEach([...Array.from({ length: 5 }, () => a), b])));
      await untilFirst(caller, a, 6);
      await forget(caller);
      const cursors = answers.map(({ cursor }) => cursor);
      return { caller, root, a, b, oldMs, cursors };
    };

    test('the oldest events of a topic go, and the first that is left names the one before it or none', async () => {
      const { caller, a, b } = await trimmed();
      expect(await caller.topic(a)).toMatchObject({ first_sequence: 6, last_sequence: 10, events: KEPT });
      expect(await caller.topic(b)).toMatchObject({ first_sequence: 1, last_sequence: 2, events: 2 });
      await using reader = caller.subscribe(a, { start: EARLIEST });
      const left = await reader.take(KEPT);
      expect(sequences(left)).toEqual([6, 7, 8, 9, 10]);
      expect(left.slice(1).map(({ previous_sequence_id: previous }) => previous)).toEqual([6, 7, 8, 9]);
      expect([0, 5]).toContain(left[0]?.previous_sequence_id);
    });

    test('a sequence before that is refused with where to begin; the first that is left is not', async () => {
      const { caller, a } = await trimmed();
      for (const start_sequence of [1, 5]) {
        await using refused = caller.subscribe(a, { start: SEQUENCE, start_sequence });
        const error = await expectEnd(refused, 'BEFORE_RETENTION');
        expect(error.facts).toMatchObject({ earliest_sequence: '6' });
        const cursor = fromText(error.facts.earliest_cursor);
        await using reader = caller.subscribe(a, { start: CURSOR, start_cursor: cursor });
        expect(sequences(await reader.take(KEPT))).toEqual([6, 7, 8, 9, 10]);
      }
      await using first = caller.subscribe(a, { start: SEQUENCE, start_sequence: 6 });
      expect(sequences(await first.take(KEPT))).toEqual([6, 7, 8, 9, 10]);
    });

    test('a cursor is refused when something after it was removed that the filter would have delivered', async () => {
      const { caller, a, b, cursors } = await trimmed();
      const at = (i: number) => ({ start: CURSOR, start_cursor: cursors[i] ?? Buffer.alloc(0) }) as const;
      await using refused = caller.subscribe(a, at(0));
      const { facts } = await expectEnd(refused, 'BEFORE_RETENTION');
      expect(facts).toMatchObject({ earliest_sequence: '6' });
      await using reader = caller.subscribe(a, { start: CURSOR, start_cursor: fromText(facts.earliest_cursor) });
      expect(sequences(await reader.take(KEPT))).toEqual([6, 7, 8, 9, 10]);
      await using last = caller.subscribe(a, at(5)); // a's fifth, the last that was removed
      expect(sequences(await last.take(KEPT))).toEqual([6, 7, 8, 9, 10]);
      await using other = caller.subscribe(b, at(0)); // nothing of b was removed
      expect(sequences(await other.take(2))).toEqual([1, 2]);
    });

    test('the same with a wildcard, whose refusal names no sequence', async () => {
      const caller = await bus().caller();
      const root = ownName();
      const [first] = await caller.publishEach(Array.from({ length: 10 }, () => `${root}:only`));
      await untilFirst(caller, `${root}:only`, 6);
      const start_cursor = first?.cursor ?? Buffer.alloc(0);
      await using refused = caller.subscribe(`${root}:*`, { start: CURSOR, start_cursor });
      const { facts } = await expectEnd(refused, 'BEFORE_RETENTION');
      expect(facts).not.toHaveProperty('earliest_sequence');
      const earliest = { start: CURSOR, start_cursor: fromText(facts.earliest_cursor) } as const;
      await using reader = caller.subscribe(`${root}:*`, earliest);
      expect(sequences(await reader.take(KEPT))).toEqual([6, 7, 8, 9, 10]);
    });

    test('a hole behind an older event that is retained is told by a GAP and by the sequence before', async () => {
      const { caller, root, cursors } = await trimmed();
      // Of a's second; b's first, which is retained, lies before it.
      const at = { start: CURSOR, start_cursor: cursors[2] ?? Buffer.alloc(0) } as const;
      await using reader = caller.subscribe(`${root}:*`, { ...at, ...HEART });
      const seen = await reader.take(6);
      expect(sequences(seen)).toEqual([6, 7, 8, 9, 10, 2]);
      expect(seen[0]?.previous_sequence_id).toBe(5);
      expectMissed(reader, 3);
      await using silent = caller.subscribe(`${root}:*`, at);
      await silent.take(6);
      expect(silent.controls).toEqual([]);
    });

    test('a time is refused when something from then on was removed', async () => {
      const { caller, a, b, oldMs } = await trimmed();
      await using refused = caller.subscribe(a, { start: TIME, start_time_ms: 1 });
      expect((await expectEnd(refused, 'BEFORE_RETENTION')).facts).toMatchObject({ earliest_sequence: '6' });
      await using later = caller.subscribe(a, { start: TIME, start_time_ms: oldMs + 2 });
      expect(sequences(await later.take(KEPT))).toEqual([6, 7, 8, 9, 10]);
      await using other = caller.subscribe(b, { start: TIME, start_time_ms: 1 });
      expect(sequences(await other.take(2))).toEqual([1, 2]);
    });

    test('EARLIEST and LAST_PER_TOPIC are never refused', async () => {
      const { caller, root } = await trimmed();
      await using earliest = caller.subscribe(`${root}:*`, { start: EARLIEST });
      expect((await earliest.take(7)).map(({ topic, sequence_id }) => [topic.at(-1), sequence_id])).toEqual([
        ['b', 1],
        ...[6, 7, 8, 9, 10].map((sequence) => ['a', sequence]),
        ['b', 2],
      ]);
      await using last = caller.subscribe(`${root}:*`, { start: LAST_PER_TOPIC });
      expect(sequences(await last.take(2))).toEqual([10, 2]);
    });

    test('what was removed is not delivered from memory either', async () => {
      const caller = await bus().caller();
      const topic = ownName();
      const [first] = await caller.publishEach(Array.from({ length: 10 }, () => topic));
      await untilFirst(caller, topic, 6);
      await using earliest = caller.subscribe(topic, { start: EARLIEST });
      expect(sequences(await earliest.take(KEPT))).toEqual([6, 7, 8, 9, 10]);
      await using refused = caller.subscribe(topic, { start: CURSOR, start_cursor: first?.cursor ?? Buffer.alloc(0) });
      await expectEnd(refused, 'BEFORE_RETENTION');
      // Behind an older event that is retained.
      const [a, b] = [`${topic}:a`, `${topic}:b`];
      await caller.publishEach([b, ...Array.from({ length: 10 }, () => a)]);
      await untilFirst(caller, a, 6);
      await using both = caller.subscribe(`${topic}:*`, { start: EARLIEST });
      expect(sequences(await both.take(6))).toEqual([1, 6, 7, 8, 9, 10]);
    });

    test('a durable subscription that was away learns it by the sequence before, and by a GAP if it asked', async () => {
      const caller = await bus().caller();
      const topic = ownName();
      await caller.publishEach([topic, topic]);
      for (const name of ['asked', 'silent']) {
        await using first = caller.subscribe(topic, { durable_name: name, ack_mode: 1, start: EARLIEST });
        const ack_ids = (await first.take(2)).map(({ ack_id }) => ack_id);
        await caller.ack(name, { ack_ids });
      }
      await caller.publishEach(Array.from({ length: 10 }, () => topic));
      await untilFirst(caller, topic, 8);
      await forget(caller);
      await using silent = caller.subscribe(topic, { durable_name: 'silent', ack_mode: 1 });
      const left = await silent.take(KEPT);
      expect(sequences(left)).toEqual([8, 9, 10, 11, 12]);
      expect(left[0]?.previous_sequence_id).toBe(7);
      expect(silent.controls).toEqual([]);
      await using asked = caller.subscribe(topic, { durable_name: 'asked', ack_mode: 1, ...HEART });
      expect(sequences(await asked.take(KEPT))).toEqual([8, 9, 10, 11, 12]);
      expectMissed(asked, 5);
      const firstEvent = asked.frames.findIndex(({ control }) => control === null);
      expect(asked.frames.findIndex(({ control }) => control?.kind === GAP)).toBeLessThan(firstEvent);
    });

    test('an event that is removed while it is not acknowledged does not come again, and the stream goes on', async () => {
      const caller = await bus().caller();
      const topic = ownName();
      const fields = { durable_name: 'd', ack_mode: 1, ack_wait_ms: 400, max_in_flight: 1, start: EARLIEST } as const;
      await caller.publishEach([topic]);
      await using reader = caller.subscribe(topic, { ...fields, ...HEART });
      const [held] = await reader.take(1);
      await caller.publishEach(Array.from({ length: 9 }, () => topic));
      await untilFirst(caller, topic, 6);
      await forget(caller);
      // What was delivered before it was removed may come from memory; then it is gone.
      for (const expected of [6, 7, 8, 9, 10]) {
        for (;;) {
          const [next] = await reader.take(1);
          await caller.ack('d', { ack_ids: [next?.ack_id ?? ''] });
          if (next?.sequence_id === expected) break;
          expect(next?.sequence_id).toBeLessThan(expected);
        }
      }
      expect(reader.controls.some(({ kind }) => kind === GAP)).toBe(true);
      expect(await caller.ack('d', { term_ids: [held?.ack_id ?? ''] })).toEqual({ accepted: 1, unknown_ids: [] });
      await expectSubscription(caller, 'd', { in_flight: 0, pending: 0, parked: 0 });
    });

    test('a connected durable subscription that is full is told what went meanwhile', async () => {
      const caller = await bus().caller();
      const topic = ownName();
      const fields = {
        durable_name: 'd',
        ack_mode: 1,
        ack_wait_ms: 3_600_000,
        max_in_flight: 2,
        start: EARLIEST,
      } as const;
      await caller.publishEach([topic, topic]);
      await using reader = caller.subscribe(topic, fields);
      const held = await reader.take(2);
      await caller.publishEach(Array.from({ length: 10 }, () => topic));
      await untilFirst(caller, topic, 8);
      expect(await caller.ack('d', { ack_ids: held.map(({ ack_id }) => ack_id) })).toMatchObject({ accepted: 2 });
      const [next] = await reader.take(1);
      // Before it was removed it may have been read ahead; what is missing shows by the number before.
      expect(next?.previous_sequence_id).toBe((next?.sequence_id ?? 0) - 1);
      expect(next?.previous_sequence_id).toBeGreaterThanOrEqual(2);
      expect(reader.controls).toEqual([]);
    });
  });

  describe('retention by size', () => {
    const bus = useBus(under, () => ({ settings: { MCP2_EVENT_BUS_RETENTION_BYTES: `${MIB}` } }));

    test('the oldest of all topics go, so that what is left fits', async () => {
      const caller = await bus().caller();
      const root = ownName();
      const payload = Buffer.alloc(100_000, 1);
      const [old] = await caller.publishEach([`${root}:old`, ...Array.from({ length: 20 }, () => `${root}:new`)], {
        payload,
      });
      const total = async () => {
        const { topics } = await caller.listTopics(`${root}:*`);
        return topics.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0);
      };
      await eventually(total, (bytes) => bytes <= MIB);
      const info = await caller.topic(`${root}:new`);
      expect(info?.last_sequence).toBe(20);
      expect(info?.events).toBeGreaterThan(5);
      await using reader = caller.subscribe(`${root}:*`, { start: EARLIEST });
      const left = await reader.take(info?.events ?? 0);
      expect(sequences(left).at(-1)).toBe(20);
      expect(left.every(({ topic }) => topic === `${root}:new`)).toBe(true);
      await using refused = caller.subscribe(`${root}:*`, { start: CURSOR, start_cursor: old?.cursor ?? payload });
      const { facts } = await expectEnd(refused, 'BEFORE_RETENTION');
      const earliest = { start: CURSOR, start_cursor: fromText(facts.earliest_cursor) } as const;
      await using resumed = caller.subscribe(`${root}:*`, earliest);
      expect(sequences(await resumed.take(left.length))).toEqual(sequences(left));
    });
  });

  describe.concurrent('retention by age', () => {
    const bus = useBus(under, () => ({
      settings: { MCP2_EVENT_BUS_RETENTION: '1s', MCP2_EVENT_BUS_TAIL_BYTES: `${MIB}` },
    }));
    describeAge(bus);
  });
}

function describeAge(bus: () => TestBus): void {
  test('what is older goes by itself; the newest of a topic may be asked for after that', async () => {
    const caller = await bus().caller();
    const topic = ownName();
    await caller.publishEach([topic, topic]);
    await using live = caller.subscribe(topic, { start: EARLIEST });
    await live.take(2);
    await untilGone(caller, topic);
    const [third] = await caller.publishEach([topic]);
    expect(third?.sequence_id).toBeGreaterThan(2);
    const [fresh] = await live.take(1);
    expect(fresh?.sequence_id).toBe(third?.sequence_id);
    await using refused = caller.subscribe(topic, { start: SEQUENCE, start_sequence: 1 });
    const error = await expectEnd(refused, 'BEFORE_RETENTION');
    expect(error.facts).toMatchObject({ earliest_sequence: `${third?.sequence_id}` });
  });

  test('a topic that was forgotten and is used again goes on above everything that it ever had', async () => {
    const caller = await bus().caller();
    const [topic, other] = [ownName(), ownName()];
    await caller.publishEach([topic, topic, topic]);
    await untilGone(caller, topic);
    // Nothing but what others publish makes the log go on.
    await caller.publishEach([other, other]);
    await eventually(
      () => caller.topic(topic),
      (info) => info === undefined || info.events === 0,
      { timeoutMs: 15_000 },
    );
    const forgotten = (await caller.topic(topic)) === undefined;
    const [again, after] = await caller.publishEach([topic, topic]);
    expect(again?.sequence_id).toBeGreaterThan(3);
    expect(after?.sequence_id).toBe((again?.sequence_id ?? 0) + 1);
    await using reader = caller.subscribe(topic, { start: EARLIEST });
    const [one, two] = await reader.take(2);
    expect([0, ...(forgotten ? [] : [3])]).toContain(one?.previous_sequence_id);
    expect(two?.previous_sequence_id).toBe(one?.sequence_id);
  });

  test('a durable subscription outlives its events', async () => {
    const caller = await bus().caller();
    const topic = ownName();
    const fields = { durable_name: 'd', ack_mode: 1, start: EARLIEST } as const;
    await caller.publishEach([topic]);
    await using reader = caller.subscribe(topic, fields);
    await reader.take(1);
    await reader.close();
    await untilGone(caller, topic);
    await forget(caller);
    const [next] = await caller.publishEach([topic]);
    await using again = caller.subscribe(topic, fields);
    expect((await again.take(1)).map(({ sequence_id: n, delivery_attempt: a }) => [n, a])).toEqual([
      [next?.sequence_id, 1],
    ]);
  });
}

/** Zero is "unknown, at least one". */
function expectMissed(reader: EventReader, count: number): void {
  const gaps = reader.controls.filter(({ kind }) => kind === GAP);
  expect(gaps.length).toBeGreaterThan(0);
  for (const { cursor } of gaps) expect(cursor).toHaveLength(16);
  const missed = gaps.map((gap) => gap.missed);
  expect(missed.includes(0) ? count : missed.reduce((sum, one) => sum + one, 0), `${missed}`).toBe(count);
}

/** So much that what was published before it lies in the log alone. */
async function forget(caller: BusCaller): Promise<void> {
  await caller.publishMany(ownName('filler'), 8, { payload: Buffer.alloc(200_000, 1) });
}

async function untilFirst(caller: BusCaller, topic: string, first: number): Promise<void> {
  await eventually(
    () => caller.topic(topic),
    (info) => info?.first_sequence === first,
    {
      ...{ timeoutMs: 20_000, what: `the first retained event of ${topic} being ${first}` },
    },
  );
}

async function untilGone(caller: BusCaller, topic: string): Promise<void> {
  await eventually(
    () => caller.topic(topic),
    (info) => info === undefined || info.events === 0,
    {
      ...{ timeoutMs: 20_000, what: `no event of ${topic} being retained` },
    },
  );
}
