import { expect, test } from 'vitest';
import type { NewEvent } from '../event-log.ts';
import { AppendPacker, NUMBER, NUMBERS, TEXT, TEXTS } from './packed-appends.ts';

const event = (fields: Partial<NewEvent>): NewEvent => ({
  topic: 'a:b',
  payload: Buffer.alloc(0),
  contentType: '',
  attributes: {},
  eventId: '',
  publisher: 'p',
  publisherKey: 'k',
  expectedLastSequence: undefined,
  ...fields,
});

test('a pack holds what was added since the last one', () => {
  const packer = new AppendPacker();
  packer.add(event({ payload: Buffer.from('one') }));
  packer.add(event({ topic: 'c', payload: Buffer.from('three'), expectedLastSequence: 0, duplicateOnly: true }));
  expect([packer.count, packer.bytes]).toEqual([2, 8]);
  const { count, texts, numbers, payloads } = packer.take();
  expect(count).toBe(2);
  expect(Buffer.from(payloads).toString()).toBe('onethree');
  expect(texts[TEXTS + TEXT.topic]).toBe('c');
  expect(numbers).toEqual([3, -1, 0, 0, 5, 0, 1, 0]);
  expect(numbers[NUMBERS + NUMBER.payloadBytes]).toBe(5);
  expect([packer.count, packer.bytes, packer.take().count]).toEqual([0, 0, 0]);
});

test('a payload that is a view of a big buffer takes nothing else along', () => {
  const packer = new AppendPacker();
  packer.add(event({ payload: new Uint8Array(1024 * 1024).subarray(10, 20) }));
  expect(packer.take().payloads.buffer.byteLength).toBe(10);
});

test('the same attributes in another order are the same text', () => {
  const packer = new AppendPacker();
  packer.add(event({ attributes: { b: '2', a: '1', c: '3' } }));
  packer.add(event({ attributes: { c: '3', b: '2', a: '1' } }));
  const { texts } = packer.take();
  expect(texts[TEXT.attributes]).toBe('{"a":"1","b":"2","c":"3"}');
  expect(texts[TEXTS + TEXT.attributes]).toBe(texts[TEXT.attributes]);
});
