/** Publish: what it answers, what subscribers get of it, and what it refuses. */
import { describe, expect, test } from 'vitest';
import type { EventPublishRequest } from '#protos/generated/mcp2/EventPublishRequest.ts';
import { ownName } from '../../harness/event-bus.ts';
import { type BusReason, type BusUnderTest, epochOf, expectRefused, offsetOf, text, useBus } from './bus-under-test.ts';

const KIB = 1024;

export function describePublish(under: BusUnderTest): void {
  describe('Publish', () => {
    const bus = useBus(under);

    test('answers with the position in the topic, from 1 on, and in the log', async () => {
      const caller = await bus().caller();
      const [a, b] = [ownName(), ownName()];
      const [first, other, second] = await caller.publishEach([a, b, a]);
      expect(first).toMatchObject({ success: true, sequence_id: 1, duplicate: false });
      expect(other).toMatchObject({ success: true, sequence_id: 1, duplicate: false });
      expect(second).toMatchObject({ success: true, sequence_id: 2, duplicate: false });
      const cursors = [first, other, second].map((answer) => answer?.cursor ?? Buffer.alloc(0));
      expect(cursors.map(({ length }) => length)).toEqual([16, 16, 16]);
      expect(new Set(cursors.map((cursor) => epochOf(cursor).toString('hex'))).size).toBe(1);
      const offsets = cursors.map(offsetOf);
      expect(offsets).toEqual(offsets.toSorted((x, y) => (x < y ? -1 : 1)));
      expect(new Set(offsets).size).toBe(3);
    });

    test('hands everything that the publisher may say to subscribers unchanged, and says the rest itself', async () => {
      const publisher = await bus().caller();
      const topic = `${ownName()}:prod_12345:low_stock`;
      const payload = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
      const said = {
        payload,
        event_id: 'order/1 ä 🙂',
        content_type: 'application/vnd.example+json; charset="utf-8"',
        attributes: { 'ce-type': 'com.example', _a: '', traceparent: '00-ä', constructor: 'x' },
      };
      const beforeMs = Date.now();
      const answer = await publisher.publish(topic, said);
      await using reader = (await bus().caller()).subscribe(topic, { start: 1 });
      const [envelope] = await reader.take(1);
      expect(envelope).toMatchObject({
        ...{ topic, sequence_id: 1, previous_sequence_id: 0, control: null, ack_id: '', delivery_attempt: 0 },
        ...{ event_id: said.event_id, content_type: said.content_type, attributes: said.attributes },
        ...{ publisher: publisher.sub, cursor: answer.cursor },
      });
      expect(envelope?.payload.equals(payload)).toBe(true);
      expect(envelope?.published_at_ms).toBeGreaterThanOrEqual(beforeMs);
      expect(envelope?.published_at_ms).toBeLessThanOrEqual(Date.now() + 1);
    });

    test('takes an event without anything but its topic', async () => {
      const caller = await bus().caller();
      const topic = ownName();
      await caller.publish(topic);
      await using reader = caller.subscribe(topic, { start: 1 });
      const [envelope] = await reader.take(1);
      expect(envelope).toMatchObject({ topic, event_id: '', content_type: '', attributes: {} });
      expect(envelope?.payload).toHaveLength(0);
    });

    test.each(legal())('takes %s', async (_title, request) => {
      const caller = await bus().caller();
      const topic = request.topic ?? ownName();
      const { sequence_id: sequence } = await caller.publish(topic, request);
      expect(sequence).toBeGreaterThan(0);
      await using reader = caller.subscribe(topic, { start: 3, start_sequence: sequence });
      const [envelope] = await reader.take(1);
      expect(envelope?.payload).toHaveLength(request.payload?.length ?? 0);
      expect(envelope).toMatchObject({ event_id: request.event_id ?? '', attributes: request.attributes ?? {} });
    });

    test.each(illegal())('refuses %s', async (_title, request, reason, path) => {
      const caller = await bus().caller();
      const topic = request.topic ?? ownName();
      const error = await expectRefused(caller.publish(topic, request), reason);
      if (path !== undefined) expect(error.facts).toMatchObject({ path: expect.stringContaining(path) });
      // Nothing of it was appended.
      if (request.topic === undefined) expect((await caller.listTopics(topic)).topics).toEqual([]);
    });

    test('does not take a key of the prototype for an attribute', async () => {
      const caller = await bus().caller();
      const attributes = Object.fromEntries([['__proto__', 'x']]);
      await expectRefused(caller.publish(ownName(), { attributes }), 'ARGUMENT_INVALID');
    });

    test('publishes with the token in metadata as well, and refuses two tokens that differ', async () => {
      const [caller, other] = [await bus().caller(), await bus().caller()];
      const topic = ownName();
      const metadata = { authorization: `Bearer ${caller.token}` };
      expect(await bus().client.call('Publish', { topic }, { metadata })).toMatchObject({ sequence_id: 1 });
      const both = bus().client.call('Publish', { topic, publisher_token: other.token }, { metadata });
      await expectRefused(both, 'CREDENTIAL_CONFLICT');
      await using reader = caller.subscribe(topic, { start: 1 });
      expect((await reader.take(1)).map(({ publisher }) => publisher)).toEqual([caller.sub]);
    });

    test('a publisher cannot name itself: what it puts into its payload and attributes is no publisher', async () => {
      const caller = await bus().caller();
      const topic = ownName();
      await caller.publish(topic, { payload: Buffer.from('x'), attributes: { publisher: 'somebody' } });
      await using reader = caller.subscribe(topic, { start: 1 });
      const [envelope] = await reader.take(1);
      expect([envelope?.publisher, text(envelope)]).toEqual([caller.sub, 'x']);
    });
  });
}

type Fields = EventPublishRequest & { readonly payload?: Buffer; readonly topic?: string };

function legal(): [string, Fields][] {
  const attributes = Object.fromEntries(Array.from({ length: 64 }, (_, i) => [`key${i}`, 'v']));
  const twelve = [ownName(), ...Array.from({ length: 11 }, (_, i) => `s${i}`)].join(':');
  return [
    ['a payload of 256 KiB', { payload: Buffer.alloc(256 * KIB, 7) }],
    ['an event_id of 128 bytes', { event_id: 'é'.repeat(64) }],
    ['64 attributes', { attributes }],
    ['attributes of some 32 KiB', { attributes: { a: 'x'.repeat(32 * KIB - 1) } }],
    ['a key of 64 characters', { attributes: { [`k${'.'.repeat(62)}k`]: 'v' } }],
    ['keys that begin as those of the bus almost do', { attributes: { mcp2: 'v', 'mcp-2': 'v', xmcp2: 'v' } }],
    ['a topic of 12 segments', { topic: twelve }],
    // "mcp2.default.ev." goes in front of it.
    ['a topic of 255 bytes as a subject', { topic: `${ownName().padEnd(128, 'x')}:${'b'.repeat(110)}` }],
    ['a topic with every character there is', { topic: `${ownName()}:aZ09_.@=+~-` }],
  ];
}

/** Refused with these reasons; a path where the specification promises one. */
function illegal(): [string, Fields, BusReason, string?][] {
  const many = Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`key${i}`, 'v']));
  const thirteen = Array.from({ length: 13 }, (_, i) => `s${i}`).join(':');
  const argument = 'ARGUMENT_INVALID' as const;
  return [
    ['a payload of one byte more', { payload: Buffer.alloc(256 * KIB + 1) }, argument, 'payload'],
    ['an event_id of 129 bytes', { event_id: `${'é'.repeat(64)}x` }, argument, 'event_id'],
    ['65 attributes', { attributes: many }, argument, 'attributes'],
    ['attributes over 32 KiB', { attributes: { a: 'x'.repeat(32 * KIB + 1) } }, argument, 'attributes'],
    ['attributes over 32 KiB together', { attributes: { a: 'x'.repeat(20 * KIB), b: 'y'.repeat(20 * KIB) } }, argument],
    ['attributes over 32 KiB in bytes, not in characters', { attributes: { a: 'é'.repeat(17_000) } }, argument],
    ['a key that is no parameter name', { attributes: { 'a b': 'v' } }, argument, 'attributes'],
    ['a key that begins with a digit', { attributes: { '1a': 'v' } }, argument, 'attributes'],
    ['an empty key', { attributes: { '': 'v' } }, argument, 'attributes'],
    ['a key of 65 characters', { attributes: { ['k'.repeat(65)]: 'v' } }, argument, 'attributes'],
    ['a key of the bus', { attributes: { 'mcp2-topic': 'v' } }, argument, 'attributes'],
    ['a key of the bus in other letters', { attributes: { 'McP2-anything': 'v' } }, argument, 'attributes'],
    ['a line feed in a value', { attributes: { a: 'x\ny' } }, argument, 'attributes'],
    ['U+007F in a value', { attributes: { a: 'x\u007f' } }, argument, 'attributes'],
    ['NUL in event_id', { event_id: 'x\0' }, argument, 'event_id'],
    ['U+001F in event_id', { event_id: '\u001f' }, argument, 'event_id'],
    ['a tab in content_type', { content_type: 'a/b;\tc' }, argument, 'content_type'],
    ['a negative expected_last_sequence', { expected_last_sequence: -1 }, argument, 'expected_last_sequence'],
    ['no topic', { topic: '' }, 'NAME_INVALID'],
    ['a topic with a wildcard', { topic: 'a:*' }, 'NAME_INVALID'],
    ['a topic that is one', { topic: '*' }, 'NAME_INVALID'],
    ['a topic with an empty segment', { topic: 'a::b' }, 'NAME_INVALID'],
    ['a topic that ends in a colon', { topic: 'a:' }, 'NAME_INVALID'],
    ['a topic with a space', { topic: 'a b' }, 'NAME_INVALID'],
    ['a topic outside ASCII', { topic: 'ä' }, 'NAME_INVALID'],
    ['a segment that begins with a dash', { topic: 'a:-b' }, 'NAME_INVALID'],
    ['a topic of 13 segments', { topic: thirteen }, 'NAME_INVALID'],
    ['a segment of 129 bytes', { topic: 'x'.repeat(129) }, 'NAME_INVALID'],
    ['a topic of 513 bytes', { topic: Array.from({ length: 5 }, () => 'x'.repeat(102)).join(':') }, 'NAME_INVALID'],
    ['a topic of 256 bytes as a subject', { topic: `${'a'.repeat(128)}:${'b'.repeat(111)}` }, 'NAME_INVALID'],
    ['a topic whose escaped subject is longer', { topic: `a:b${'~'.repeat(90)}` }, 'NAME_INVALID'],
    ['a topic of the bus', { topic: '_anything' }, 'TOPIC_RESERVED'],
    ['a topic of the bus with more segments', { topic: '_dlq:mine' }, 'TOPIC_RESERVED'],
  ];
}
