import { expect, test } from 'vitest';
import { StreamPosition } from './stream-position.ts';
import { type StartPosition, toSubscribeRequest } from './subscribe-request.ts';

const EPOCH = Buffer.alloc(8, 7);

function cursorAt(offset: number, epoch = EPOCH): Buffer {
  const cursor = Buffer.alloc(16);
  epoch.copy(cursor);
  cursor.writeBigUInt64BE(BigInt(offset), 8);
  return cursor;
}

function eventAt(offset: number, { topic = 'a', sequence = offset, cursor = cursorAt(offset) } = {}) {
  return { topic, sequence_id: sequence, cursor };
}

function positionFrom(from: StartPosition, durable?: string): StreamPosition {
  return new StreamPosition(toSubscribeRequest('a:*', { from, durable, ack: 'none' }));
}

const START = { new: 0, earliest: 1, lastPerTopic: 2, sequence: 3, cursor: 4, time: 5 };

test.each([
  ['new', 'new', { start: START.new }],
  ['earliest', 'earliest', { start: START.earliest }],
  ['a sequence', { sequence: 7 }, { start: START.sequence, start_sequence: 7 }],
  ['a time', { timeMs: 7 }, { start: START.time, start_time_ms: 7 }],
  ['a cursor', { cursor: cursorAt(7) }, { start: START.cursor, start_cursor: cursorAt(7) }],
] satisfies [string, StartPosition, object][])(
  'from %s: the first streams begin there, later ones after the last event',
  (_title, from, fields) => {
    const position = positionFrom(from);
    expect(position.request()).toMatchObject(fields);
    position.restart();
    expect(position.request()).toMatchObject(fields);
    expect(position.accept(eventAt(10))).toBe(true);
    const { start_sequence, start_time_ms, ...request } = position.request();
    expect(request).toMatchObject({ start: START.cursor, start_cursor: cursorAt(10) });
    expect([start_sequence, start_time_ms]).toEqual([undefined, undefined]);
  },
);

test('an event that was there already is not one', () => {
  const position = positionFrom('new');
  expect([5, 7, 6, 7, 8].map((offset) => position.accept(eventAt(offset)))).toEqual([true, true, false, false, true]);
});

test('a heartbeat moves the place, and never back', () => {
  const position = positionFrom('new');
  position.arrive(cursorAt(9));
  position.arrive(cursorAt(4));
  position.skipTo(cursorAt(8));
  expect(position.request()).toMatchObject({ start_cursor: cursorAt(9) });
  expect(position.accept(eventAt(9))).toBe(false);
});

test('of another log nothing is a double', () => {
  const position = positionFrom('new');
  position.accept(eventAt(9));
  expect(position.accept(eventAt(3, { cursor: cursorAt(3, Buffer.alloc(8, 8)) }))).toBe(true);
});

test('a durable subscription keeps its start: the bus knows where it stands', () => {
  const position = positionFrom({ timeMs: 7 }, 'billing');
  position.accept(eventAt(9));
  expect(position.request()).toMatchObject({ start: START.time, start_time_ms: 7 });
  expect(position.accept(eventAt(9))).toBe(false);
});

test('the last events of topics share a cursor: a break before the end begins with them anew, without doubles', () => {
  const position = positionFrom('last-per-topic');
  const end = cursorAt(50);
  expect(position.accept(eventAt(10, { topic: 'a', sequence: 3, cursor: end }))).toBe(true);
  expect(position.accept(eventAt(20, { topic: 'b', sequence: 5, cursor: end }))).toBe(true);
  expect([position.isInPhase, position.request().start]).toEqual([true, START.lastPerTopic]);
  position.restart();
  const later = cursorAt(60);
  expect(position.accept(eventAt(10, { topic: 'a', sequence: 3, cursor: later }))).toBe(false);
  expect(position.accept(eventAt(55, { topic: 'b', sequence: 6, cursor: later }))).toBe(true);
  expect(position.accept(eventAt(30, { topic: 'c', sequence: 1, cursor: later }))).toBe(true);
  expect(position.accept(eventAt(61, { topic: 'a', sequence: 4 }))).toBe(true);
  expect(position.isInPhase).toBe(false);
  expect(position.request()).toMatchObject({ start: START.cursor, start_cursor: cursorAt(61) });
});

test('a heartbeat ends the phase of last events', () => {
  const position = positionFrom('last-per-topic');
  position.skipTo(cursorAt(3));
  expect(position.isInPhase).toBe(true);
  position.arrive(cursorAt(50));
  expect(position.request()).toMatchObject({ start: START.cursor, start_cursor: cursorAt(50) });
});
