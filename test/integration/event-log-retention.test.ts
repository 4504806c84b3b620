/** What the embedded log removes, and what a reader is told of it. */
import { expect, test } from 'vitest';
import { ManualClock } from '#lib/manual-clock.ts';
import type { EventLog } from '../../services/event-bus/log/event-log.ts';
import { logFolder, logSettings, openLog } from '../harness/embedded-log.ts';
import { appendAll, event, filter, named, readAll } from '../harness/event-log/events.ts';
import { eventually } from '../harness/eventually.ts';

const START_MS = 1_700_000_000_000;
const HOUR_MS = 3_600_000;

/** Lets time pass until the log has so many events. */
async function untilEvents(log: EventLog, clock: ManualClock, count: number): Promise<void> {
  await eventually(
    async () => {
      await clock.advance(1_000);
      const topics = await log.topics({ filter: filter('*'), after: '', limit: 1_000 });
      return topics.reduce((sum, { events }) => sum + events, 0);
    },
    (events) => events === count,
    { what: `${count} events` },
  );
}

async function untilTopics(log: EventLog, clock: ManualClock, names: readonly string[]): Promise<void> {
  await eventually(
    async () => {
      await clock.advance(1_000);
      return (await log.topics({ filter: filter('*'), after: '', limit: 1_000 })).map(({ topic }) => topic);
    },
    (found) => found.join() === names.join(),
    { what: `the topics ${names.join()}` },
  );
}

function decode(cursor: string | undefined): { epoch: string; offset: number } {
  const bytes = Buffer.from(cursor ?? '', 'base64url');
  return { epoch: bytes.subarray(0, 8).toString('hex'), offset: Number(bytes.readBigUInt64BE(8)) };
}

test('events go by age, and who asks for what is gone is told where to go on', async () => {
  const clock = new ManualClock(START_MS);
  const log = await openLog(logSettings(await logFolder(), { retentionMs: HOUR_MS }), { clock });
  await appendAll(log, ['a', 'b', 'a']);
  clock.jump(HOUR_MS - 2_000);
  await appendAll(log, ['a', 'c']);
  clock.jump(3_000);
  await untilEvents(log, clock, 2);
  expect(named((await readAll(log, '*', 3)).events)).toEqual(['a#4', 'c#1'].map((name) => name.replace('#4', '#3')));
  const refusal = await log.locate({ kind: 'offset', after: 0 }, filter('a')).catch((error: unknown) => error);
  expect(refusal).toMatchObject({ reason: 'BEFORE_RETENTION', metadata: { earliest_sequence: '3' } });
  const { earliest_cursor: cursor } = (refusal as { metadata: Record<string, string> }).metadata;
  const { epoch, offset } = decode(cursor);
  expect(epoch).toBe(log.epoch.toString('hex'));
  expect(await log.locate({ kind: 'offset', after: offset }, filter('a'))).toBe(offset);
  expect(named((await readAll(log, 'a', offset)).events)).toEqual(['a#3']);
});

test('only removed events that match count: another filter goes on from the same point', async () => {
  const clock = new ManualClock(START_MS);
  const log = await openLog(logSettings(await logFolder(), { retentionMs: HOUR_MS }), { clock });
  await appendAll(log, ['a', 'a']);
  clock.jump(HOUR_MS - 1_000);
  await appendAll(log, ['b', 'a']);
  clock.jump(2_000);
  await untilEvents(log, clock, 2);
  expect(await log.locate({ kind: 'offset', after: 0 }, filter('b'))).toBe(0);
  const before = expect.objectContaining({ reason: 'BEFORE_RETENTION' });
  await expect(log.locate({ kind: 'offset', after: 1 }, filter('a'))).rejects.toEqual(before);
  await expect(log.locate({ kind: 'offset', after: 1 }, filter('*'))).rejects.toEqual(before);
  await expect(log.locate({ kind: 'sequence', topic: 'a', sequence: 2 }, filter('a'))).rejects.toEqual(before);
  expect(await log.locate({ kind: 'offset', after: 2 }, filter('a'))).toBe(2);
  expect(await log.locate({ kind: 'sequence', topic: 'a', sequence: 3 }, filter('a'))).toBe(3);
  await expect(log.locate({ kind: 'time', ms: START_MS }, filter('a'))).rejects.toEqual(before);
  expect(await log.locate({ kind: 'time', ms: START_MS + 1 }, filter('a'))).toBe(2);
  expect(await log.locate({ kind: 'time', ms: START_MS }, filter('b'))).toBeLessThan(3);
});

test('a reader that is overtaken by retention learns it once', async () => {
  const clock = new ManualClock(START_MS);
  const log = await openLog(logSettings(await logFolder(), { retentionMs: HOUR_MS }), { clock });
  await appendAll(log, ['a', 'a', 'a']);
  clock.jump(HOUR_MS - 1_000);
  await appendAll(log, ['a', 'a', 'b']);
  clock.jump(2_000);
  await untilEvents(log, clock, 3);
  const { events, pages } = await readAll(log, 'a', 1, { maxEvents: 1 });
  expect(named(events)).toEqual(['a#4', 'a#5']);
  expect(events[0]?.previous).toBe(3);
  expect(pages.map(({ missed }) => missed > 0)).toEqual([true, ...pages.slice(1).map(() => false)]);
  expect((await readAll(log, 'b', 0)).missed).toBe(0);
});

test('the oldest events go when the log is larger than it may be', async () => {
  const log = await openLog(logSettings(await logFolder(), { retentionBytes: 1024 * 1024 }));
  const payload = Buffer.alloc(10_000);
  for (let i = 0; i < 300; i++) await log.append(event(`t:${i % 3}`, { payload }));
  const topics = await log.topics({ filter: filter('*'), after: '', limit: 10 });
  const bytes = topics.reduce((sum, topic) => sum + (topic.bytes ?? 0), 0);
  expect(bytes).toBeLessThanOrEqual(1024 * 1024);
  expect(bytes).toBeGreaterThan(1024 * 1024 - 11_000);
  const { events } = await readAll(log, '*', await log.locate({ kind: 'earliest' }, filter('*')));
  expect(events.at(-1)?.offset).toBe(300);
  expect(events.map(({ offset }) => offset)).toEqual(events.map((_, i) => 300 - events.length + 1 + i));
});

test('a topic keeps as many events as it may; its holes are told to who reads over them', async () => {
  const folder = await logFolder();
  const log = await openLog(logSettings(folder, { retentionEventsPerTopic: 3 }));
  await appendAll(log, ['rare', ...Array.from({ length: 10 }, () => 'often'), 'rare']);
  const { events, missed } = await readAll(log, '*', 0);
  expect(named(events)).toEqual(['rare#1', 'often#8', 'often#9', 'often#10', 'rare#2']);
  expect(missed).toBe(1);
  // The earliest event is the oldest one that is there, and a cursor before it is as good.
  expect(await log.locate({ kind: 'earliest' }, filter('*'))).toBe(0);
  expect(await log.locate({ kind: 'offset', after: 0 }, filter('*'))).toBe(0);
  await expect(log.locate({ kind: 'offset', after: 1 }, filter('often'))).rejects.toMatchObject({
    metadata: { earliest_sequence: '8' },
  });
  await log.close();
  const narrower = await openLog(logSettings(folder, { retentionEventsPerTopic: 1 }));
  await appendAll(narrower, ['other']);
  expect(named((await readAll(narrower, '*', 0)).events)).toEqual(['often#10', 'rare#2', 'other#1']);
});

test('a topic without an event for the retention time is forgotten, and its numbers are never used again', async () => {
  const clock = new ManualClock(START_MS);
  const folder = await logFolder();
  const settings = logSettings(folder, { retentionMs: HOUR_MS });
  const log = await openLog(settings, { clock });
  await appendAll(log, ['old', 'old', 'kept']);
  clock.jump(HOUR_MS / 2);
  await appendAll(log, ['kept', 'kept']);
  clock.jump(HOUR_MS / 2 + 1_000);
  await untilTopics(log, clock, ['kept']);
  // Its first event is gone, the topic is not: its sequence goes on.
  const [old, fresh, kept] = await appendAll(log, ['old', 'fresh', 'kept']);
  expect([old, fresh, kept].map((one) => [one?.sequence, one?.isNewTopic])).toEqual([
    [6, true],
    [7, true],
    [4, false],
  ]);
  const { events } = await readAll(log, 'old', 5);
  expect(events.map(({ sequence, previous }) => [sequence, previous])).toEqual([[6, 0]]);
  const before = expect.objectContaining({ reason: 'BEFORE_RETENTION' });
  await expect(log.locate({ kind: 'sequence', topic: 'old', sequence: 2 }, filter('old'))).rejects.toEqual(before);
  await expect(log.locate({ kind: 'offset', after: 1 }, filter('old'))).rejects.toEqual(before);
  expect((await log.append(event('old', { expectedLastSequence: 6 }))).sequence).toBe(7);
  await log.close();
  const again = await openLog(settings, { clock });
  expect((await again.append(event('young'))).sequence).toBe(10);
});

test('a log of which all was removed goes on with its numbers', async () => {
  const clock = new ManualClock(START_MS);
  const settings = logSettings(await logFolder(), { retentionMs: HOUR_MS });
  const log = await openLog(settings, { clock });
  await appendAll(log, ['a', 'a', 'b']);
  clock.jump(HOUR_MS + 1_000);
  await untilTopics(log, clock, []);
  await log.close();
  const again = await openLog(settings, { clock });
  expect(again.end).toBe(3);
  expect(await again.locate({ kind: 'earliest' }, filter('*'))).toBe(3);
  expect(await again.append(event('a'))).toMatchObject({ offset: 4, sequence: 4 });
});

test('a topic too many is refused, one that is known goes on', async () => {
  const log = await openLog(logSettings(await logFolder(), { maxTopics: 2 }));
  await appendAll(log, ['a', 'b']);
  await expect(log.append(event('c'))).rejects.toMatchObject({ reason: 'QUOTA_EXCEEDED' });
  expect((await log.append(event('a'))).sequence).toBe(2);
});

test('an id is remembered for the window, over a restart and after its event is gone', async () => {
  const clock = new ManualClock(START_MS);
  const settings = logSettings(await logFolder(), { retentionEventsPerTopic: 1 });
  const log = await openLog(settings, { clock });
  const sent = event('a', { eventId: '1' });
  const first = await log.append(sent);
  await appendAll(log, ['a', 'a']);
  const again = { offset: first.offset, sequence: 1, duplicate: true, isNewTopic: false };
  expect(await log.append(sent)).toEqual(again);
  await log.close();
  clock.jump(119_000);
  const reopened = await openLog(settings, { clock });
  expect(await reopened.append(sent)).toEqual(again);
  await clock.advance(2_000);
  expect(await reopened.append(sent)).toMatchObject({ sequence: 4, duplicate: false });
});

test('a clock that goes back makes neither times nor the dedup window shorter', async () => {
  let nowMs = START_MS;
  const clock = new ManualClock(START_MS);
  const wall = {
    nowMs: () => nowMs,
    monotonicMs: () => clock.monotonicMs(),
    sleep: (ms: number, signal?: AbortSignal) => clock.sleep(ms, signal),
  };
  const settings = logSettings(await logFolder(), { retentionMs: 10 * HOUR_MS });
  const log = await openLog(settings, { clock: wall });
  const sent = event('a', { eventId: '1' });
  await log.append(sent);
  nowMs -= HOUR_MS;
  await log.append(event('a'));
  nowMs += 2 * HOUR_MS;
  expect((await log.append(sent)).duplicate).toBe(true);
  const times = (await readAll(log, 'a')).events.map(({ publishedAtMs }) => publishedAtMs);
  expect(times).toEqual([START_MS, START_MS]);
  await log.close();
  nowMs -= 5 * HOUR_MS;
  const again = await openLog(settings, { clock: wall });
  expect((await again.append(sent)).duplicate).toBe(true);
  await clock.advance(121_000);
  expect((await again.append(sent)).duplicate).toBe(false);
});

test('durables that nobody uses for 7 days go, and parked events with them', async () => {
  const clock = new ManualClock(START_MS);
  const log = await openLog(logSettings(await logFolder(), { retentionMs: 1_000 * HOUR_MS }), { clock });
  const [first] = await appendAll(log, ['a']);
  const offset = first?.offset ?? 0;
  const make = (name: string) =>
    log.durables.create({ owner: 'o', name, filter: 'a', explicitAck: true, position: offset });
  const [used, unused] = await Promise.all([make('used'), make('unused')]);
  await log.durables.change(used.id, { parked: [{ offset, reason: 'term', attempts: 1 }] });
  clock.jump(6 * 24 * HOUR_MS);
  await log.durables.change(used.id, { position: offset });
  expect(await log.durables.parked(used.id, 0, 10)).toHaveLength(1);
  clock.jump(24 * HOUR_MS + 60_000);
  await eventually(
    async () => {
      await clock.advance(1_000);
      return (await log.durables.list('o')).map(({ name, parked }) => `${name} ${parked}`);
    },
    (list) => list.join() === 'used 0',
  );
  await log.durables.change(unused.id, { position: 0 });
  expect(await log.durables.find({ owner: 'o', name: 'unused' })).toBeUndefined();
});

test('an owner has as many durables as it may', async () => {
  const log = await openLog(logSettings(await logFolder(), { durablesPerOwner: 2 }));
  const make = (owner: string, name: string) =>
    log.durables.create({ owner, name, filter: 'a', explicitAck: true, position: 0 });
  await make('o', '1');
  await make('o', '2');
  await expect(make('o', '3')).rejects.toMatchObject({ reason: 'QUOTA_EXCEEDED' });
  await make('p', '1');
  await log.durables.delete({ owner: 'o', name: '1' });
  await make('o', '3');
});
