import { CloudEvent, HTTP } from 'cloudevents';
import { expect, test } from 'vitest';
import { fromCloudEvent, type PublishableEvent, toCloudEvent } from './cloud-events.ts';

const PUBLISHED_MS = Date.parse('2026-01-31T12:00:00.250Z');

/** As the bus would give it to a subscriber. */
function received({ topic, payload, options }: PublishableEvent) {
  const { id, contentType = '', attributes } = options;
  return {
    ...{ topic, payload, id: id ?? '', contentType, attributes: attributes ?? {} },
    ...{ sequence: 7, publishedAtMs: PUBLISHED_MS, publisher: 'shop.pricing' },
  };
}

function eventOf(fields: Partial<ReturnType<typeof received>> = {}) {
  const plain = {
    topic: 'inventory:p1:low_stock',
    payload: Buffer.from('{"stock":9}'),
    options: { id: 'one', attributes: {} },
  };
  return { ...received(plain), contentType: 'application/json', ...fields };
}

test('an event that is none becomes one', () => {
  expect(toCloudEvent(eventOf(), 'structured')).toEqual({
    specversion: '1.0',
    id: 'one',
    source: 'shop.pricing',
    type: 'mcp2.event',
    subject: 'inventory:p1:low_stock',
    time: '2026-01-31T12:00:00.250Z',
    datacontenttype: 'application/json',
    sequence: '7',
    data: { stock: 9 },
  });
  expect(toCloudEvent(eventOf({ id: '' }), 'structured')).toMatchObject({ id: 'inventory:p1:low_stock#7' });
  const { headers, body } = toCloudEvent(eventOf(), 'binary');
  expect(headers).toMatchObject({
    'ce-id': 'one',
    'ce-subject': 'inventory:p1:low_stock',
    'content-type': 'application/json',
  });
  expect(body).toEqual(Buffer.from('{"stock":9}'));
});

const PAYLOADS = [
  ['JSON', { datacontenttype: 'application/json', data: { stock: 9, name: 'naïve' } }, { stock: 9, name: 'naïve' }],
  ['no stated type', { data: [1, 2] }, [1, 2]],
  ['a text', { datacontenttype: 'text/plain', data: 'naïve' }, 'naïve'],
  ['bytes', { datacontenttype: 'application/octet-stream', data: new Uint8Array([0, 255]) }, Buffer.from([0, 255])],
  ['nothing', {}, undefined],
] as const;

function original(fields: object) {
  return new CloudEvent({
    ...{ id: 'made-1', source: '/warehouse/7', type: 'stock.low', subject: 'inventory:p1:low_stock' },
    ...{ time: '2026-01-30T08:00:00.000Z', warehouse: 'Zürich 7', urgent: true, ...fields },
  });
}

test.each(PAYLOADS)('the package reads what comes of its own event with %s, in both modes', (_title, fields, data) => {
  const event = received(fromCloudEvent(original(fields)));
  expect(event).toMatchObject({ topic: 'inventory:p1:low_stock', id: 'made-1' });
  const structured = toCloudEvent(event, 'structured');
  const messages = [
    { headers: { 'content-type': 'application/cloudevents+json' }, body: JSON.stringify(structured) },
    toCloudEvent(event, 'binary') as { headers: Record<string, string>; body: Buffer },
  ];
  for (const message of messages) {
    const read = HTTP.toEvent(message) as CloudEvent<unknown>;
    expect(read).toMatchObject({
      ...{ specversion: '1.0', id: 'made-1', type: 'stock.low', subject: 'inventory:p1:low_stock' },
      ...{ source: 'shop.pricing', originsource: '/warehouse/7', time: '2026-01-30T08:00:00.000Z', sequence: '7' },
    });
    expect(read.validate()).toBe(true);
    const again = fromCloudEvent(read);
    expect(again.payload.equals(event.payload)).toBe(true);
    expect(again.topic).toBe(event.topic);
  }
  expect(structured).toMatchObject({ warehouse: 'Zürich 7', urgent: 'true' });
  expect(structured.data ?? (structured.data_base64 && Buffer.from(structured.data_base64, 'base64'))).toEqual(data);
});

test.each(PAYLOADS)(
  'and what the package sends of an event with %s is read, in both modes',
  (_title, fields, _data) => {
    const event = original(fields);
    const direct = fromCloudEvent(event);
    for (const message of [HTTP.structured(event), HTTP.binary(event)]) {
      const { topic, payload, options } = fromCloudEvent(message);
      expect({ topic, id: options.id }).toEqual({ topic: direct.topic, id: direct.options.id });
      expect(payload.toString()).toBe(direct.payload.toString());
      expect(options.attributes).toMatchObject({ 'ce-type': 'stock.low', 'ce-source': '/warehouse/7' });
    }
  },
);

test('an event whose payload is a CloudEvent itself is that CloudEvent', () => {
  const inside = {
    specversion: '1.0',
    id: 'x',
    source: '/a',
    type: 'stock.low',
    datacontenttype: 'text/plain',
    data: 'hi',
  };
  const payload = Buffer.from(JSON.stringify(inside));
  const event = eventOf({ payload, contentType: 'application/cloudevents+json; charset=utf-8' });
  expect(toCloudEvent(event, 'structured')).toMatchObject({
    ...{ id: 'one', source: 'shop.pricing', originsource: '/a', type: 'stock.low' },
    ...{ subject: 'inventory:p1:low_stock', datacontenttype: 'text/plain', data: 'hi' },
  });
  expect(
    toCloudEvent(eventOf({ payload: Buffer.from('{'), contentType: 'application/cloudevents+json' }), 'structured'),
  ).toMatchObject({
    data_base64: 'ew==',
  });
});

test('a publisher cannot say who it is, nor where in the topic it stands', () => {
  const attributes = {
    'ce-source': '/forged',
    'ce-subject': 'other',
    'ce-sequence': '1',
    'ce-id': 'z',
    'ce-Odd': 'x',
    other: 'y',
  };
  const event = toCloudEvent(eventOf({ attributes }), 'structured');
  expect(event).toMatchObject({ source: 'shop.pricing', subject: 'inventory:p1:low_stock', sequence: '7', id: 'one' });
  expect(Object.keys(event)).not.toContain('Odd');
  expect(Object.keys(event)).not.toContain('other');
});

const SOUND = { specversion: '1.0', id: 'a', source: '/b', type: 'c', subject: 'd:e' };
test.each([
  ['another version', { ...SOUND, specversion: '0.3' }, /specversion must be "1.0"/],
  ['no subject', { ...SOUND, subject: undefined }, /needs subject, since the subject is the topic/],
  ['no type', { ...SOUND, type: '' }, /needs type/],
  ['an attribute with an odd name', { ...SOUND, 'my-attribute': 'x' }, /"my-attribute"/],
  ['an attribute that is an object', { ...SOUND, mine: {} }, /a text, a number/],
  ['a message without attributes', { headers: {}, body: 'x' }, /specversion/],
])('%s is refused with a sentence', (_title, event, message) => {
  expect(() => fromCloudEvent(event as Parameters<typeof fromCloudEvent>[0])).toThrow(message);
});
