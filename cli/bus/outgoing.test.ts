import { expect, test } from 'vitest';
import { toOutgoing } from './outgoing.ts';

const payload = (text: string, place?: string) => ({ bytes: Buffer.from(text), place, key: '7' });
const EVENT = { specversion: '1.0', id: 'a-1', source: 'shop', type: 'order', data: { order: 7 } };

test('an event is what the options say of it', () => {
  const settings = { id: 'order-7', contentType: 'text/plain', attribute: { a: '1' }, expectedLastSequence: 3 };
  expect(toOutgoing('orders:new', payload('x'), settings)).toEqual({
    payload: Buffer.from('x'),
    place: undefined,
    id: 'order-7',
    contentType: 'text/plain',
    attributes: { a: '1' },
    expectedLastSequence: 3,
  });
});

test('of several events each has an id of its own', () => {
  expect(toOutgoing('orders:new', payload('x', 'line 7'), { id: 'batch' }).id).toBe('batch/7');
  expect(toOutgoing('orders:new', payload('x', 'line 7'), {}).id).toBeUndefined();
});

test('a CloudEvent goes as it is, or as its data with attributes', () => {
  const text = JSON.stringify(EVENT);
  expect(toOutgoing('orders:new', payload(text), { cloudevents: 'structured' })).toMatchObject({
    payload: Buffer.from(text),
    id: 'a-1',
    contentType: 'application/cloudevents+json',
  });
  expect(toOutgoing('orders:new', payload(text), { cloudevents: 'binary', attribute: { b: '2' } })).toMatchObject({
    payload: Buffer.from('{"order":7}'),
    id: 'a-1',
    contentType: 'application/json',
    attributes: { 'ce-source': 'shop', 'ce-type': 'order', b: '2' },
  });
});

test.each([
  ['what is no JSON', '{', 'binary', 'it is no JSON'],
  ['what is no text', '\ufffd', 'binary', 'it is no JSON'],
  ['a list', '[]', 'structured', 'specversion must be "1.0"'],
  ['a number', '7', 'structured', 'it is no JSON object'],
  ['an object without a type', JSON.stringify({ ...EVENT, type: '' }), 'structured', 'a CloudEvent needs type'],
  ['a subject that would be lost', JSON.stringify({ ...EVENT, subject: 'a\nb' }), 'binary', '"a b"'],
] as const)('%s is no CloudEvent', (_title, text, cloudevents, why) => {
  const act = () => toOutgoing('orders:new', payload(text, 'line 7'), { cloudevents });
  expect(act).toThrow('line 7: the payload is no CloudEvent: ');
  expect(act).toThrow(why);
});
