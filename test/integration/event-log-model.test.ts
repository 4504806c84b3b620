/**
 * The embedded log against a plain list: random topics, filters, positions, bounds and restarts; what the log answers is
 * what a search through the whole list gives.
 */
import { expect, test } from 'vitest';
import { matches } from '#lib/capability/pattern.ts';
import type { EventLog, StoredEvent } from '../../services/event-bus/log/event-log.ts';
import { logFolder, logSettings, openLog } from '../harness/embedded-log.ts';
import { event, filter, named } from '../harness/event-log/events.ts';

const IS_FULL = process.env.MCP2_TEST_FULL !== undefined;
const ROUNDS = IS_FULL ? 200 : 20;
const SEED = Number(process.env.MCP2_TEST_SEED ?? Date.now() % 1_000_000);

type Random = (below: number) => number;

interface Model {
  readonly random: Random;
  readonly topicNames: readonly string[];
  /** Everything that was ever appended. */
  readonly all: StoredEvent[];
  readonly keptPerTopic: number;
}

/** Few names, or so many that the log is read as it lies. */
function topicsFor(random: Random, many: boolean): string[] {
  const count = many ? 150 : 12;
  return Array.from({ length: count }, (_, i) => {
    const depth = 1 + random(3);
    return [
      `s${i % 5}`,
      ...Array.from({ length: depth }, (_unused, at) => `${at}x${(i * 7 + at) % (many ? 40 : 4)}`),
    ].join(':');
  });
}

function randomFilter({ random, topicNames }: Model): string {
  const topic = topicNames[random(topicNames.length)] as string;
  const segments = topic.split(':').map((segment) => (random(3) === 0 ? '*' : segment));
  if (random(3) === 0) return [...segments.slice(0, 1 + random(segments.length)), '*'].join(':');
  return random(8) === 0 ? '*' : segments.join(':');
}

/** What the bound on events of a topic has left. */
function retained({ all, keptPerTopic }: Model): StoredEvent[] {
  const left = new Map<string, number>();
  return all
    .toReversed()
    .filter(({ topic }) => {
      const count = (left.get(topic) ?? 0) + 1;
      left.set(topic, count);
      return keptPerTopic === 0 || count <= keptPerTopic;
    })
    .toReversed();
}

async function appendSome(log: EventLog, model: Model): Promise<void> {
  const { random, topicNames, all } = model;
  const told: StoredEvent[] = [];
  log.follow((events) => told.push(...events));
  const count = 1 + random(60);
  await Promise.all(
    Array.from({ length: count }, (_, i) => {
      const payload = Buffer.alloc(random(10) === 0 ? 30_000 : random(50), `${all.length + i}`);
      return log.append(event(topicNames[random(topicNames.length)] as string, { payload }));
    }),
  );
  expect(told).toHaveLength(count);
  all.push(...told.map((one) => ({ ...one, payload: new Uint8Array(one.payload) })));
}

async function compareRead(log: EventLog, model: Model): Promise<void> {
  const { random } = model;
  const text = randomFilter(model);
  const after = random(3) === 0 ? 0 : random(log.end + 1);
  const [maxEvents, maxBytes] = [1 + random(80), 1 + random(100_000)];
  const matching = model.all.filter(({ topic, offset }) => offset > after && matches(text, topic));
  const kept = new Set(retained(model).map(({ offset }) => offset));
  const found: StoredEvent[] = [];
  let missed = 0;
  for (let at = after; at < log.end; ) {
    const page = await log.read({ after: at, filter: filter(text), maxEvents, maxBytes });
    expect(page.events.length).toBeLessThanOrEqual(maxEvents);
    expect(page.upTo).toBeGreaterThan(at);
    found.push(...page.events);
    missed += page.missed;
    at = page.upTo;
  }
  const expected = matching.filter(({ offset }) => kept.has(offset));
  // A piece of the log in memory may still have what was removed.
  const stillThere = found.filter(({ offset }) => kept.has(offset));
  const what = `${text} after ${after}`;
  expect(stillThere, what).toEqual(expected);
  const foundOffsets = new Set(found.map(({ offset }) => offset));
  const gone = matching.filter(({ offset }) => !foundOffsets.has(offset)).length;
  expect(missed, what).toBeLessThanOrEqual(gone);
  if (gone > 0) expect(missed, what).toBeGreaterThan(0);
}

async function compareLast(log: EventLog, model: Model): Promise<void> {
  const text = randomFilter(model);
  const upTo = log.end;
  const last = new Map<string, StoredEvent>();
  for (const one of retained(model)) if (matches(text, one.topic)) last.set(one.topic, one);
  const found: StoredEvent[] = [];
  for (let after = 0; after < upTo; ) {
    const page = await log.readLastPerTopic({
      after,
      upTo,
      filter: filter(text),
      maxEvents: 1 + model.random(20),
      maxBytes: 200_000,
    });
    found.push(...page.events);
    after = page.upTo;
  }
  expect(named(found), text).toEqual(named([...last.values()].sort((a, b) => a.offset - b.offset)));
}

async function comparePositions(log: EventLog, model: Model): Promise<void> {
  const text = randomFilter(model);
  const kept = retained(model).filter(({ topic }) => matches(text, topic));
  expect(await log.locate({ kind: 'earliest' }, filter(text)), text).toBe((kept[0]?.offset ?? log.end + 1) - 1);
  const topic = model.topicNames[model.random(model.topicNames.length)] as string;
  const ofTopic = model.all.filter((one) => one.topic === topic);
  const inTopic = retained(model).filter((one) => one.topic === topic);
  const sequence = 1 + model.random(ofTopic.length + 1);
  const start = { kind: 'sequence', topic, sequence } as const;
  const outcome = await log.locate(start, filter(topic)).catch((error: unknown) => error);
  const wanted = inTopic.find((one) => one.sequence >= sequence);
  if (sequence < (inTopic[0]?.sequence ?? 1)) {
    expect(outcome, `${topic} at ${sequence}`).toMatchObject({ reason: 'BEFORE_RETENTION' });
  } else {
    const page = await log.read({ after: Number(outcome), filter: filter(topic), maxEvents: 1, maxBytes: 1 });
    expect(page.events[0]?.sequence, `${topic} at ${sequence}`).toBe(wanted?.sequence);
  }
}

async function compareTopics(log: EventLog, model: Model): Promise<void> {
  const text = randomFilter(model);
  const found = [];
  for (let after = ''; ; ) {
    const page = await log.topics({ filter: filter(text), after, limit: 1 + model.random(20) });
    if (page.length === 0) break;
    found.push(...page);
    after = page.at(-1)?.topic ?? '';
  }
  const byTopic = Map.groupBy(retained(model), ({ topic }) => topic);
  const expected = [...byTopic.keys()].filter((topic) => matches(text, topic)).sort();
  expect(found.map(({ topic }) => topic)).toEqual(expected);
  for (const { topic, firstSequence, lastSequence, events } of found) {
    const list = byTopic.get(topic) ?? [];
    expect([firstSequence, lastSequence, events], topic).toEqual([
      list[0]?.sequence,
      list.at(-1)?.sequence,
      list.length,
    ]);
  }
}

test.each([
  ['few topics', false, 0],
  ['many topics', true, 0],
  ['few topics with 5 events each', false, 5],
  ['many topics with 3 events each', true, 3],
])(`%s: the log answers what a list would (seed ${SEED})`, { timeout: 300_000 }, async (title, many, keptPerTopic) => {
  const random = randomFrom(SEED + title.length);
  const model: Model = { random, topicNames: topicsFor(random, many), all: [], keptPerTopic };
  const settings = logSettings(await logFolder(), { retentionEventsPerTopic: keptPerTopic });
  let log = await openLog(settings);
  for (let round = 0; round < ROUNDS; round++) {
    await appendSome(log, model);
    for (let i = 0; i < 4; i++) await compareRead(log, model);
    await compareLast(log, model);
    await comparePositions(log, model);
    await compareTopics(log, model);
    if (random(15) > 0) continue;
    await log.close();
    log = await openLog(settings);
    expect(log.end).toBe(model.all.length);
  }
  await log.close();
});

/** Uniform below a bound, the same for the same seed. */
function randomFrom(seed: number): Random {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}
