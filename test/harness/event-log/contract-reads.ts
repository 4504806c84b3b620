/** What reads, positions and the list of topics promise. */
import { expect } from 'vitest';
import type { EventLog } from '../../../services/event-bus/log/event-log.ts';
import { appendAll, event, filter, named, readAll } from './events.ts';

const inFuture = expect.objectContaining({ reason: 'START_IN_FUTURE' });

export const readTests: Readonly<Record<string, (log: EventLog) => Promise<void>>> = {
  async 'a filter gives what matches, in order, in pages of any size'(log) {
    const topics = Array.from({ length: 60 }, (_, i) => `s${i % 4}:${i % 3 === 0 ? 'low' : 'high'}:${i % 5}`);
    const appended = await appendAll(log, topics);
    const expected = (accept: (topic: string) => boolean) =>
      topics.flatMap((topic, i) => (accept(topic) ? `${topic}#${appended[i]?.sequence}` : []));
    const cases: [string, (topic: string) => boolean][] = [
      ['*', () => true],
      ['s1:*', (topic) => topic.startsWith('s1:')],
      ['*:low:*', (topic) => topic.includes(':low:')],
      ['s2:*:4', (topic) => topic.startsWith('s2:') && topic.endsWith(':4')],
      ['s0:low:0', (topic) => topic === 's0:low:0'],
      ['nothing:*', () => false],
    ];
    for (const [text, accept] of cases) {
      for (const maxEvents of [1, 7, 256]) {
        const { events, missed } = await readAll(log, text, 0, { maxEvents });
        expect(named(events), `${text} by ${maxEvents}`).toEqual(expected(accept));
        expect(missed).toBe(0);
      }
    }
  },

  async 'a page ends with its bytes, and has one event however large'(log) {
    const payload = Buffer.alloc(10_000);
    for (let i = 0; i < 6; i++) await log.append(event('a', { payload }));
    const { pages } = await readAll(log, 'a', 0, { maxBytes: 25_000 });
    expect(pages.map(({ events }) => events.length)).toEqual([2, 2, 2]);
    const single = await readAll(log, '*', 0, { maxBytes: 1 });
    expect(single.pages.map(({ events }) => events.length)).toEqual([1, 1, 1, 1, 1, 1]);
  },

  async 'a read at the end of the log gives nothing, and one of what matches nothing comes to the end'(log) {
    await appendAll(log, ['a', 'b']);
    const request = { after: log.end, filter: filter('*'), maxEvents: 256, maxBytes: 1_000 };
    expect(await log.read(request)).toEqual({ events: [], upTo: log.end, missed: 0 });
    expect(await log.read({ ...request, after: 0, filter: filter('c') })).toEqual({
      events: [],
      upTo: log.end,
      missed: 0,
    });
  },

  async 'the last event of each topic comes in the order of the log, in pages'(log) {
    const topics = Array.from({ length: 50 }, (_, i) => `t:${(i * 7) % 20}`);
    const appended = await appendAll(log, topics);
    const last = new Map(topics.map((topic, i) => [topic, `${topic}#${appended[i]?.sequence}`]));
    const upTo = log.end;
    await appendAll(log, ['t:1', 't:30']);
    const found: string[] = [];
    for (let after = 0; after < upTo; ) {
      const page = await log.readLastPerTopic({ after, upTo, filter: filter('t:*'), maxEvents: 6, maxBytes: 1e6 });
      found.push(...named(page.events));
      after = page.upTo;
    }
    const inOrder = topics.flatMap((topic, i) => {
      const name = `${topic}#${appended[i]?.sequence}`;
      return last.get(topic) === name ? [name] : [];
    });
    expect(found).toEqual(inOrder);
  },

  async 'a new start is the end, the earliest is before the first event that matches'(log) {
    expect(await log.locate({ kind: 'earliest' }, filter('*'))).toBe(0);
    const [first, second] = await appendAll(log, ['a', 'b', 'a']);
    expect(await log.locate({ kind: 'new' }, filter('*'))).toBe(log.end);
    const from = async (text: string) => log.locate({ kind: 'earliest' }, filter(text));
    expect(named((await readAll(log, 'b', await from('b'))).events)).toEqual(['b#1']);
    expect(await from('a')).toBeLessThan(first?.offset ?? 0);
    expect(await from('b')).toBeLessThan(second?.offset ?? 0);
    expect(await from('c')).toBe(log.end);
  },

  async 'a start at a sequence gives that event or the next one'(log) {
    await appendAll(log, ['a', 'b', 'a', 'b', 'a']);
    const from = async (sequence: number) => {
      const after = await log.locate({ kind: 'sequence', topic: 'a', sequence }, filter('a'));
      return named((await readAll(log, 'a', after)).events);
    };
    expect(await from(0)).toEqual(['a#1', 'a#2', 'a#3']);
    expect(await from(1)).toEqual(['a#1', 'a#2', 'a#3']);
    expect(await from(2)).toEqual(['a#2', 'a#3']);
    expect(await from(3)).toEqual(['a#3']);
    expect(await from(4)).toEqual([]);
    await expect(log.locate({ kind: 'sequence', topic: 'a', sequence: 5 }, filter('a'))).rejects.toEqual(inFuture);
    await expect(log.locate({ kind: 'sequence', topic: 'no', sequence: 2 }, filter('no'))).rejects.toEqual(inFuture);
    expect(await log.locate({ kind: 'sequence', topic: 'no', sequence: 1 }, filter('no'))).toBe(log.end);
  },

  async 'a start at an offset is that offset, unless it is behind the end'(log) {
    await appendAll(log, ['a', 'b', 'a']);
    for (const after of [0, 1, log.end]) {
      expect(await log.locate({ kind: 'offset', after }, filter('*'))).toBe(after);
    }
    await expect(log.locate({ kind: 'offset', after: log.end + 1 }, filter('*'))).rejects.toEqual(inFuture);
  },

  async 'a start at a time gives what was published then or later'(log) {
    await appendAll(log, ['a']);
    await waitForNextMs();
    await appendAll(log, ['a', 'a']);
    await waitForNextMs();
    await appendAll(log, ['a']);
    const { events } = await readAll(log, 'a');
    const from = async (ms: number) => {
      const after = await log.locate({ kind: 'time', ms }, filter('a'));
      return (await readAll(log, 'a', after)).events.map(({ sequence }) => sequence);
    };
    const at = (i: number) => events[i]?.publishedAtMs ?? 0;
    expect(await from(0)).toEqual([1, 2, 3, 4]);
    expect(await from(at(0))).toEqual([1, 2, 3, 4]);
    expect((await from(at(0) + 1))[0]).toBe(2);
    expect((await from(at(3)))[0]).toBe(4);
    expect(await from(at(3) + 1)).toEqual([]);
    await expect(log.locate({ kind: 'time', ms: Date.now() + 5_000 }, filter('a'))).rejects.toEqual(inFuture);
  },

  async 'topics come by name, a page at a time, with what they hold'(log) {
    await appendAll(log, ['b:2', 'b:10', 'a', 'b:2', 'c:x:y', 'b:2:z']);
    const page = async (text: string, after: string, limit: number) =>
      (await log.topics({ filter: filter(text), after, limit })).map(({ topic }) => topic);
    expect(await page('*', '', 10)).toEqual(['a', 'b:10', 'b:2', 'b:2:z', 'c:x:y']);
    expect(await page('*', '', 2)).toEqual(['a', 'b:10']);
    expect(await page('*', 'b:10', 2)).toEqual(['b:2', 'b:2:z']);
    expect(await page('b:*', '', 10)).toEqual(['b:10', 'b:2', 'b:2:z']);
    expect(await page('b:2', '', 10)).toEqual(['b:2']);
    expect(await page('b:2', 'b:2', 10)).toEqual([]);
    expect(await page('*:x:*', '', 10)).toEqual(['c:x:y']);
    const [state] = await log.topics({ filter: filter('b:2'), after: '', limit: 10 });
    expect(state).toMatchObject({ topic: 'b:2', firstSequence: 1, lastSequence: 2, events: 2 });
    expect(state?.bytes ?? 201).toBeGreaterThan(200);
    expect(state?.lastPublishedAtMs).toBe((await readAll(log, 'b:2')).events[1]?.publishedAtMs);
  },

  async 'a reader that runs beside publishers gets everything once'(log) {
    const publishing = Promise.all(
      Array.from({ length: 8 }, async (_, i) => {
        for (let n = 0; n < 60; n++) await log.append(event(`p:${i}`));
      }),
    );
    const found: string[] = [];
    let after = 0;
    let isDone = false;
    const reading = (async () => {
      while (!isDone || after < log.end) {
        const page = await log.read({ after, filter: filter('p:*'), maxEvents: 37, maxBytes: 1e6 });
        found.push(...named(page.events));
        after = page.upTo;
        if (page.events.length === 0) await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    await publishing;
    isDone = true;
    await reading;
    expect(found).toEqual(named((await readAll(log, '*')).events));
    expect(found).toHaveLength(480);
  },
};

async function waitForNextMs(): Promise<void> {
  const before = Date.now();
  while (Date.now() <= before + 1) await new Promise((resolve) => setTimeout(resolve, 1));
}
