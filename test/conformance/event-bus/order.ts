/** Order: of a topic for each publisher, of the log for each subscriber; also while a reader moves to the newest events. */
import { describe, expect, test } from 'vitest';
import type { BusCaller } from '../../harness/bus-caller.ts';
import { ownName } from '../../harness/event-bus.ts';
import type { Envelope } from '../../harness/event-reader.ts';
import { type BusUnderTest, offsetOf, sequences, useBus } from './bus-under-test.ts';

const PUBLISHERS = 8;
const EACH = 40;
const TOTAL = PUBLISHERS * EACH;

export function describeOrder(under: BusUnderTest): void {
  describe('order', () => {
    const bus = useBus(under);

    test('sequences are dense, begin at 1 and name the one before; every subscriber sees the same order of the log', async () => {
      const root = ownName();
      const topics = ['a', 'b', 'c'].map((topic) => `${root}:${topic}`);
      const reader = await bus().caller();
      await using early = reader.subscribe(`${root}:*`, { start: 1 });
      await Promise.all(Array.from({ length: PUBLISHERS }, (_, p) => publishNumbered(bus().caller(), topics, p)));
      await using late = reader.subscribe(`${root}:*`, { start: 1 });
      const seen = await early.take(TOTAL);
      expect(positions(await late.take(TOTAL))).toEqual(positions(seen));
      expect(seen.map(({ cursor }) => offsetOf(cursor))).toEqual(
        seen.map(({ cursor }) => offsetOf(cursor)).toSorted((a, b) => (a < b ? -1 : 1)),
      );
      const times = seen.map(({ published_at_ms: ms }) => ms);
      expect(times).toEqual(times.toSorted((a, b) => a - b));
      for (const topic of topics) expectDense(seen.filter((envelope) => envelope.topic === topic));
      for (let publisher = 0; publisher < PUBLISHERS; publisher++) {
        const own = seen.map(({ payload }) => payload.toString().split(' ')).filter(([p]) => Number(p) === publisher);
        expect(own.map(([, i]) => Number(i))).toEqual(Array.from({ length: EACH }, (_, i) => i));
      }
    });

    test('an event is delivered with the cursor and sequence that its publisher was told', async () => {
      const caller = await bus().caller();
      const topic = ownName();
      const answers = await caller.publishEach(Array.from({ length: 5 }, () => topic));
      await using reader = caller.subscribe(topic, { start: 1 });
      expect(positions(await reader.take(5))).toEqual(
        answers.map(({ sequence_id, cursor }) => [topic, sequence_id, cursor.toString('hex')]),
      );
    });
  });

  describe('a reader that moves from the log to the newest events', () => {
    // The least there may be in memory, so that most of what is read comes from the log.
    const bus = useBus(under, () => ({ settings: { MCP2_EVENT_BUS_TAIL_BYTES: '1048576' } }));

    test.each([
      ['a topic', (root: string) => `${root}:a`],
      ['a pattern', (root: string) => `${root}:*`],
    ])('of %s misses nothing and gets nothing twice while a publisher goes on at full rate', async (_title, filter) => {
      const caller = await bus().caller();
      const root = ownName();
      const topic = `${root}:a`;
      const payload = Buffer.alloc(4_000, 1);
      await using writer = caller.openPublisher();
      const send = (count: number) => {
        for (let i = 0; i < count; i++) writer.send({ topic, payload, publisher_token: caller.token });
      };
      send(700);
      await writer.untilAcks(700);
      send(900);
      await using reader = caller.subscribe(filter(root), { start: 1 });
      const half = await reader.take(700);
      send(400);
      const rest = await reader.take(1_300);
      expect(sequences([...half, ...rest])).toEqual(Array.from({ length: 2_000 }, (_, i) => i + 1));
      expect(await reader.surplus()).toEqual([]);
    });

    test('a reader of one topic among many that are published gets its own', async () => {
      const caller = await bus().caller();
      const root = ownName();
      await using writer = caller.openPublisher();
      const payload = Buffer.alloc(2_000, 1);
      for (let i = 0; i < 1_500; i++) {
        writer.send({ topic: `${root}:${i % 100}`, payload, publisher_token: caller.token });
      }
      await writer.untilAcks(700);
      await using reader = caller.subscribe(`${root}:7`, { start: 1 });
      await using pattern = caller.subscribe(`${root}:*`, { start: 1 });
      expect(sequences(await reader.take(15))).toEqual(Array.from({ length: 15 }, (_, i) => i + 1));
      expectRising(await pattern.take(1_500));
    });

    test('a reader whose filter comes to match more and more topics gets each event once, in the order of the log', async () => {
      const caller = await bus().caller();
      const root = ownName();
      await using writer = caller.openPublisher();
      const payload = Buffer.alloc(1_500, 1);
      const send = (from: number, to: number, topics: number) => {
        for (let i = from; i < to; i++)
          writer.send({ topic: `${root}:${i % topics}`, payload, publisher_token: caller.token });
      };
      send(0, 1_500, 60);
      await writer.untilAcks(1_500);
      await using reader = caller.subscribe(`${root}:*`, { start: 1 });
      send(1_500, 2_500, 70);
      const first = await reader.take(300);
      send(2_500, 3_000, 150);
      expectRising([...first, ...(await reader.take(2_700))]);
    });

    test('a durable subscription moves there too, with nothing missed or doubled', async () => {
      const caller = await bus().caller();
      const topic = ownName();
      await using writer = caller.openPublisher();
      const send = (count: number) => {
        for (let i = 0; i < count; i++) {
          writer.send({ topic, payload: Buffer.alloc(4_000, 1), publisher_token: caller.token });
        }
      };
      send(700);
      await writer.untilAcks(700);
      const fields = { durable_name: 'd', ack_mode: 1, start: 1, max_in_flight: 200, ack_wait_ms: 3_600_000 } as const;
      await using reader = caller.subscribe(topic, fields);
      const seen: Envelope[] = [];
      for (let i = 0; i < 15; i++) {
        if (i < 8) send(100);
        const fresh = await reader.take(100);
        await caller.ack('d', { ack_ids: fresh.map(({ ack_id }) => ack_id) });
        seen.push(...fresh);
      }
      expect(sequences(seen)).toEqual(Array.from({ length: 1_500 }, (_, i) => i + 1));
      expect(await reader.surplus()).toEqual([]);
    });
  });
}

/** Event i of a publisher waits for the answer to the one before; the topics take turns. */
async function publishNumbered(calling: Promise<BusCaller>, topics: readonly string[], p: number): Promise<void> {
  const caller = await calling;
  for (let i = 0; i < EACH; i++) {
    await caller.publish(topics[(p + i) % topics.length] ?? '', { payload: Buffer.from(`${p} ${i}`) });
  }
}

function expectDense(envelopes: readonly Envelope[]): void {
  expect(sequences(envelopes)).toEqual(envelopes.map((_, i) => i + 1));
  expect(envelopes.map(({ previous_sequence_id: previous }) => previous)).toEqual(envelopes.map((_, i) => i));
}

/** Strictly, so that none comes twice. */
function expectRising(envelopes: readonly Envelope[]): void {
  const offsets = envelopes.map(({ cursor }) => offsetOf(cursor));
  expect(offsets.findIndex((offset, i) => i > 0 && offset <= (offsets[i - 1] ?? 0n))).toBe(-1);
}

function positions(envelopes: readonly Envelope[]) {
  return envelopes.map(({ topic, sequence_id, cursor }) => [topic, sequence_id, cursor.toString('hex')]);
}
