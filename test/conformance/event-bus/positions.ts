/** Where a subscription begins: each start policy, and what is refused for its form, its epoch or the future. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { EventSubscribeRequest } from '#protos/generated/mcp2/EventSubscribeRequest.ts';
import type { BusCaller } from '../../harness/bus-caller.ts';
import { ownName } from '../../harness/event-bus.ts';
import type { Envelope } from '../../harness/event-reader.ts';
import {
  type BusReason,
  type BusUnderTest,
  cursorOf,
  epochOf,
  expectEnd,
  offsetOf,
  sequences,
  texts,
  useBus,
} from './bus-under-test.ts';

const [NEW, EARLIEST, LAST_PER_TOPIC, SEQUENCE, CURSOR, TIME] = [0, 1, 2, 3, 4, 5] as const;
const HEART = { idle_heartbeat_ms: 100 };

export function describePositions(under: BusUnderTest): void {
  describe.concurrent('where a subscription begins', () => {
    const bus = useBus(under);
    const published = async (count: number) => {
      const caller = await bus().caller();
      const topic = `${ownName()}:t`;
      const answers = await caller.publishEach(Array.from({ length: count }, () => topic));
      return { caller, topic, cursors: answers.map(({ cursor }) => cursor) };
    };

    test('NEW, also where nothing is said: with what is published from now on', async () => {
      const { caller, topic } = await published(3);
      await using reader = caller.subscribe(topic, HEART);
      await reader.follows();
      expect(reader.events).toEqual([]);
      await caller.publishEach([topic]);
      expect((await reader.take(1)).map(({ sequence_id: n, previous_sequence_id: p }) => [n, p])).toEqual([[4, 3]]);
    });

    test('EARLIEST: with the oldest', async () => {
      const { caller, topic } = await published(3);
      await using reader = caller.subscribe(topic, { start: EARLIEST });
      expect(texts(await reader.take(3))).toEqual(['1', '2', '3']);
    });

    test('SEQUENCE: each of them, and the one that comes next', async () => {
      const { caller, topic } = await published(4);
      for (const start of [1, 2, 3, 4, 5]) {
        await using reader = caller.subscribe(topic, { start: SEQUENCE, start_sequence: start, ...HEART });
        await reader.follows();
        expect(sequences(reader.events)).toEqual([1, 2, 3, 4].filter((sequence) => sequence >= start));
      }
      const fresh = ownName();
      await using reader = caller.subscribe(fresh, { start: SEQUENCE, start_sequence: 1 });
      await caller.publish(fresh);
      expect(sequences(await reader.take(1))).toEqual([1]);
    });

    test("CURSOR: after each of them, of an envelope and of a publisher's answer, with any filter", async () => {
      const caller = await bus().caller();
      const root = ownName();
      const topics = ['a', 'b', 'a', 'c', 'b'].map((topic) => `${root}:${topic}`);
      const answers = await caller.publishEach(topics);
      await using all = caller.subscribe(`${root}:*`, { start: EARLIEST });
      const cursors = (await all.take(5)).map(({ cursor }) => cursor);
      expect(cursors).toEqual(answers.map(({ cursor }) => cursor));
      for (const [i, cursor] of cursors.entries()) {
        for (const filter of [`${root}:*`, `${root}:a`, `${root}:b`]) {
          await using reader = caller.subscribe(filter, { start: CURSOR, start_cursor: cursor, ...HEART });
          await reader.follows();
          const expected = topics.flatMap((topic, n) =>
            n > i && (topic === filter || filter.endsWith('*')) ? [`${n + 1}`] : [],
          );
          expect(texts(reader.events)).toEqual(expected);
        }
      }
    });

    test('TIME: with the first event of that millisecond or later, to the end and one second beyond', async () => {
      const { caller, topic } = await published(2);
      await sleep(5);
      await caller.publishEach([topic, topic]);
      await using reader = caller.subscribe(topic, { start: EARLIEST });
      const all = await reader.take(4);
      for (const ms of [
        all[0]?.published_at_ms ?? 0,
        all[2]?.published_at_ms ?? 0,
        (all[3]?.published_at_ms ?? 0) + 1,
      ]) {
        await using from = caller.subscribe(topic, { start: TIME, start_time_ms: ms, ...HEART });
        await from.follows();
        expect(sequences(from.events)).toEqual(sequences(all.filter((one) => one.published_at_ms >= ms)));
      }
      await using soon = caller.subscribe(topic, { start: TIME, start_time_ms: Date.now() + 500, ...HEART });
      await soon.follows();
    });

    test('TIME: long before the first event is its beginning, where nothing was removed', async () => {
      const { caller, topic } = await published(2);
      await using reader = caller.subscribe(topic, { start: TIME, start_time_ms: 1 });
      expect(sequences(await reader.take(2))).toEqual([1, 2]);
    });

    test.each(futures())('%s is the future', async (_title, request) => {
      const { caller, topic, cursors } = await published(3);
      await using reader = caller.subscribe(topic, request(cursors.at(-1) ?? Buffer.alloc(16)));
      await expectEnd(reader, 'START_IN_FUTURE');
    });

    test.each(malformed())('%s is refused', async (_title, request, reason) => {
      const caller = await bus().caller();
      const filter = request.topic_filter ?? ownName();
      await using reader = caller.subscribe(filter, request);
      await expectEnd(reader, reason);
      expect(await caller.listSubscriptions()).toEqual([]);
    });

    test('a cursor of another epoch is refused, whatever its offset', async () => {
      const { caller, topic, cursors } = await published(2);
      const cursor = cursors[0] ?? Buffer.alloc(16);
      const other = Buffer.from(epochOf(cursor).map((byte) => byte ^ 0xff));
      for (const offset of [0n, offsetOf(cursor), 2n ** 50n]) {
        await using reader = caller.subscribe(topic, { start: CURSOR, start_cursor: cursorOf(other, offset) });
        await expectEnd(reader, 'LOG_EPOCH');
      }
    });

    describeLastPerTopic(bus);
  });
}

function describeLastPerTopic(bus: () => { caller(): Promise<BusCaller> }): void {
  test('LAST_PER_TOPIC: the last of each topic in the order of the log, then new ones', async () => {
    const caller = await bus().caller();
    const root = ownName();
    await caller.publishEach(['a', 'b', 'c', 'a', 'd', 'b'].map((topic) => `${root}:${topic}`));
    await caller.publish(`${root}other`);
    await using reader = caller.subscribe(`${root}:*`, { start: LAST_PER_TOPIC, ...HEART });
    await reader.follows();
    expect(texts(reader.events)).toEqual(['3', '4', '5', '6']);
    expect(sequences(reader.events)).toEqual([1, 2, 1, 2]);
    await caller.publish(`${root}:a`, { payload: Buffer.from('new') });
    expect(texts((await reader.take(5)).slice(4))).toEqual(['new']);
  });

  test("LAST_PER_TOPIC: each envelope of the first phase carries the cursor of that phase's end", async () => {
    const caller = await bus().caller();
    const root = ownName();
    const answers = await caller.publishEach(['a', 'b', 'a', 'c'].map((topic) => `${root}:${topic}`));
    const last = answers.at(-1)?.cursor ?? Buffer.alloc(16);
    await using reader = caller.subscribe(`${root}:*`, { start: LAST_PER_TOPIC });
    const phase = await reader.take(3);
    expect(new Set(phase.map(({ cursor }) => cursor.toString('hex'))).size).toBe(1);
    const end = phase[0]?.cursor ?? Buffer.alloc(16);
    expect(offsetOf(end)).toBeGreaterThanOrEqual(offsetOf(last));
    const [next] = await caller.publishEach([`${root}:b`]);
    const [fresh] = await reader.take(1);
    expect(fresh?.cursor).toEqual(next?.cursor);
    await using resumed = caller.subscribe(`${root}:*`, { start: CURSOR, start_cursor: end, ...HEART });
    await resumed.follows();
    expect(positionsOf(resumed.events)).toEqual(positionsOf(fresh === undefined ? [] : [fresh]));
  });

  test('LAST_PER_TOPIC of one topic is its last event, and of none is nothing', async () => {
    const caller = await bus().caller();
    const topic = ownName();
    await using empty = caller.subscribe(topic, { start: LAST_PER_TOPIC, ...HEART });
    await empty.follows();
    expect(empty.events).toEqual([]);
    await caller.publishEach([topic, topic, topic]);
    await using reader = caller.subscribe(topic, { start: LAST_PER_TOPIC, ...HEART });
    await reader.follows();
    expect(sequences(reader.events)).toEqual([3]);
    expect(sequences(await empty.take(3))).toEqual([1, 2, 3]);
  });

  test('LAST_PER_TOPIC of 300 topics is complete', async () => {
    const caller = await bus().caller();
    const root = ownName();
    await using writer = caller.openPublisher();
    for (let i = 0; i < 600; i++) {
      writer.send({ topic: `${root}:${i % 300}`, payload: Buffer.from(`${i}`), publisher_token: caller.token });
    }
    await writer.untilAcks(600);
    await using reader = caller.subscribe(`${root}:*`, { start: LAST_PER_TOPIC });
    const got = await reader.take(300);
    expect(got.map((envelope) => Number(envelope.payload)).toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: 300 }, (_, i) => i + 300),
    );
    expect(await reader.surplus()).toEqual([]);
  });
}

function positionsOf(envelopes: readonly Envelope[]) {
  return envelopes.map(({ topic, sequence_id }) => [topic, sequence_id]);
}

type Request = Omit<EventSubscribeRequest, 'topic_filter'>;

function futures(): [string, (last: Buffer) => Request][] {
  return [
    ['the sequence after the next', () => ({ start: SEQUENCE, start_sequence: 5 })],
    ['a sequence far away', () => ({ start: SEQUENCE, start_sequence: 2 ** 50 })],
    ['a cursor far away', (last) => ({ start: CURSOR, start_cursor: cursorOf(epochOf(last), 2n ** 52n) })],
    [
      'a cursor beyond every number',
      (last) => ({ start: CURSOR, start_cursor: cursorOf(epochOf(last), 2n ** 64n - 1n) }),
    ],
    ['a time in an hour', () => ({ start: TIME, start_time_ms: Date.now() + 3_600_000 })],
  ];
}

function malformed(): [string, EventSubscribeRequest & Request, BusReason][] {
  const cursor = Buffer.alloc(16, 1);
  const argument = 'ARGUMENT_INVALID' as const;
  const wild = { topic_filter: `${ownName()}:*` };
  return [
    ['SEQUENCE with a wildcard', { ...wild, start: SEQUENCE, start_sequence: 1 }, argument],
    ['SEQUENCE without its field', { start: SEQUENCE }, argument],
    ['SEQUENCE with a negative one', { start: SEQUENCE, start_sequence: -1 }, argument],
    ['CURSOR without its field', { start: CURSOR }, argument],
    ['CURSOR of 15 bytes', { start: CURSOR, start_cursor: cursor.subarray(1) }, argument],
    ['CURSOR of 17 bytes', { start: CURSOR, start_cursor: Buffer.alloc(17, 1) }, argument],
    ['TIME without its field', { start: TIME }, argument],
    ['TIME with a negative one', { start: TIME, start_time_ms: -5 }, argument],
    ['NEW with a sequence', { start: NEW, start_sequence: 1 }, argument],
    ['NEW with a cursor', { start_cursor: cursor }, argument],
    ['NEW with a time', { start_time_ms: 1 }, argument],
    ['EARLIEST with a cursor', { start: EARLIEST, start_cursor: cursor }, argument],
    ['EARLIEST with a negative sequence', { start: EARLIEST, start_sequence: -1 }, argument],
    ['LAST_PER_TOPIC with a time', { start: LAST_PER_TOPIC, start_time_ms: 1 }, argument],
    ['SEQUENCE with a cursor as well', { start: SEQUENCE, start_sequence: 1, start_cursor: cursor }, argument],
    ['CURSOR with a sequence as well', { start: CURSOR, start_cursor: cursor, start_sequence: 1 }, argument],
    ['TIME with a cursor as well', { start: TIME, start_time_ms: 1, start_cursor: cursor }, argument],
    ['a start policy that there is not', { start: 6 as never }, argument],
    ['an acknowledgement mode that there is not', { durable_name: 'd', ack_mode: 2 as never }, argument],
    ['explicit acknowledgement without a durable name', { ack_mode: 1 }, argument],
    ['more than 1,024 in flight', { max_in_flight: 1_025 }, argument],
    ['an ack_wait of 99 ms', { durable_name: 'd', ack_mode: 1, ack_wait_ms: 99 }, argument],
    ['an ack_wait of more than an hour', { durable_name: 'd', ack_mode: 1, ack_wait_ms: 3_600_001 }, argument],
    ['a heartbeat of 99 ms', { idle_heartbeat_ms: 99 }, argument],
    ['a durable name that begins with a dash', { durable_name: '-a' }, 'NAME_INVALID'],
    ['a durable name with a colon', { durable_name: 'a:b' }, 'NAME_INVALID'],
    ['a durable name with a dot', { durable_name: 'a.b' }, 'NAME_INVALID'],
    ['a durable name of 65 characters', { durable_name: 'a'.repeat(65) }, 'NAME_INVALID'],
  ];
}
