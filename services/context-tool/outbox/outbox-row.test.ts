import { expect, test } from 'vitest';
import { compilePattern, type Pattern } from '#lib/capability/pattern.ts';
import type { TakenRow } from '../database/outbox-table.ts';
import { MAX_PAYLOAD_BYTES, readRow } from './outbox-row.ts';

const topics = ['inventory:*:low_stock', 'orders:*'].map((topic) => compilePattern(topic) as Pattern);
const rules = { server: 'Stock', database: 'stock', topics };

const rowOf = (more: Partial<TakenRow>): TakenRow => ({
  ...{ id: '7', key: '7', topic: 'inventory:a:low_stock', payload: '{}', contentType: 'application/json' },
  ...{ traceparent: null, ...more },
});

test('a row becomes an event with an id of its own', () => {
  expect(readRow(rowOf({ traceparent: '00-ab-cd-01' }), rules)).toEqual({
    topic: 'inventory:a:low_stock',
    payload: Buffer.from('{}'),
    id: 'Stock/stock/7',
    contentType: 'application/json',
    attributes: { traceparent: '00-ab-cd-01' },
  });
  expect(readRow(rowOf({ payload: new Uint8Array([0, 255]), contentType: null }), rules)).toMatchObject({
    payload: new Uint8Array([0, 255]),
    contentType: '',
    attributes: {},
  });
});

test.each<[string, Partial<TakenRow>, RegExp]>([
  ['no id', { id: null, key: null }, /^its id is NULL, or bytes$/],
  ['no topic', { topic: null }, /topic NULL is none/],
  ['a topic of bytes', { topic: new Uint8Array([1]) }, /topic of bytes is none/],
  ['a topic that is none', { topic: 'inventory:a b:low_stock' }, /topic "inventory:a b:low_stock" is none/],
  ['a topic with a wildcard', { topic: 'inventory:*:low_stock' }, /is none/],
  ['a topic outside of "topics"', { topic: 'prices:a' }, /topic "prices:a" is outside of "topics"/],
  ['no payload', { payload: null }, /payload is NULL/],
  ['a payload that is too large', { payload: 'x'.repeat(MAX_PAYLOAD_BYTES + 1) }, /payload has 262145 bytes/],
  ['a content type with a line break', { contentType: 'text/plain\n' }, /content_type/],
  ['a content type of bytes', { contentType: new Uint8Array([1]) }, /content_type/],
  ['a traceparent with a control character', { traceparent: '\u0001' }, /traceparent/],
])('%s is refused with what is wrong', (_title, more, expected) => {
  expect(readRow(rowOf(more), rules)).toMatch(expected);
});

test('a topic that breaks the line cannot break the sentence', () => {
  expect(readRow(rowOf({ topic: 'a\n::error::b' }), rules)).not.toContain('\n');
});
