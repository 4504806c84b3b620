import type { IEvent, IWatchResponse } from 'etcd3';
import { expect, test } from 'vitest';
import { CompactedError } from '../store.ts';
import { WatchCanceledError, WatchCursor } from './watch-cursor.ts';

function event(key: string, revision: number, type: 'PUT' | 'DELETE' = 'PUT'): IEvent {
  const kv = {
    key: Buffer.from(key),
    value: Buffer.from('v'),
    create_revision: '1',
    mod_revision: String(revision),
    version: '1',
    lease: '0',
  };
  return { type, kv } as unknown as IEvent;
}

function answer(events: IEvent[], rest: Partial<IWatchResponse> & { revision?: number; cluster?: string } = {}) {
  const { revision = 1_000, cluster = '7', ...fields } = rest;
  return {
    header: { cluster_id: cluster, member_id: '1', revision: String(revision), raft_term: '1' },
    watch_id: '0',
    created: false,
    canceled: false,
    compact_revision: '0',
    cancel_reason: '',
    fragment: false,
    events,
    ...fields,
  } satisfies IWatchResponse;
}

/** "key@revision" of what was delivered. */
function lines(cursor: WatchCursor, response: IWatchResponse): string[] | undefined {
  return cursor
    .accept(response)
    ?.events.map((e) => (e.kind === 'put' ? `${e.entry.key}@${e.entry.modRevision}` : `-${e.key}@${e.modRevision}`));
}

test('the revision in the header of a replay does not move the cursor, only events do', () => {
  const cursor = new WatchCursor(11);
  expect(cursor.accept(answer([], { created: true, revision: 900 }))).toEqual({ events: [], revision: 10 });
  expect(cursor.delivered).toBe(10);
  expect(lines(cursor, answer([event('/a', 11), event('/b', 12, 'DELETE')], { revision: 900 }))).toEqual([
    '/a@11',
    '-/b@12',
  ]);
  expect(cursor.delivered).toBe(12);
});

test('a new stream asks for the last delivered revision again, and what comes twice is dropped', () => {
  const cursor = new WatchCursor(11);
  lines(cursor, answer([event('/a', 11), event('/b', 11), event('/c', 12)]));
  expect(cursor.begin()).toBe(12);
  cursor.accept(answer([], { created: true }));
  expect(lines(cursor, answer([event('/c', 12), event('/d', 13)]))).toEqual(['/d@13']);
  expect(lines(cursor, answer([event('/a', 11), event('/b', 11)]))).toBeUndefined();
});

test('a first watch asks for no revision below 1, which would mean "from now on"', () => {
  expect(new WatchCursor(1).begin()).toBe(1);
  expect(new WatchCursor(2).begin()).toBe(1);
  expect(new WatchCursor(9).begin()).toBe(8);
});

test('an answer without events moves the cursor, because etcd sends it only to a watch that has caught up', () => {
  const cursor = new WatchCursor(11);
  expect(cursor.accept(answer([], { revision: 40 }))).toEqual({ events: [], revision: 40 });
  expect(cursor.accept(answer([], { revision: 39 }))).toEqual({ events: [], revision: 40 });
});

test('a revision that ends in the middle of a fragment is held until it is complete', () => {
  const cursor = new WatchCursor(1);
  expect(lines(cursor, answer([event('/a', 1), event('/b', 2)], { fragment: true }))).toEqual(['/a@1']);
  expect(cursor.delivered).toBe(1);
  expect(lines(cursor, answer([event('/c', 2)], { fragment: true }))).toBeUndefined();
  expect(lines(cursor, answer([event('/d', 2), event('/e', 3)]))).toEqual(['/b@2', '/c@2', '/d@2', '/e@3']);
  expect(cursor.delivered).toBe(3);
});

test('half a revision from a broken stream is forgotten and comes whole from the next', () => {
  const cursor = new WatchCursor(1);
  lines(cursor, answer([event('/a', 1), event('/b', 2)], { fragment: true }));
  expect(cursor.begin()).toBe(1);
  expect(lines(cursor, answer([event('/a', 1), event('/b', 2), event('/c', 2)]))).toEqual(['/b@2', '/c@2']);
});

test('compaction, also of the revision asked for, ends the watch with CompactedError', () => {
  const compacted = answer([], { canceled: true, compact_revision: '20' });
  expect(() => new WatchCursor(11).accept(compacted)).toThrow(CompactedError);
});

test('any other end is not taken for compaction', () => {
  const denied = answer([], { created: true, canceled: true, cancel_reason: 'permission denied' });
  expect(() => new WatchCursor(11).accept(denied)).toThrow(WatchCanceledError);
});

test('another cluster behind the same address is like compaction: nothing continues', () => {
  const cursor = new WatchCursor(11);
  cursor.accept(answer([], { created: true, cluster: '7' }));
  cursor.begin();
  expect(() => cursor.accept(answer([], { created: true, cluster: '8' }))).toThrow(CompactedError);
});
