import { expect, test } from 'vitest';
import { eventJson, formatEvent, formatTimedEvent, type ShownEvent } from './event-text.ts';

const EVENT: ShownEvent = {
  topic: 'orders:new',
  payload: Buffer.from('{"order": 7}'),
  sequence: 17,
  previousSequence: 16,
  cursor: Buffer.from('0123456789abcdef'),
  id: '',
  publishedAtMs: Date.parse('2026-01-31T12:00:00.123Z'),
  publisher: 'default.developer',
  contentType: '',
  attributes: {},
  attempt: 0,
};

test('a line has topic, sequence and payload, and behind them what is unusual', () => {
  expect(formatEvent(EVENT)).toBe('orders:new   17   {"order": 7}');
  expect(formatEvent({ ...EVENT, attributes: { a: '1', b: '2' }, attempt: 3 })).toBe(
    'orders:new   17   {"order": 7}   [a=1, b=2]   (attempt 3)',
  );
  expect(formatTimedEvent(EVENT)).toMatch(/^\d\d:\d\d:\d\d\.123 {3}orders:new {3}17 /);
});

test.each([
  ['nothing', '', '(empty)'],
  ['bytes that are no text', Buffer.from([0xff, 0x00]), '(2 bytes, no text)'],
  ['lines', 'a\nb\r\nc', 'a b  c'],
  ['orders to a terminal', '\u001b[2J\u009b31mx\u0007', ' [2J 31mx '],
  ['text turned around', 'a\u202eb', 'a b'],
  ['a command of a CI runner', '::error::x', '\\::error::x'],
  ['another one', 'x ##[add-path]y', 'x # #[add-path]y'],
  ['very much', 'x'.repeat(10_000), `${'x'.repeat(4_000)} …`],
])('a payload of %s is %#', (_title, payload, shown) => {
  expect(formatEvent({ ...EVENT, payload: Buffer.from(payload) })).toBe(`orders:new   17   ${shown}`);
});

test('what is published with an event moves nothing either', () => {
  const attributes = { 'a\nb': 'c\u001b[2Jd' };
  const line = formatEvent({ ...EVENT, topic: 'x\ny', attributes });
  expect(line).toBe('x y   17   {"order": 7}   [a b=c [2Jd]');
});

test('as JSON an event is one line, with what it has and the data as it is', () => {
  expect(JSON.parse(eventJson(EVENT))).toEqual({
    topic: 'orders:new',
    sequence: 17,
    previous_sequence: 16,
    published_at: '2026-01-31T12:00:00.123Z',
    publisher: 'default.developer',
    payload: '{"order": 7}',
    cursor: 'cursor:MDEyMzQ1Njc4OWFiY2RlZg',
  });
  const more = { id: 'order-7', contentType: 'text/plain', attributes: { a: '1' }, attempt: 2 };
  expect(JSON.parse(eventJson({ ...EVENT, ...more }))).toMatchObject({
    ...{ id: 'order-7', content_type: 'text/plain', attributes: { a: '1' }, attempt: 2 },
  });
  const bytes = JSON.parse(eventJson({ ...EVENT, payload: Buffer.from([0xff, 0x00]) }));
  expect(bytes).toMatchObject({ payload_base64: '/wA=' });
  expect(bytes).not.toHaveProperty('payload');
});

test('hostile text comes through JSON unharmed and does no harm', () => {
  const payload = '\u001b[2J\n::error::x ##[add-path]y\u2028\u202e';
  const line = eventJson({ ...EVENT, payload: Buffer.from(payload) });
  expect(line).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]|##\w*\[/u);
  expect(JSON.parse(line).payload).toBe(payload);
});

test('a time that is none ends nothing', () => {
  expect(JSON.parse(eventJson({ ...EVENT, publishedAtMs: Number.MAX_SAFE_INTEGER }))).toMatchObject({
    published_at: null,
  });
  expect(formatTimedEvent({ ...EVENT, publishedAtMs: Number.NaN })).toMatch(/^--:--:--/);
});
