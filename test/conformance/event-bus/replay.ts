/**
 * Replay from every start position, against the oracle: with each start policy, concrete and wildcard filters, plain and
 * durable, of what lies in memory, in the log alone, and in both.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { BusCaller, SubscribeFields } from '../../harness/bus-caller.ts';
import { ownName } from '../../harness/event-bus.ts';
import { type BusUnderTest, offsetOf, seeded, useBus } from './bus-under-test.ts';
import { type OracleEvent, OracleLog } from './oracle.ts';

const SEED = Number(process.env.MCP2_TEST_SEED ?? Date.now() % 1_000_000);
const CASES = 70;
const LANES = 12;
const MIB = 1024 * 1024;
const ATOMS = ['a', 'b', '*'];

/** When what is in memory is pushed out of it: after so many of the four parts. */
const PLACES = { 'in memory': 0, 'in the log alone': 4, 'in both': 2 } as const;

interface Published {
  readonly caller: BusCaller;
  readonly root: string;
  readonly log: OracleLog;
  /** By offset. */
  readonly cursors: ReadonlyMap<bigint, Buffer>;
  readonly times: ReadonlyMap<bigint, number>;
}

interface Case {
  readonly filter: string;
  readonly fields: SubscribeFields;
  readonly expected: readonly OracleEvent[];
}

export function describeReplay(under: BusUnderTest): void {
  describe('replay', () => {
    const bus = useBus(under, () => ({
      settings: { MCP2_EVENT_BUS_TAIL_BYTES: `${MIB}`, MCP2_EVENT_BUS_QUOTA_DURABLES: '1000' },
    }));

    test.each(Object.entries(PLACES))(
      `of events that lie %s, ${CASES} times (MCP2_TEST_SEED=${SEED})`,
      async (place, parts) => {
        const random = seeded(SEED + parts);
        const published = await publish(await bus().caller(), random, parts);
        const cases = Array.from({ length: CASES }, (_, i) => randomCase(published, random, i)).values();
        await Promise.all(
          Array.from({ length: LANES }, async () => {
            for (const one of cases) await check(published.caller, one, place);
          }),
        );
      },
    );
  });
}

async function publish(caller: BusCaller, random: () => number, pushOutAfter: number): Promise<Published> {
  const root = ownName();
  const log = new OracleLog();
  const cursors = new Map<bigint, Buffer>();
  for (let part = 1; part <= 4; part++) {
    for (let i = 0; i < 25; i++) {
      const topic = [
        root,
        ...Array.from({ length: 1 + Math.floor(random() * 2) }, () => pick(random, ['a', 'b'])),
      ].join(':');
      const answer = await caller.publish(topic, { payload: Buffer.from(`${part}.${i}`) });
      expect(log.append(topic, `${part}.${i}`, offsetOf(answer.cursor)).sequence).toBe(answer.sequence_id);
      cursors.set(offsetOf(answer.cursor), answer.cursor);
    }
    await sleep(3); // So that not all of them have one time.
    if (part === pushOutAfter) await caller.publishMany(ownName('filler'), 8, { payload: Buffer.alloc(200_000, 1) });
  }
  await using reader = caller.subscribe(`${root}:*`, { start: 1 });
  const times = new Map((await reader.take(100)).map((event) => [offsetOf(event.cursor), event.published_at_ms]));
  return { caller, root, log, cursors, times };
}

function randomCase(published: Published, random: () => number, number: number): Case {
  const { root, log } = published;
  const length = 1 + Math.floor(random() * 2);
  const filter = [root, ...Array.from({ length }, () => pick(random, ATOMS))].join(':');
  const { start, expected } = randomStart(published, random, filter);
  const durable = { durable_name: `d${number}`, max_in_flight: 200 } as const;
  const kind = pick(random, [{}, durable, { ...durable, ack_mode: 1 as const }]);
  expect(log.events).toHaveLength(100);
  return { filter, fields: { ...kind, ...start, idle_heartbeat_ms: 100 }, expected };
}

function randomStart({ log, cursors, times }: Published, random: () => number, filter: string) {
  const all = log.matching(filter);
  const anywhere = pick(random, log.events);
  const isConcrete = !filter.includes('*');
  switch (pick(random, isConcrete ? [1, 2, 3, 3, 4, 5] : [1, 2, 4, 4, 5])) {
    case 1:
      return { start: { start: 1 } as const, expected: all };
    case 2:
      return { start: { start: 2 } as const, expected: log.lastPerTopic(filter) };
    case 3: {
      const sequence = 1 + Math.floor(random() * (all.length + 1));
      const start = { start: 3, start_sequence: sequence } as const;
      return { start, expected: all.filter((event) => event.sequence >= sequence) };
    }
    case 4: {
      const start = { start: 4, start_cursor: cursors.get(anywhere.offset) ?? Buffer.alloc(0) } as const;
      return { start, expected: log.matching(filter, anywhere.offset) };
    }
    default: {
      const ms = (times.get(anywhere.offset) ?? 0) + Math.floor(random() * 3) - 1;
      const start = { start: 5, start_time_ms: ms } as const;
      return { start, expected: all.filter((event) => (times.get(event.offset) ?? 0) >= ms) };
    }
  }
}

async function check(caller: BusCaller, { filter, fields, expected }: Case, place: string): Promise<void> {
  await using reader = caller.subscribe(filter, fields);
  await reader.follows();
  const seen = reader.events.map((event) => ({
    topic: event.topic,
    payload: event.payload.toString(),
    sequence: event.sequence_id,
    previous: event.previous_sequence_id,
  }));
  const said = expected.map(({ offset: _, ...event }) => event);
  expect(seen, `${place}: ${filter} ${JSON.stringify(fields)}, MCP2_TEST_SEED=${SEED}`).toEqual(said);
  const isCounted = fields.durable_name !== undefined;
  for (const event of reader.events) {
    expect([event.delivery_attempt, event.ack_id !== '']).toEqual([isCounted ? 1 : 0, fields.ack_mode === 1]);
  }
}

function pick<T>(random: () => number, from: readonly T[]): T {
  return from[Math.floor(random() * from.length)] as T;
}
