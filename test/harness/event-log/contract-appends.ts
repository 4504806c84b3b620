/** What appends promise. */
import { expect } from 'vitest';
import type { EventLog, StoredEvent } from '../../../services/event-bus/log/event-log.ts';
import { appendAll, event, named, readAll } from './events.ts';

const reused = expect.objectContaining({ reason: 'EVENT_ID_REUSED' });
const mismatch = (last: number) =>
  expect.objectContaining({ reason: 'SEQUENCE_MISMATCH', metadata: { last_sequence: String(last) } });

export const appendTests: Readonly<Record<string, (log: EventLog) => Promise<void>>> = {
  async 'sequences count in each topic, offsets rise along the log'(log) {
    const appended = await appendAll(log, ['a:b', 'a:c', 'a:b', 'x', 'a:b']);
    expect(appended.map(({ sequence }) => sequence)).toEqual([1, 1, 2, 1, 3]);
    expect(appended.map(({ isNewTopic }) => isNewTopic)).toEqual([true, true, false, true, false]);
    const offsets = appended.map(({ offset }) => offset);
    expect(offsets).toEqual([...offsets].sort((a, b) => a - b));
    expect(new Set(offsets).size).toBe(5);
    expect(log.end).toBe(offsets.at(-1));
  },

  async 'appends of one topic take effect in the order of their calls'(log) {
    const payloads = Array.from({ length: 500 }, (_, i) => `${i}`);
    await Promise.all(payloads.map((payload) => log.append(event('a:b', { payload: Buffer.from(payload) }))));
    const { events } = await readAll(log, 'a:b');
    expect(events.map(({ payload }) => Buffer.from(payload).toString())).toEqual(payloads);
  },

  async 'an event comes back as it was appended, with its place'(log) {
    const sent = event('a:b', {
      payload: Buffer.from([0, 255, 1, 254]),
      contentType: 'application/x-ü',
      attributes: { 'ce-id': '5', name: 'Žluťoučký "kůň"\\', empty: '' },
      eventId: 'id/5',
      publisher: 'user:ž',
    });
    const before = Date.now() - 1_000;
    await log.append(event('a:b'));
    const { offset, sequence } = await log.append(sent);
    const stored = (await readAll(log, 'a:b')).events[1] as StoredEvent;
    const { payload, publishedAtMs, ...rest } = stored;
    expect(Buffer.from(payload)).toEqual(sent.payload);
    expect(publishedAtMs).toBeGreaterThan(before);
    const { topic, contentType, attributes, eventId, publisher } = sent;
    expect(rest).toEqual({ offset, sequence, topic, previous: 1, contentType, attributes, eventId, publisher });
  },

  async 'an empty payload and one of 256 KiB come back'(log) {
    const large = Buffer.alloc(256 * 1024, 'x');
    await log.append(event('a', { payload: Buffer.alloc(0), contentType: '', publisher: '' }));
    await log.append(event('a', { payload: large }));
    const { events } = await readAll(log, 'a');
    expect(events.map(({ payload }) => payload.length)).toEqual([0, large.length]);
    expect(large.equals(events[1]?.payload ?? Buffer.alloc(0))).toBe(true);
  },

  async 'an id that was used with the same event is a duplicate, with the first place'(log) {
    const sent = event('a:b', { eventId: '1', attributes: { x: '1', y: '2' } });
    const first = await log.append(sent);
    await log.append(event('a:b'));
    const again = { offset: first.offset, sequence: first.sequence, duplicate: true, isNewTopic: false };
    expect(await log.append(sent)).toEqual(again);
    expect(await log.append({ ...sent, attributes: { y: '2', x: '1' } })).toEqual(again);
    expect(await log.append({ ...sent, publisher: 'another name of the same' })).toEqual(again);
    expect((await readAll(log, '*')).events).toHaveLength(2);
  },

  async 'an id that is twice in one group is one event'(log) {
    const sent = event('a:b', { eventId: '1' });
    const appended = await Promise.all([log.append(sent), log.append(sent), log.append(sent)]);
    expect(appended.map(({ duplicate }) => duplicate)).toEqual([false, true, true]);
    expect(new Set(appended.map(({ offset }) => offset)).size).toBe(1);
  },

  async 'an id with another payload, content type or attributes is refused'(log) {
    const sent = event('a:b', { eventId: '1' });
    await log.append(sent);
    await expect(log.append({ ...sent, payload: Buffer.from('other') })).rejects.toEqual(reused);
    await expect(log.append({ ...sent, contentType: 'text/html' })).rejects.toEqual(reused);
    await expect(log.append({ ...sent, attributes: { a: 'b' } })).rejects.toEqual(reused);
    expect((await readAll(log, '*')).events).toHaveLength(1);
  },

  async 'ids belong to a publisher and a topic'(log) {
    await log.append(event('a:b', { eventId: '1' }));
    const other = await log.append(event('a:b', { eventId: '1', publisherKey: 'another', payload: Buffer.from('x') }));
    const elsewhere = await log.append(event('a:c', { eventId: '1', payload: Buffer.from('y') }));
    expect([other.duplicate, elsewhere.duplicate]).toEqual([false, false]);
  },

  async 'who asks only for a duplicate appends nothing'(log) {
    const sent = event('a:b', { eventId: '1' });
    expect(await log.append({ ...sent, duplicateOnly: true })).toBeUndefined();
    const first = await log.append(sent);
    expect(await log.append({ ...sent, duplicateOnly: true })).toMatchObject({
      sequence: first.sequence,
      duplicate: true,
    });
    expect(named((await readAll(log, '*')).events)).toEqual(['a:b#1']);
  },

  async 'an expectation holds or is refused with the last sequence, and a retry of it is a duplicate'(log) {
    await log.append(event('a:b', { expectedLastSequence: 0 }));
    const sent = event('a:b', { eventId: '2', expectedLastSequence: 1 });
    await log.append(sent);
    expect(await log.append(sent)).toMatchObject({ sequence: 2, duplicate: true });
    await expect(log.append(event('a:b', { expectedLastSequence: 1 }))).rejects.toEqual(mismatch(2));
    await expect(log.append(event('a:b', { expectedLastSequence: 0 }))).rejects.toEqual(mismatch(2));
    await expect(log.append(event('new', { expectedLastSequence: 3 }))).rejects.toEqual(mismatch(0));
    expect(named((await readAll(log, '*')).events)).toEqual(['a:b#1', 'a:b#2']);
  },

  async 'of appends with the same expectation one wins'(log) {
    const attempts = Array.from({ length: 20 }, () => log.append(event('a:b', { expectedLastSequence: 0 })));
    const outcomes = await Promise.allSettled(attempts);
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect((await readAll(log, 'a:b')).events).toHaveLength(1);
  },

  async 'a refused append uses up no number and takes nothing else with it'(log) {
    const outcomes = await Promise.allSettled([
      log.append(event('a:b')),
      log.append(event('a:b', { expectedLastSequence: 7 })),
      log.append(event('a:b')),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    const { events } = await readAll(log, 'a:b');
    expect(events.map(({ sequence, previous }) => [sequence, previous])).toEqual([
      [1, 0],
      [2, 1],
    ]);
  },

  async 'followers hear of every event in order, before its append resolves'(log) {
    const told: StoredEvent[] = [];
    await log.append(event('before'));
    log.follow((events) => told.push(...events));
    const checked = Array.from({ length: 300 }, async (_, i) => {
      const { offset } = await log.append(event(`a:${i % 7}`, { eventId: `${i % 250}` }));
      expect(log.end).toBeGreaterThanOrEqual(offset);
      expect(told.some((one) => one.offset === offset)).toBe(true);
    });
    await Promise.all(checked);
    const offsets = told.map(({ offset }) => offset);
    expect(offsets).toEqual([...new Set(offsets)].sort((a, b) => a - b));
    const { events } = await readAll(log, 'a:*');
    expect(named(told)).toEqual(named(events));
    const plain = (list: readonly StoredEvent[]) => list.map((one) => ({ ...one, payload: [...one.payload] }));
    expect(plain(told)).toEqual(plain(events));
  },

  async 'times of events never fall'(log) {
    for (let i = 0; i < 20; i++) await appendAll(log, ['a', 'b']);
    const times = (await readAll(log, '*')).events.map(({ publishedAtMs }) => publishedAtMs);
    expect(times).toEqual([...times].sort((a, b) => a - b));
  },
};
