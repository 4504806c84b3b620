/** PublishStream: order, acknowledgements, refusals that end nothing, tokens that change, and the window. */
import { setTimeout as sleep } from 'node:timers/promises';
import { status } from '@grpc/grpc-js';
import { describe, expect, test } from 'vitest';
import { loadServices, loadStatusMessages } from '#protos/load.ts';
import { ownName } from '../../harness/event-bus.ts';
import { eventually } from '../../harness/eventually.ts';
import type { PublishAck } from '../../harness/publish-writer.ts';
import { connectRaw, frame } from '../../harness/raw-grpc.ts';
import { type BusUnderTest, expectEnd, failure, texts, useBus } from './bus-under-test.ts';

export function describePublishStream(under: BusUnderTest): void {
  describe('PublishStream', () => {
    const bus = useBus(under);

    test('appends the requests of a topic in their order, and acknowledges each index exactly once', async () => {
      const caller = await bus().caller();
      const root = ownName();
      await using writer = caller.openPublisher();
      for (let i = 0; i < 600; i++) {
        const publisher_token = i === 0 ? caller.token : '';
        writer.send({ topic: `${root}:${i % 3}`, payload: Buffer.from(`${i}`), publisher_token });
      }
      const acks = await writer.untilAcks(600);
      expect(acks.map(({ index }) => index).toSorted((a, b) => a - b)).toEqual(
        Array.from({ length: 600 }, (_, i) => i),
      );
      for (const { index, result, response } of acks) {
        expect([result, response?.success, response?.sequence_id]).toEqual([
          'response',
          true,
          Math.floor(index / 3) + 1,
        ]);
      }
      for (const part of [0, 1, 2]) {
        await using reader = caller.subscribe(`${root}:${part}`, { start: 1 });
        const expected = Array.from({ length: 200 }, (_, i) => `${3 * i + part}`);
        expect(texts(await reader.take(200))).toEqual(expected);
      }
    });

    test('a request is as a Publish: its answer has cursor, duplicate and expectation', async () => {
      const caller = await bus().caller();
      const topic = ownName();
      const first = await caller.publish(topic, { event_id: 'e', payload: Buffer.from('1') });
      await using writer = caller.openPublisher();
      const said = { topic, publisher_token: caller.token };
      writer.send({ ...said, event_id: 'e', payload: Buffer.from('1') });
      writer.send({ ...said, event_id: 'e', payload: Buffer.from('2') });
      writer.send({ ...said, expected_last_sequence: 0 });
      writer.send({ ...said, expected_last_sequence: 1 });
      const acks = byIndex(await writer.untilAcks(4));
      expect(acks[0]?.response).toMatchObject({ duplicate: true, sequence_id: 1, cursor: first.cursor });
      expect(reasonsOf(acks)).toEqual(['', 'EVENT_ID_REUSED', 'SEQUENCE_MISMATCH', '']);
      expect(factsOf(acks[2])).toMatchObject({ last_sequence: '1' });
      expect(acks[3]?.response).toMatchObject({ duplicate: false, sequence_id: 2 });
    });

    test('a refusal ends its request alone: those after it go on', async () => {
      const caller = await bus().caller({ capabilities: ['event:publish:mine:*', 'event:subscribe:*'] });
      const topic = `mine:${ownName()}`;
      await using writer = caller.openPublisher();
      const refused = [
        [{ topic: 'not:mine' }, 'CAPABILITY_DENIED'],
        [{ topic: 'a::b' }, 'NAME_INVALID'],
        [{ topic: '_dlq:a' }, 'TOPIC_RESERVED'],
        [{ topic, payload: Buffer.alloc(256 * 1024 + 1) }, 'ARGUMENT_INVALID'],
        [{ topic, attributes: { 'mcp2-a': 'x' } }, 'ARGUMENT_INVALID'],
        [{ topic, expected_last_sequence: 99 }, 'SEQUENCE_MISMATCH'],
      ] as const;
      for (const [request] of refused) {
        writer.send({ publisher_token: caller.token, ...request }, { topic, payload: Buffer.from('good') });
      }
      const acks = byIndex(await writer.untilAcks(2 * refused.length));
      expect(reasonsOf(acks)).toEqual(refused.flatMap(([, reason]) => [reason, '']));
      for (const { error } of acks.filter(({ result }) => result === 'error')) expect(error?.message).not.toBe('');
      expect(acks.flatMap(({ response }) => response?.sequence_id ?? [])).toEqual([1, 2, 3, 4, 5, 6]);
      writer.halfClose();
      expect(await writer.ended()).toBeUndefined();
    });

    test('the first request needs a token', async () => {
      const caller = await bus().caller();
      await using writer = caller.openPublisher();
      writer.send({ topic: ownName() });
      await expectEnd(writer, 'CREDENTIAL_MISSING');
      expect(writer.acks).toEqual([]);
    });

    test('a token in the metadata is that of every request', async () => {
      const caller = await bus().caller();
      const topic = ownName();
      const requests = (async function* () {
        yield { topic };
        yield { topic };
      })();
      const metadata = { authorization: `Bearer ${caller.token}` };
      const acks: PublishAck[] = [];
      for await (const ack of bus().client.bidiStream('PublishStream', requests, { metadata })) acks.push(ack);
      expect(acks.map(({ response }) => response?.sequence_id)).toEqual([1, 2]);
    });

    test('a newer token of the same subject takes its place, and its rights with it', async () => {
      const caller = await bus().caller();
      const [topic, other] = [ownName(), ownName()];
      const narrower = await bus().caller({ sub: caller.sub, capabilities: [`event:publish:${topic}`] });
      await using writer = caller.openPublisher();
      writer.send({ topic: other, publisher_token: caller.token });
      await writer.untilAcks(1);
      writer.send({ topic, publisher_token: narrower.token });
      await writer.untilAcks(2);
      writer.send({ topic: other });
      await writer.untilAcks(3);
      writer.send({ topic: other, publisher_token: caller.token });
      expect(reasonsOf(byIndex(await writer.untilAcks(4)))).toEqual(['', '', 'CAPABILITY_DENIED', '']);
    });

    test.each([
      ['another subject', async () => (await bus().caller()).token, 'CREDENTIAL_CONFLICT'],
      ['another issuer', async (sub: string) => (await bus().foreignCaller(sub)).token, 'CREDENTIAL_CONFLICT'],
      ['nobody', async () => 'garbage', 'TOKEN_MALFORMED'],
    ] as const)(
      'a token of %s ends the stream, after what was appended was acknowledged',
      async (_title, token, reason) => {
        const caller = await bus().caller();
        const topic = ownName();
        await using writer = caller.openPublisher();
        for (let i = 0; i < 50; i++) writer.send({ topic, publisher_token: caller.token });
        writer.send({ topic, publisher_token: await token(caller.sub) }, { topic }, { topic });
        await expectEnd(writer, reason);
        const info = await caller.topic(topic);
        expect(writer.acks.map(({ index }) => index)).toEqual(Array.from({ length: 50 }, (_, i) => i));
        expect(info?.last_sequence).toBe(50);
      },
    );

    test("closing one's half drains: everything is acknowledged, then the stream ends", async () => {
      const caller = await bus().caller();
      const topic = ownName();
      await using writer = caller.openPublisher();
      for (let i = 0; i < 500; i++) writer.send({ topic, publisher_token: caller.token });
      writer.halfClose();
      expect(await writer.ended()).toBeUndefined();
      expect(writer.acks).toHaveLength(500);
    });

    test("many streams on one topic share it: sequences are unique, and each stream's rise", async () => {
      const callers = await Promise.all(Array.from({ length: 6 }, () => bus().caller()));
      const topic = ownName();
      const all = await Promise.all(
        callers.map(async (caller) => {
          await using writer = caller.openPublisher();
          for (let i = 0; i < 100; i++) writer.send({ topic, publisher_token: caller.token });
          return byIndex([...(await writer.untilAcks(100))]).map(({ response }) => response?.sequence_id ?? 0);
        }),
      );
      for (const own of all) expect(own).toEqual(own.toSorted((a, b) => a - b));
      expect(all.flat().toSorted((a, b) => a - b)).toEqual(Array.from({ length: 600 }, (_, i) => i + 1));
    });

    test('a client that reads no acknowledgement is not read for ever, and loses nothing', async () => {
      const caller = await bus().caller();
      const topic = ownName();
      const encode = loadServices().EventBus.PublishStream.requestSerialize;
      using raw = connectRaw(bus().target);
      const stream = raw.open({ path: '/mcp2.EventBus/PublishStream' });
      stream.pause();
      const message = frame(encode({ topic, publisher_token: caller.token, payload: Buffer.alloc(1_000) }));
      let sent = 0;
      const isStuck = () => Promise.race([drained(stream), sleep(1_500).then(() => true)]);
      while (sent < 40_000) {
        sent += 1;
        if (!stream.write(message) && (await isStuck()) === true) break;
      }
      expect(sent).toBeLessThan(40_000);
      const stuckAt = (await caller.topic(topic))?.last_sequence ?? 0;
      expect(stuckAt).toBeGreaterThan(0);
      let acknowledged = 0;
      stream.on('data', (piece: Buffer) => {
        acknowledged += piece.length;
      });
      stream.resume();
      stream.end();
      await eventually(
        () => caller.topic(topic),
        (info) => info?.last_sequence === sent,
      );
      expect(acknowledged).toBeGreaterThan(0);
    });
  });
}

function drained(stream: NodeJS.EventEmitter): Promise<false> {
  return new Promise((resolve) => stream.once('drain', () => resolve(false)));
}

function byIndex(acks: readonly PublishAck[]): PublishAck[] {
  return acks.toSorted((a, b) => a.index - b.index);
}

/** "" where it was appended. The status is that of the reason. */
function reasonsOf(acks: readonly PublishAck[]): string[] {
  const { ErrorInfo } = loadStatusMessages();
  return acks.map(({ error }) => {
    if (error === null || error === undefined) return '';
    const detail = error.details.find(({ type_url: url }) => url === 'type.googleapis.com/google.rpc.ErrorInfo');
    const { reason, domain } = ErrorInfo.deserialize(detail?.value ?? Buffer.alloc(0));
    expect({ reason, domain, code: error.code }).toEqual({ ...failure(reason as never), domain: 'mcp2' });
    expect(error.code).not.toBe(status.OK);
    return reason;
  });
}

function factsOf(ack: PublishAck | undefined): Readonly<Record<string, string>> {
  const { ErrorInfo } = loadStatusMessages();
  return ErrorInfo.deserialize(ack?.error?.details[0]?.value ?? Buffer.alloc(0)).metadata;
}
