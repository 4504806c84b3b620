import { expect, test } from 'vitest';
import { ServiceError } from '#lib/errors.ts';
import type { EventPublishRequest__Output } from '#protos/generated/mcp2/EventPublishRequest.ts';
import { MAX_PAYLOAD_BYTES, requirePublishForm } from './publish-form.ts';

const SOUND: EventPublishRequest__Output = {
  topic: 'inventory:prod_1:low_stock',
  payload: Buffer.from('x'),
  publisher_token: '',
  agent_delegation_proof: '',
  event_id: 'order 1',
  content_type: 'application/json',
  attributes: { ce_type: 'low' },
  expected_last_sequence: 0,
};

function outcomeOf(change: Partial<EventPublishRequest__Output>): string {
  try {
    requirePublishForm({ ...SOUND, ...change });
    return 'accepted';
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    return [error.reason, error.metadata.path].filter((part) => part !== undefined).join(' ');
  }
}

const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`a${i}`, 'x']));
const segment = 'x'.repeat(60);

test.each<[string, Partial<EventPublishRequest__Output>, string]>([
  ['as it should be', {}, 'accepted'],
  ['an empty topic', { topic: '' }, 'NAME_INVALID'],
  ['a filter', { topic: 'inventory:*' }, 'NAME_INVALID'],
  ['thirteen segments', { topic: Array(13).fill('a').join(':') }, 'NAME_INVALID'],
  ['a topic of the bus', { topic: '_dlq:mine' }, 'TOPIC_RESERVED'],
  ['an underscore further on', { topic: 'a:_b' }, 'accepted'],
  ['a subject of 255 bytes', { topic: [segment, segment, segment, 'x'.repeat(56)].join(':') }, 'accepted'],
  ['a subject of 256 bytes', { topic: [segment, segment, segment, 'x'.repeat(57)].join(':') }, 'NAME_INVALID'],
  ['a subject that escaping makes too long', { topic: `a${'.'.repeat(80)}` }, 'NAME_INVALID'],
  ['the largest payload', { payload: Buffer.alloc(MAX_PAYLOAD_BYTES) }, 'accepted'],
  ['one byte more', { payload: Buffer.alloc(MAX_PAYLOAD_BYTES + 1) }, 'ARGUMENT_INVALID payload'],
  ['an event id of 128 bytes', { event_id: 'ü'.repeat(64) }, 'accepted'],
  ['an event id of 130 bytes', { event_id: 'ü'.repeat(65) }, 'ARGUMENT_INVALID event_id'],
  ['a line end in an event id', { event_id: 'a\nb' }, 'ARGUMENT_INVALID event_id'],
  ['a NUL in a content type', { content_type: 'a\0' }, 'ARGUMENT_INVALID content_type'],
  ['DEL in an attribute', { attributes: { a: '\x7f' } }, 'ARGUMENT_INVALID attributes.a'],
  ['64 attributes', { attributes: many(64) }, 'accepted'],
  ['65 attributes', { attributes: many(65) }, 'ARGUMENT_INVALID attributes'],
  ['attributes over 32 KiB', { attributes: { a: 'x'.repeat(32 * 1024) } }, 'ARGUMENT_INVALID attributes'],
  ['a key that is not a name', { attributes: { 'a b': '' } }, 'ARGUMENT_INVALID attributes'],
  ['an own attribute', { attributes: { 'MCP2-topic': '' } }, 'ARGUMENT_INVALID attributes.MCP2-topic'],
  ['a negative sequence', { expected_last_sequence: -1 }, 'ARGUMENT_INVALID expected_last_sequence'],
])('%s', (_title, change, outcome) => {
  expect(outcomeOf(change)).toBe(outcome);
});
