/**
 * The embedded log on files that were damaged while it was down: a start is refused with what is missing, or the log gives
 * what it has, tells of the rest, and never gives what nobody published. What the head does not know of yet is out of
 * reach: these files are copied once it does.
 */
import { cp, open as openFile, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { systemClock } from '#lib/clock.ts';
import { hasReason } from '#lib/errors.ts';
import { silentLogger } from '#lib/logger.ts';
import { LogFolderError } from '../../services/event-bus/log/embedded/errors.ts';
import { openEmbeddedLog } from '../../services/event-bus/log/embedded/open-log.ts';
import type { EventLog, StoredEvent } from '../../services/event-bus/log/event-log.ts';
import { logSettings } from '../harness/embedded-log.ts';
import { event, filter, readAll } from '../harness/event-log/events.ts';
import { eventually } from '../harness/eventually.ts';
import { createWorkspace } from '../harness/processes.ts';

/** Fewer in CI, where each costs some 100 ms. */
const IS_FULL = process.env.MCP2_TEST_FULL !== undefined;
const PLACES = IS_FULL ? 200 : 40;
const OTHER_PLACES = IS_FULL ? 20 : 4;
const SEED = Number(process.env.MCP2_TEST_SEED ?? Date.now() % 1_000_000);
const DATABASE = 'log.db';
const WAL = 'log.db-wal';
const TOPICS = 10;
const EVENTS = 600;

interface Image {
  readonly folder: string;
  /** By offset. */
  readonly events: ReadonlyMap<number, StoredEvent>;
}

/** As a killed process left them: half of the events in the database, half in the write-ahead log. */
let killed: Image;
/** As a process that ended in order left them. */
let ended: Image;

function openIn(folder: string): Promise<EventLog> {
  return openEmbeddedLog(logSettings(folder), { clock: systemClock, log: silentLogger });
}

beforeAll(async () => {
  const { folder } = createWorkspace('log-damage');
  const original = join(folder, 'original');
  const first = await openIn(original);
  await fill(first, 0);
  await first.close();
  const second = await openIn(original);
  await fill(second, 1);
  const head = () => readFile(join(original, 'head'), 'utf8');
  await eventually(head, (text) => text.includes(`"lastOffset":${EVENTS}`), { what: 'the head knows all' });
  const { events } = await readAll(second, '*');
  const byOffset = new Map(events.map((one) => [one.offset, one]));
  await cp(original, join(folder, 'killed'), { recursive: true });
  killed = { folder: join(folder, 'killed'), events: byOffset };
  await second.close();
  await cp(original, join(folder, 'ended'), { recursive: true });
  ended = { folder: join(folder, 'ended'), events: byOffset };
});

async function fill(log: EventLog, round: number): Promise<void> {
  for (let i = 0; i < EVENTS / 2; i++) {
    const payload = Buffer.alloc(10 + (i % 9) * 150, `${i}.`);
    await log.append(event(`topic:${i % TOPICS}`, { payload, eventId: i % 4 === 0 ? `${round}/${i}` : '' }));
  }
}

type Damage = (path: string, random: () => number) => Promise<string>;

const flipByte: Damage = async (path, random) => {
  const { size } = await stat(path);
  const at = Math.floor(random() * size);
  const mask = 1 + Math.floor(random() * 255);
  await change(path, at, 1, ([byte = 0]) => Buffer.of(byte ^ mask));
  return `byte ${at} of ${path} xor ${mask}`;
};

/** As a disk loses it. */
const blankSector: Damage = async (path, random) => {
  const { size } = await stat(path);
  const at = Math.floor((random() * size) / 512) * 512;
  await change(path, at, 512, () => Buffer.alloc(512));
  return `sector at ${at} of ${path}`;
};

const cutShort: Damage = async (path, random) => {
  const { size } = await stat(path);
  const length = Math.floor(random() * size);
  await truncate(path, length);
  return `${path} cut at ${length}`;
};

async function change(path: string, at: number, length: number, by: (bytes: Buffer) => Buffer): Promise<void> {
  await using file = await openFile(path, 'r+');
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, at);
  const changed = by(buffer).subarray(0, bytesRead);
  await file.write(changed, 0, changed.length, at);
}

const DAMAGES: [string, number, Damage, () => Image, string][] = [
  ['flipped bytes in the database of a killed process', PLACES / 4, flipByte, () => killed, DATABASE],
  ['flipped bytes in the write-ahead log of a killed process', PLACES / 4, flipByte, () => killed, WAL],
  ['flipped bytes in the database of a process that ended in order', PLACES / 2, flipByte, () => ended, DATABASE],
  ['blank sectors in the database', OTHER_PLACES, blankSector, () => ended, DATABASE],
  ['blank sectors in the write-ahead log', OTHER_PLACES, blankSector, () => killed, WAL],
  ['a database cut short', OTHER_PLACES, cutShort, () => ended, DATABASE],
  ['a write-ahead log cut short', OTHER_PLACES, cutShort, () => killed, WAL],
];

type Outcome = 'refused' | 'unavailable' | 'told' | 'whole';

test.each(DAMAGES)(`with %s nothing is lost without a word (seed ${SEED})`, { timeout: 600_000 }, async (...row) => {
  const [title, places, damage, image, file] = row;
  const random = randomFrom(SEED + title.length);
  const outcomes = new Map<Outcome, number>();
  for (let place = 0; place < places; place++) {
    const folder = join(createWorkspace('log-damaged').folder, 'log');
    await cp(image().folder, folder, { recursive: true });
    const what = await damage(join(folder, file), random);
    const outcome = await tryOut(folder, image().events, what);
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  }
  console.info(`${title}: ${JSON.stringify(Object.fromEntries(outcomes))} (MCP2_TEST_SEED=${SEED})`);
});

async function tryOut(folder: string, written: Image['events'], what: string): Promise<Outcome> {
  let log: EventLog;
  try {
    log = await openIn(folder);
  } catch (error) {
    expect(error, what).toBeInstanceOf(LogFolderError);
    expect(String(error), what).toMatch(/mcp2 bus (?:restore|accept-loss)/);
    return 'refused';
  }
  onTestFinished(() => log.close());
  try {
    const outcomes = [await readOver(log, '*', written, what)];
    for (let i = 0; i < TOPICS; i++) outcomes.push(await readOver(log, `topic:${i}`, written, what));
    outcomes.push(await appendTo(log, written, what));
    return (['unavailable', 'told'] as const).find((one) => outcomes.includes(one)) ?? 'whole';
  } finally {
    await log.close();
  }
}

async function readOver(log: EventLog, text: string, written: Image['events'], what: string): Promise<Outcome> {
  const wanted = [...written.values()].filter(({ topic }) => text === '*' || topic === text);
  try {
    const { events, missed } = await readAll(log, text);
    for (const one of events) expect(one, what).toEqual(written.get(one.offset));
    const offsets = events.map(({ offset }) => offset);
    expect(offsets, what).toEqual([...new Set(offsets)].sort((a, b) => a - b));
    if (events.length === wanted.length) return 'whole';
    expect(missed > 0 || hasVisibleHole(events), `${what}: ${events.length} of ${wanted.length} of ${text}`).toBe(true);
    return 'told';
  } catch (error) {
    if (!hasReason(error, 'STORE_UNAVAILABLE')) throw error;
    return 'unavailable';
  }
}

/** What a subscriber sees by itself. */
function hasVisibleHole(events: readonly StoredEvent[]): boolean {
  const last = new Map<string, number>();
  return events.some(({ topic, sequence, previous }) => {
    const before = last.get(topic) ?? 0;
    last.set(topic, sequence);
    return previous > before;
  });
}

/** No number is used twice. */
async function appendTo(log: EventLog, written: Image['events'], what: string): Promise<Outcome> {
  for (let i = 0; i < TOPICS; i++) {
    const topic = `topic:${i}`;
    const last = Math.max(...[...written.values()].filter((one) => one.topic === topic).map((one) => one.sequence));
    try {
      const { offset, sequence } = await log.append(event(topic));
      expect(offset, what).toBeGreaterThan(EVENTS);
      expect(sequence, `${what}: ${topic}`).toBeGreaterThan(last);
    } catch (error) {
      if (!hasReason(error, 'STORE_UNAVAILABLE')) throw error;
      return 'unavailable';
    }
  }
  return 'whole';
}

describe('a start is refused', () => {
  const copyOf = async (image: Image) => {
    const folder = join(createWorkspace('log-refused').folder, 'log');
    await cp(image.folder, folder, { recursive: true });
    return folder;
  };

  test('when the log ends before what the head says, with how many events are missing', async () => {
    const folder = await copyOf(killed);
    await truncate(join(folder, WAL), 0);
    await expect(openIn(folder)).rejects.toThrow(
      new RegExp(`lacks its last ${EVENTS / 2} events, which were acknowledged .*mcp2 bus accept-loss`),
    );
  });

  test('when the database is missing, or empty, or the head is', async () => {
    const missing = await copyOf(ended);
    await rm(join(missing, DATABASE));
    await expect(openIn(missing)).rejects.toThrow(/log\.db is missing \(it had 600 events\)/);
    const empty = await copyOf(ended);
    await truncate(join(empty, DATABASE), 0);
    await expect(openIn(empty)).rejects.toThrow(/log\.db is empty \(it had 600 events\)/);
    const headless = await copyOf(ended);
    await rm(join(headless, 'head'));
    await expect(openIn(headless)).rejects.toThrow(/head is missing/);
    const torn = await copyOf(ended);
    await writeFile(join(torn, 'head'), '{"format":1,"epo');
    await expect(openIn(torn)).rejects.toThrow(/head is damaged/);
  });

  test('when the head is of another epoch or of a newer mcp2', async () => {
    const folder = await copyOf(ended);
    const head = JSON.parse(await readFile(join(folder, 'head'), 'utf8'));
    await writeFile(join(folder, 'head'), JSON.stringify({ ...head, epoch: '0123456789abcdef' }));
    await expect(openIn(folder)).rejects.toThrow(/is not the one that its head belongs to/);
    await writeFile(join(folder, 'head'), JSON.stringify({ format: 99 }));
    await expect(openIn(folder)).rejects.toThrow(/was written by a newer mcp2 \(format 99/);
  });

  test('when files in the folder are not ours, or another process uses it', async () => {
    const { folder } = createWorkspace('log-foreign');
    await writeFile(join(folder, 'letter.txt'), 'x');
    await expect(openIn(folder)).rejects.toThrow(/holds files that do not belong to an mcp2 event log .*letter\.txt/);
    const used = await copyOf(ended);
    const log = await openIn(used);
    onTestFinished(() => log.close());
    await expect(openIn(used)).rejects.toMatchObject({ isInUse: true, message: /is in use by another mcp2 process/ });
  });
});

test('a damaged event is skipped, counted and told of once, with topic and sequence', async () => {
  const folder = join(createWorkspace('log-event').folder, 'log');
  await cp(ended.folder, folder, { recursive: true });
  const path = join(folder, DATABASE);
  const bytes = await readFile(path);
  const wanted = [...ended.events.values()].find(({ sequence, topic }) => topic === 'topic:3' && sequence === 7);
  const at = bytes.indexOf(Buffer.from(wanted?.payload ?? []).subarray(0, 8));
  bytes[at] = (bytes[at] as number) ^ 1;
  await writeFile(path, bytes);
  const lines: object[] = [];
  const log = await openEmbeddedLog(logSettings(folder), {
    clock: systemClock,
    log: { ...silentLogger, error: (fields) => lines.push(fields) },
  });
  onTestFinished(() => log.close());
  for (let i = 0; i < 3; i++) {
    const { events, missed } = await readAll(log, 'topic:3');
    expect(missed).toBe(1);
    expect(events).toHaveLength(EVENTS / TOPICS - 1);
  }
  expect(lines).toEqual([expect.objectContaining({ reason: 'EVENT_DAMAGED', topic: 'topic:3', sequence: 7 })]);
  const page = await log.readLastPerTopic({
    after: 0,
    upTo: log.end,
    filter: filter('*'),
    maxEvents: 99,
    maxBytes: 1e6,
  });
  expect(page.events).toHaveLength(TOPICS);
});

test('after an unclean end a big log is used while it is checked', async () => {
  const folder = join(createWorkspace('log-check').folder, 'log');
  await cp(killed.folder, folder, { recursive: true });
  const lines: string[] = [];
  const log = await openEmbeddedLog(logSettings(folder), {
    clock: systemClock,
    log: { ...silentLogger, info: (_fields, message) => lines.push(message) },
    backgroundCheckBytes: 1_000,
  });
  onTestFinished(() => log.close());
  await log.append(event('a'));
  await eventually(
    () => lines,
    (seen) => seen.includes('the structure of the event log is sound'),
  );
});

/** Mulberry32: uniform in [0, 1), the same for the same seed. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
