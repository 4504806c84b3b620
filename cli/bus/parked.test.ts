import { expect, test } from 'vitest';
import { originalOf } from './parked.ts';

const PARKED = {
  payload: Buffer.from('x'),
  contentType: 'text/plain',
  sequence: 3,
  attributes: {
    kept: 'yes',
    'mcp2-topic': 'orders:new',
    'mcp2-sequence': '17',
    'mcp2-reason': 'max_deliver',
    'mcp2-attempts': '10',
  },
};

test('an event that was set aside becomes what it was, under an id that the same replay has again', () => {
  expect(originalOf(PARKED)).toEqual({
    topic: 'orders:new',
    payload: PARKED.payload,
    contentType: 'text/plain',
    attributes: { kept: 'yes' },
    id: 'replay/orders:new/17/10',
  });
});

test('an id that would be too long is made short, and stays another for another event', () => {
  const topic = 'x'.repeat(128);
  const idOf = (sequence: string) =>
    originalOf({ ...PARKED, attributes: { ...PARKED.attributes, 'mcp2-topic': topic, 'mcp2-sequence': sequence } }).id;
  expect(idOf('1')).toMatch(/^replay\/[0-9a-f]{64}$/);
  expect(idOf('1')).toBe(idOf('1'));
  expect(idOf('1')).not.toBe(idOf('2'));
});
