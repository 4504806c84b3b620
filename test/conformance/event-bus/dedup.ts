/** event_id: one event however often it is sent, and nobody can take another's id away. */
import { describe, expect, test } from 'vitest';
import { ownName } from '../../harness/event-bus.ts';
import { eventually } from '../../harness/eventually.ts';
import { movingClock } from '../../harness/moving-clock.ts';
import { startTcpProxy } from '../../harness/tcp-proxy.ts';
import { type BusUnderTest, expectRefused, sequences, texts, useBus } from './bus-under-test.ts';

const ONE = { payload: Buffer.from('1'), event_id: 'e', content_type: 'a/b', attributes: { a: '1', b: '2' } };

export function describeDedup(under: BusUnderTest): void {
  describe('event_id', () => {
    const clock = movingClock();
    const bus = useBus(under, () => ({ clock }));

    test("the same id and payload is one event, answered with the first one's sequence and cursor", async () => {
      const caller = await bus().caller();
      const topic = ownName();
      const first = await caller.publish(topic, ONE);
      await caller.publish(topic);
      // A map has no order.
      const again = await caller.publish(topic, { ...ONE, attributes: { b: '2', a: '1' } });
      expect(first).toMatchObject({ duplicate: false, sequence_id: 1 });
      expect(again).toMatchObject({ success: true, duplicate: true, sequence_id: 1, cursor: first.cursor });
      await using reader = caller.subscribe(topic, { start: 1, idle_heartbeat_ms: 100 });
      await reader.follows();
      expect(sequences(reader.events)).toEqual([1, 2]);
    });

    test.each([
      ['payload', { payload: Buffer.from('2') }],
      ['content_type', { content_type: 'a/c' }],
      ['attribute', { attributes: { a: '1', b: '3' } }],
      ['attribute more', { attributes: { ...ONE.attributes, c: '' } }],
      ['attribute less', { attributes: { a: '1' } }],
    ])('the same id with another %s is refused, and nothing is appended', async (_title, other) => {
      const caller = await bus().caller();
      const topic = ownName();
      await caller.publish(topic, ONE);
      await expectRefused(caller.publish(topic, { ...ONE, ...other }), 'EVENT_ID_REUSED');
      expect(await caller.topic(topic)).toMatchObject({ last_sequence: 1 });
    });

    test('fields that only read alike together are not the same payload', async () => {
      const caller = await bus().caller();
      const topic = ownName();
      await caller.publish(topic, { event_id: 'e', payload: Buffer.from('ab'), content_type: 'c' });
      const other = { event_id: 'e', payload: Buffer.from('a'), content_type: 'bc' };
      await expectRefused(caller.publish(topic, other), 'EVENT_ID_REUSED');
      const mixed = { event_id: 'f', attributes: { ab: 'c', d: 'e' } };
      await caller.publish(topic, mixed);
      await expectRefused(caller.publish(topic, { ...mixed, attributes: { a: 'bc', d: 'e' } }), 'EVENT_ID_REUSED');
    });

    test('an empty id is none: each call is an event', async () => {
      const caller = await bus().caller();
      const topic = ownName();
      const answers = [await caller.publish(topic), await caller.publish(topic)];
      expect(answers.map(({ sequence_id, duplicate }) => [sequence_id, duplicate])).toEqual([
        [1, false],
        [2, false],
      ]);
    });

    test('an id is that of one topic', async () => {
      const caller = await bus().caller();
      const answers = await caller.publishEach([ownName(), ownName()], { event_id: 'e' });
      expect(answers.map(({ duplicate }) => duplicate)).toEqual([false, false]);
    });

    test.each([
      ['the same payload', { payload: Buffer.from('1') }],
      ['another payload', { payload: Buffer.from('hostile') }],
    ])('somebody else who used the id first, with %s, changes nothing', async (_title, hostile) => {
      const [victim, attacker] = [await bus().caller(), await bus().caller()];
      const topic = ownName();
      await attacker.publish(topic, { ...hostile, event_id: 'e' });
      const mine = { payload: Buffer.from('1'), event_id: 'e' };
      expect(await victim.publish(topic, mine)).toMatchObject({ duplicate: false, sequence_id: 2 });
      expect(await victim.publish(topic, mine)).toMatchObject({ duplicate: true, sequence_id: 2 });
    });

    test('the subject of another issuer with the same name is somebody else', async () => {
      const caller = await bus().caller();
      const other = await bus().foreignCaller(caller.sub);
      const topic = ownName();
      await other.publish(topic, { payload: Buffer.from('hostile'), event_id: 'e' });
      expect(await caller.publish(topic, ONE)).toMatchObject({ duplicate: false, sequence_id: 2 });
    });

    test('twenty at once are one event', async () => {
      const caller = await bus().caller();
      const topic = ownName();
      const answers = await Promise.all(Array.from({ length: 20 }, () => caller.publish(topic, ONE)));
      expect(answers.filter(({ duplicate }) => !duplicate)).toHaveLength(1);
      expect(new Set(answers.map(({ sequence_id, cursor }) => `${sequence_id} ${cursor.toString('hex')}`)).size).toBe(
        1,
      );
      expect(await caller.topic(topic)).toMatchObject({ last_sequence: 1, events: 1 });
    });

    test('of twenty at once with different payloads one is an event, and the others are refused', async () => {
      const caller = await bus().caller();
      const topic = ownName();
      const publish = (_: unknown, i: number) => caller.publish(topic, { payload: Buffer.of(i), event_id: 'e' });
      const answers = await Promise.allSettled(Array.from({ length: 20 }, publish));
      const refused = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason.reason] : []));
      expect(refused).toEqual(Array.from({ length: 19 }, () => 'EVENT_ID_REUSED'));
    });

    test('an id whose event was refused is free', async () => {
      const caller = await bus().caller();
      const topic = ownName();
      const wrong = { ...ONE, expected_last_sequence: 5 };
      await expectRefused(caller.publish(topic, wrong), 'SEQUENCE_MISMATCH');
      await expectRefused(caller.publish(topic, { ...ONE, attributes: { 'mcp2-a': '' } }), 'ARGUMENT_INVALID');
      expect(await caller.publish(topic, { ...ONE, payload: Buffer.from('2') })).toMatchObject({ duplicate: false });
    });

    test("a retry whose first reply was lost is told the first one's sequence", async () => {
      const caller = await bus().caller();
      const topic = ownName();
      await using proxy = await startTcpProxy({ targetPort: Number(bus().target.split(':')[1]) });
      using behind = bus().callerAt(`127.0.0.1:${proxy.port}`, caller);
      await behind.publish(topic);
      proxy.dropReplies();
      const lost = behind.client.call(
        'Publish',
        { topic, publisher_token: caller.token, ...ONE },
        { deadlineMs: 5_000 },
      );
      const lostEnd = lost.then(
        () => 'answered',
        () => 'lost',
      );
      await eventually(
        () => caller.topic(topic),
        (info) => info?.last_sequence === 2,
      );
      proxy.cut();
      expect(await lostEnd).toBe('lost');
      await proxy.pass();
      expect(await caller.publish(topic, ONE)).toMatchObject({ duplicate: true, sequence_id: 2 });
      await using reader = caller.subscribe(topic, { start: 1, idle_heartbeat_ms: 100 });
      await reader.follows();
      expect(texts(reader.events)).toEqual(['', '1']);
    });

    if (under.canMoveTime) {
      test('an id is remembered for two minutes from the first publish on, whatever came in between', async () => {
        const minted = () => bus().caller({ sub: 'remembers' }, { nowMs: clock.nowMs() });
        const topic = ownName();
        await (await minted()).publish(topic, ONE);
        clock.forward(60_000);
        expect(await (await minted()).publish(topic, ONE)).toMatchObject({ duplicate: true });
        clock.forward(59_000);
        expect(await (await minted()).publish(topic, ONE)).toMatchObject({ duplicate: true, sequence_id: 1 });
      });
    }
  });

  describe('event_id over a restart', () => {
    const bus = useBus(under);

    test("the retry is told the first one's sequence and cursor", async () => {
      const caller = await bus().caller();
      const topic = ownName();
      await caller.publishEach([topic, topic]);
      const first = await caller.publish(topic, ONE);
      await bus().restart();
      expect(await caller.publish(topic, ONE)).toMatchObject({
        ...{ duplicate: true, sequence_id: 3, cursor: first.cursor },
      });
      await expectRefused(caller.publish(topic, { ...ONE, payload: Buffer.from('2') }), 'EVENT_ID_REUSED');
      expect(await caller.publish(topic)).toMatchObject({ duplicate: false, sequence_id: 4 });
    });
  });
}
