import { expect, test } from 'vitest';
import { compilePattern, matches, type Pattern } from '#lib/capability/pattern.ts';
import type { StoredEvent } from '../log/event-log.ts';
import { Tail } from './tail.ts';

const LIMITS = { maxEvents: 256, maxBytes: 1024 * 1024 };

function createTail(maxBytes = 1024 * 1024) {
  return new Tail({ maxBytes, end: 0, encode: (event) => Buffer.from(`${event.topic}#${event.offset}`) });
}

function event(offset: number, topic: string): StoredEvent {
  const none = { publisher: '', eventId: '', contentType: '', attributes: {}, payload: Buffer.alloc(0) };
  return { offset, topic, sequence: offset, previous: 0, publishedAtMs: 0, ...none };
}

function filterOf(text: string): Pattern {
  return compilePattern(text) as Pattern;
}

function offsetsOf(page: { entries: readonly { offset: number }[] } | undefined): number[] | undefined {
  return page?.entries.map(({ offset }) => offset);
}

test('a feed gets what matches it, and its listeners hear of nothing else', () => {
  const tail = createTail();
  const feed = tail.open(filterOf('a:*'));
  let woken = 0;
  feed.listeners.add(() => {
    woken += 1;
  });
  tail.append([event(1, 'a:x'), event(2, 'b:x'), event(3, 'a:y:z')]);
  tail.append([event(4, 'b:x')]);
  expect(offsetsOf(tail.take(feed, 0, LIMITS))).toEqual([1, 3]);
  expect(tail.take(feed, 3, LIMITS)).toEqual({ entries: [], upTo: 4, missed: 0 });
  expect(woken).toBe(1);
});

test('a feed that came later finds what was there before', () => {
  const tail = createTail();
  tail.append([event(1, 'a'), event(2, 'b'), event(3, 'a')]);
  const feed = tail.open(filterOf('a'));
  tail.append([event(4, 'a')]);
  expect(offsetsOf(tail.take(feed, 0, LIMITS))).toEqual([1, 3, 4]);
  expect(offsetsOf(tail.take(feed, 1, { ...LIMITS, maxEvents: 1 }))).toEqual([3]);
});

test('limits of events and bytes end a page where the next begins; one event is given however large', () => {
  const tail = createTail();
  const feed = tail.open(filterOf('a'));
  tail.append([event(1, 'a'), event(2, 'a'), event(3, 'a')]);
  expect(tail.take(feed, 0, { ...LIMITS, maxEvents: 2 })).toMatchObject({ upTo: 2, entries: [{}, {}] });
  expect(tail.take(feed, 0, { ...LIMITS, maxBytes: 1 })).toMatchObject({ upTo: 1, entries: [{}] });
});

test('what was evicted is asked of the log, and no feed holds it', () => {
  const tail = createTail(2_000);
  const feed = tail.open(filterOf('*'));
  tail.append(Array.from({ length: 20 }, (_, i) => event(i + 1, `t:${i}`)));
  expect(tail.start).toBeGreaterThan(0);
  expect(tail.bytes).toBeLessThanOrEqual(2_000);
  expect(tail.take(feed, 0, LIMITS)).toBeUndefined();
  expect(offsetsOf(tail.take(feed, tail.start, LIMITS))).toEqual(
    Array.from({ length: 20 - tail.start }, (_, i) => tail.start + 1 + i),
  );
  expect(tail.find(tail.start)).toBeUndefined();
  expect(tail.find(20)?.offset).toBe(20);
});

test('random topics, filters and cursors agree with looking at every event', () => {
  const segments = ['a', 'b', 'c'];
  let seed = 7;
  const draw = (below: number) => {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    return seed % below;
  };
  const tail = createTail(40_000);
  const filters = ['a:*', '*:b', 'a', '*', 'a:b:c', '*:*:c', 'b:*'].map(filterOf);
  const feeds = filters.slice(0, 4).map((filter) => tail.open(filter));
  const all: StoredEvent[] = [];
  for (let round = 0; round < 400; round++) {
    const batch = Array.from({ length: 1 + draw(12) }, () => {
      const topic = Array.from({ length: 1 + draw(3) }, () => segments[draw(3)]).join(':');
      const one = event(all.length + 1, topic);
      all.push(one);
      return one;
    });
    tail.append(batch);
    const late = filters[4 + draw(3)] as Pattern;
    feeds.push(tail.open(late));
    const feed = feeds[draw(feeds.length)] as (typeof feeds)[number];
    const after = tail.start + draw(all.length - tail.start + 1);
    const page = tail.take(feed, after, { maxEvents: 1 + draw(20), maxBytes: 1e9 });
    const wanted = all.filter(
      (one) => one.offset > after && one.offset <= (page?.upTo ?? 0) && matches(feed.filter, one.topic),
    );
    expect(offsetsOf(page)).toEqual(wanted.map(({ offset }) => offset));
    expect(page?.upTo).toBeGreaterThanOrEqual(after);
    if (feeds.length > 30) tail.release(feeds.splice(4 + draw(20), 1)[0] as (typeof feeds)[number]);
  }
});

test('what retention removed is not handed out, and counted as missed', () => {
  const tail = createTail();
  const early = tail.open(filterOf('a'));
  tail.append([event(1, 'a'), event(2, 'b'), event(3, 'a'), event(4, 'a')]);
  const late = tail.open(filterOf('*'));
  tail.remove([{ topic: 'a', upTo: 3 }]);
  expect(tail.take(early, 0, LIMITS)).toMatchObject({ missed: 2, entries: [{ offset: 4 }] });
  expect(tail.take(late, 0, LIMITS)).toMatchObject({ missed: 2, entries: [{ offset: 2 }, { offset: 4 }] });
  expect(tail.find(3)).toBeUndefined();
  tail.remove([{ topic: undefined, upTo: 3 }]);
  expect(tail.start).toBe(3);
  expect(tail.take(early, 0, LIMITS)).toBeUndefined();
  expect(tail.take(early, 3, LIMITS)).toMatchObject({ missed: 0, entries: [{ offset: 4 }] });
});
