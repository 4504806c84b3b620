/** Random topics and filters: who subscribes before, while and after events are published gets what the oracle says. */
import { describe, expect, test } from 'vitest';
import type { BusCaller } from '../../harness/bus-caller.ts';
import { ownName } from '../../harness/event-bus.ts';
import type { Envelope, EventReader } from '../../harness/event-reader.ts';
import { type BusUnderTest, expectEnd, offsetOf, seeded, useBus } from './bus-under-test.ts';
import { everyTopic, matchesTopic, type OracleEvent, OracleLog } from './oracle.ts';

const SEED = Number(process.env.MCP2_TEST_SEED ?? Date.now() % 1_000_000);
const EVENTS = 400;
const FILTERS = 60;

export function describeFilters(under: BusUnderTest): void {
  describe('filters', () => {
    const bus = useBus(under);

    test(`${FILTERS} random filters over ${EVENTS} random events deliver what the oracle says (MCP2_TEST_SEED=${SEED})`, async () => {
      const random = seeded(SEED);
      const root = ownName();
      const topics = everyTopic(['a', 'b', 'c'], 3).map((topic) => `${root}:${topic}`);
      const pick = <T>(from: readonly T[]) => from[Math.floor(random() * from.length)] as T;
      const used = Array.from({ length: 25 }, () => pick(topics));
      const filters = Array.from({ length: FILTERS }, () => randomFilter(random, root));
      const callers = await Promise.all(Array.from({ length: 3 }, () => bus().caller()));
      const [reader = callers[0] as BusCaller] = callers;
      const live = filters.map((filter) => reader.subscribe(filter, { start: 1 }));
      const log = new OracleLog();
      const half = EVENTS / 2;
      await publishRandomly(log, { callers, pick: () => pick(used), count: half });
      const during = filters.map((filter) => reader.subscribe(filter, { start: 1 }));
      await publishRandomly(log, { callers, pick: () => pick(used), count: half });
      const after = filters.map((filter) => reader.subscribe(filter, { start: 1 }));
      for (const [i, filter] of filters.entries()) {
        const expected = log.matching(filter).map(shown);
        for (const subscription of [live[i], during[i], after[i]]) {
          expect(await allOf(subscription, expected.length), `${filter}, MCP2_TEST_SEED=${SEED}`).toEqual(expected);
        }
      }
      for (const subscription of [...live, ...during, ...after]) {
        expect(await subscription.surplus(0)).toEqual([]);
        await subscription.close();
      }
    });

    test.each([
      ['a:*', ['a:b', 'a:b:c', 'a:b:c:d'], ['a', 'ab', 'ab:c', 'b:a', 'A:b']],
      ['a:*:c', ['a:b:c', 'a:c:c', 'a:_b:c'], ['a:c', 'a:b:b:c', 'a:b:c:c']],
      ['*:*', ['a:b', 'a:b:c'], ['a']],
      ['*:b', ['a:b', 'b:b'], ['b', 'a:b:b', 'a:c']],
      ['a:b', ['a:b'], ['a', 'a:b:c', 'a:bc']],
      ['a:*:*', ['a:b:c', 'a:b:c:d'], ['a:b', 'a']],
    ])('%s is %j and not %j', async (filter, inside, outside) => {
      const caller = await bus().caller();
      const root = ownName();
      const published = [...outside, ...inside].map((topic) => `${root}:${topic}`);
      await caller.publishEach(published);
      await using reader = caller.subscribe(`${root}:${filter}`, { start: 1, idle_heartbeat_ms: 100 });
      await reader.follows();
      expect(reader.events.map(({ topic }) => topic)).toEqual(inside.map((topic) => `${root}:${topic}`));
    });

    test('"*" alone is every topic', async () => {
      const caller = await bus().caller();
      const topics = [ownName(), `${ownName()}:a`];
      const [first] = await caller.publishEach(topics);
      await caller.publishEach(topics);
      await using reader = caller.subscribe('*', { start: 4, start_cursor: first?.cursor ?? Buffer.alloc(0) });
      const got = await reader.take(3);
      expect(got.map(({ topic }) => topic)).toEqual([topics[1], ...topics]);
    });

    test('a topic whose first event comes after the subscription is delivered', async () => {
      const caller = await bus().caller();
      const root = ownName();
      await using reader = caller.subscribe(`${root}:*:x`, { idle_heartbeat_ms: 100 });
      await reader.follows();
      await caller.publishEach([`${root}:new:x`, `${root}:newer:x`, `${root}:new:y`]);
      expect((await reader.take(2)).map(({ topic }) => topic)).toEqual([`${root}:new:x`, `${root}:newer:x`]);
    });

    test.each([
      ['', 'FILTER_INVALID'],
      ['a::b', 'FILTER_INVALID'],
      ['a:b*', 'FILTER_INVALID'],
      ['a:**', 'FILTER_INVALID'],
      ['a:>', 'FILTER_INVALID'],
      ['a:?', 'FILTER_INVALID'],
      ['a b', 'FILTER_INVALID'],
      [Array.from({ length: 13 }, () => 'a').join(':'), 'FILTER_INVALID'],
      ['_', 'TOPIC_RESERVED'],
      ['_a', 'TOPIC_RESERVED'],
      ['_a:*', 'TOPIC_RESERVED'],
      ['_dlq', 'TOPIC_RESERVED'],
      ['_dlq:*', 'TOPIC_RESERVED'],
      ['_dlq:a:b', 'TOPIC_RESERVED'],
    ] as const)('the filter "%s" is %s', async (filter, reason) => {
      const caller = await bus().caller();
      await using reader = caller.subscribe(filter);
      await expectEnd(reader, reason);
    });

    test('one of 12 segments that ends in a wildcard is a filter', async () => {
      const caller = await bus().caller();
      const filter = [...Array.from({ length: 11 }, (_, i) => `s${i}`), '*'].join(':');
      await using reader = caller.subscribe(filter, { idle_heartbeat_ms: 100 });
      await reader.follows();
    });
  });
}

function randomFilter(random: () => number, root: string): string {
  const length = 1 + Math.floor(random() * 3);
  const atoms = ['a', 'b', 'c', '*', '*'];
  return [root, ...Array.from({ length }, () => atoms[Math.floor(random() * atoms.length)])].join(':');
}

/** From several publishers at once; the log's order is that of the cursors in the answers. */
async function publishRandomly(
  log: OracleLog,
  { callers, pick, count }: { callers: readonly BusCaller[]; pick: () => string; count: number },
): Promise<void> {
  const published: { topic: string; payload: string; offset: bigint; sequence: number }[] = [];
  let left = count;
  await Promise.all(
    callers.map(async (caller) => {
      while (left-- > 0) {
        const [topic, payload] = [pick(), `${left} of ${caller.sub}`];
        const answer = await caller.publish(topic, { payload: Buffer.from(payload) });
        published.push({ topic, payload, offset: offsetOf(answer.cursor), sequence: answer.sequence_id });
      }
    }),
  );
  published.sort((a, b) => (a.offset < b.offset ? -1 : 1));
  for (const { topic, payload, offset, sequence } of published) {
    expect(log.append(topic, payload, offset).sequence).toBe(sequence);
  }
}

const shown = ({ topic, payload, sequence, previous, offset }: OracleEvent) =>
  [topic, payload, sequence, previous, offset] as const;

async function allOf(reader: EventReader | undefined, count: number) {
  return ((await reader?.take(count)) ?? []).map(
    ({ topic, payload, sequence_id: sequence, previous_sequence_id: previous, cursor }: Envelope) =>
      shown({ topic, payload: payload.toString(), sequence, previous, offset: offsetOf(cursor) }),
  );
}

/** The oracle itself is right about the examples of the specification. */
export function describeOracle(): void {
  test.each([
    ['inventory:*', 'inventory:p1:stock', true],
    ['inventory:*', 'inventory', false],
    ['inventory:*:low_stock', 'inventory:prod_12345:low_stock', true],
    ['inventory:*:low_stock', 'inventory:a:b:low_stock', false],
    ['*', '_dlq:a', false],
  ])('the oracle: %s matches %s: %s', (pattern, topic, expected) => {
    expect(matchesTopic(pattern, topic)).toBe(expected);
  });
}
