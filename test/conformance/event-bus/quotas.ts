/** Quotas of a subject: what is over is refused with the time to wait, what others do is not touched. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { CallError } from '#lib/grpc/call-error.ts';
import { retryDelayMsOf } from '#lib/grpc/status.ts';
import type { BusCaller } from '../../harness/bus-caller.ts';
import { ownName } from '../../harness/event-bus.ts';
import { eventually } from '../../harness/eventually.ts';
import { type BusUnderTest, expectEnd, expectRefused, failure, useBus } from './bus-under-test.ts';

const HEART = { idle_heartbeat_ms: 100 };

export function describeQuotas(under: BusUnderTest): void {
  describe('the quota of publishes', () => {
    const bus = useBus(under, () => ({
      settings: { MCP2_EVENT_BUS_QUOTA_PUBLISHES: '2', MCP2_EVENT_BUS_QUOTA_PUBLISH_BURST: '5' },
    }));
    /** Answers of many at once, most of which are refused. */
    const burst = async (publish: () => Promise<unknown>, count = 20) => {
      const answers = await Promise.allSettled(Array.from({ length: count }, publish));
      return {
        answered: answers.filter((answer) => answer.status === 'fulfilled').length,
        refused: answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason as CallError] : [])),
      };
    };

    test('is refused with the time to wait, after which one is taken; others are not touched', async () => {
      const [caller, other] = [await bus().caller(), await bus().caller()];
      const topic = ownName();
      const { answered, refused } = await burst(() => caller.publish(topic));
      expect(answered).toBeGreaterThanOrEqual(5);
      expect(answered).toBeLessThan(20);
      for (const error of refused) {
        expect(error).toMatchObject(failure('QUOTA_EXCEEDED'));
        expect(retryDelayMsOf(error.metadata)).toBeGreaterThan(0);
        expect(retryDelayMsOf(error.metadata)).toBeLessThanOrEqual(1_000 / 2);
      }
      await other.publish(topic);
      await sleep(retryDelayMsOf(refused.at(-1)?.metadata as never) ?? 0);
      await caller.publish(topic);
      expect(await caller.topic(topic)).toMatchObject({ last_sequence: answered + 2 });
    });

    test('is that of an issuer and a subject', async () => {
      const caller = await bus().caller();
      await burst(() => caller.publish(ownName()));
      await (await bus().foreignCaller(caller.sub)).publish(ownName());
    });

    test('holds for a stream too, request by request, and does not end it', async () => {
      const caller = await bus().caller();
      const topic = ownName();
      await using writer = caller.openPublisher();
      for (let i = 0; i < 20; i++) writer.send({ topic, publisher_token: caller.token });
      const acks = await writer.untilAcks(20);
      const refused = acks.filter(({ result }) => result === 'error');
      expect(refused.length).toBeGreaterThan(0);
      for (const { error } of refused) expect(error?.code).toBe(failure('QUOTA_EXCEEDED').code);
      await sleep(600);
      writer.send({ topic });
      expect((await writer.untilAcks(21)).at(-1)).toMatchObject({ index: 20, result: 'response' });
    });

    test('a duplicate is answered when it is spent, and costs none of it', async () => {
      const caller = await bus().caller();
      const topic = ownName();
      const first = await caller.publish(topic, { event_id: 'e' });
      expect((await burst(() => caller.publish(topic))).refused).not.toEqual([]);
      for (let i = 0; i < 10; i++) {
        expect(await caller.publish(topic, { event_id: 'e' })).toMatchObject({
          ...{ duplicate: true, sequence_id: 1, cursor: first.cursor },
        });
      }
      const fresh = await bus().caller();
      await fresh.publish(topic, { event_id: 'e' });
      const duplicates = await burst(() => fresh.publish(topic, { event_id: 'e' }), 30);
      expect(duplicates).toMatchObject({ answered: 30, refused: [] });
      for (let i = 0; i < 4; i++) await fresh.publish(topic);
    });
  });

  describe('the quota of bytes', () => {
    const bus = useBus(under, () => ({
      settings: { MCP2_EVENT_BUS_QUOTA_BYTES: '65536', MCP2_EVENT_BUS_QUOTA_BYTE_BURST: '524288' },
    }));

    test('is refused with the time to wait', async () => {
      const caller = await bus().caller();
      const topic = ownName();
      const payload = Buffer.alloc(200_000);
      const answers = await Promise.allSettled(Array.from({ length: 6 }, () => caller.publish(topic, { payload })));
      const refused = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason as CallError] : []));
      expect(refused.length).toBeGreaterThanOrEqual(3);
      for (const error of refused) {
        expect(error).toMatchObject(failure('QUOTA_EXCEEDED'));
        expect(retryDelayMsOf(error.metadata)).toBeGreaterThan(0);
        expect(retryDelayMsOf(error.metadata)).toBeLessThan(60_000);
      }
      await (await bus().caller()).publish(topic, { payload });
    });
  });

  describe('quotas of subscriptions and topics', () => {
    const bus = useBus(under, () => ({
      settings: {
        MCP2_EVENT_BUS_QUOTA_SUBSCRIPTIONS: '2',
        MCP2_EVENT_BUS_QUOTA_DURABLES: '2',
        MCP2_EVENT_BUS_QUOTA_NEW_TOPICS: '3',
      },
    }));

    test('open subscriptions: one more is refused until one is closed', async () => {
      const caller = await bus().caller();
      const topic = ownName();
      await using one = caller.subscribe(topic, HEART);
      await using two = caller.subscribe(topic, HEART);
      await Promise.all([one.follows(), two.follows()]);
      await using three = caller.subscribe(topic, HEART);
      await expectEnd(three, 'QUOTA_EXCEEDED');
      await using other = (await bus().caller()).subscribe(topic, HEART);
      await other.follows();
      await one.close();
      const again = async () => {
        const reader = caller.subscribe(topic, HEART);
        await reader.follows();
        return reader;
      };
      await using _four = await eventually(again, () => true);
    });

    test('open subscriptions: what was refused or has ended counts no more', async () => {
      const caller = await bus().caller();
      const topic = ownName();
      for (let i = 0; i < 5; i++) {
        for (const [filter, fields] of [
          ['a::b', {}],
          ['_dlq:none', {}],
          [topic, { start: 3, start_sequence: 99 }],
          [topic, { start: 4, start_cursor: Buffer.alloc(16, 9) }],
          [topic, { durable_name: 'd', start: 3, start_sequence: 99 }],
        ] as const) {
          await using refused = caller.subscribe(filter, fields);
          expect((await refused.ended())?.reason).not.toBe('QUOTA_EXCEEDED');
        }
        await using taken = caller.subscribe(topic, { durable_name: 'e', ack_mode: 1, ...HEART });
        await taken.follows();
        await using newer = caller.subscribe(topic, { durable_name: 'e', ack_mode: 1, ...HEART });
        await newer.follows();
        await expectEnd(taken, 'SUBSCRIPTION_TAKEN');
        await using other = caller.subscribe(topic, { durable_name: 'e' });
        await expectEnd(other, 'FILTER_FIXED');
        await using dropped = caller.subscribe(topic, HEART);
        await dropped.follows();
        await dropped.close();
        await newer.close();
        // The server hears of an end that the client made a moment later.
        await untilFree(caller, topic);
      }
      expect((await caller.listSubscriptions()).map(({ durable_name: name }) => name)).toEqual(['e']);
    });

    test('durable subscriptions: one more is refused until one is deleted, and those that exist go on', async () => {
      const caller = await bus().caller();
      const topic = ownName();
      const attach = async (durable_name: string) => {
        await using reader = caller.subscribe(topic, { durable_name, ack_mode: 1, ...HEART });
        await reader.follows();
      };
      await attach('a');
      await attach('b');
      await using refused = caller.subscribe(topic, { durable_name: 'c' });
      // Waiting does not help.
      expect(retryDelayMsOf((await expectEnd(refused, 'QUOTA_EXCEEDED')).metadata)).toBeUndefined();
      await eventually(() => attach('a').then(() => true), Boolean);
      await caller.deleteSubscription('b');
      await eventually(() => attach('c').then(() => true), Boolean);
      expect((await caller.listSubscriptions()).map(({ durable_name: name }) => name)).toEqual(['a', 'c']);
    });

    test('new topics: one more is refused with the time to wait, those that exist are not touched', async () => {
      const caller = await bus().caller();
      const topics = Array.from({ length: 3 }, () => ownName());
      await caller.publishEach(topics);
      const error = await expectRefused(caller.publish(ownName()), 'QUOTA_EXCEEDED');
      const waitMs = retryDelayMsOf(error.metadata) ?? 0;
      expect(waitMs).toBeGreaterThan(0);
      expect(waitMs).toBeLessThanOrEqual(60_000);
      await caller.publishEach(topics);
      const other = await bus().caller();
      const topic = ownName();
      await other.publish(topic);
      // It has an event now, whoever made it.
      await caller.publish(topic);
    });
  });

  /** Both places may be taken. */
  async function untilFree(caller: BusCaller, topic: string): Promise<void> {
    const both = async () => {
      await using one = caller.subscribe(topic, HEART);
      await using two = caller.subscribe(topic, HEART);
      await Promise.all([one.follows(), two.follows()]);
      return true;
    };
    await eventually(both, Boolean);
  }

  describe('the quota of new topics after a restart', () => {
    const bus = useBus(under, () => ({ settings: { MCP2_EVENT_BUS_QUOTA_NEW_TOPICS: '3' } }));
    /** Topics that have an event, of which the bus has heard nothing since it was started. */
    const stored = async () => {
      const topics = Array.from({ length: 9 }, () => ownName());
      for (let i = 0; i < 9; i += 3)
        await (await bus().caller()).publishEach(topics.slice(i, i + 3), { event_id: 'e' });
      await bus().restart();
      return topics;
    };

    test('is not spent by topics that exist, however many are published at once', async () => {
      const topics = await stored();
      const caller = await bus().caller();
      const answers = await Promise.all(topics.map((topic) => caller.publish(topic)));
      expect(answers.map(({ sequence_id: sequence }) => sequence)).toEqual(topics.map(() => 2));
      await caller.publishEach([ownName(), ownName(), ownName()]);
    });

    test('is no matter to them when it is spent', async () => {
      const topics = await stored();
      const caller = await bus().caller();
      await caller.publishEach([ownName(), ownName(), ownName()]);
      await expectRefused(caller.publish(ownName()), 'QUOTA_EXCEEDED');
      const answers = await caller.publishEach(topics);
      expect(answers.map(({ sequence_id: sequence }) => sequence)).toEqual(topics.map(() => 2));
    });
  });

  describe('the most topics of a log', () => {
    const bus = useBus(under, () => ({ settings: { MCP2_EVENT_BUS_MAX_TOPICS: '3' } }));

    test('one more is refused, for whoever it is', async () => {
      const [caller, other] = [await bus().caller(), await bus().caller()];
      const topics = Array.from({ length: 3 }, () => ownName());
      await caller.publishEach(topics);
      for (const somebody of [caller, other]) await expectRefused(somebody.publish(ownName()), 'QUOTA_EXCEEDED');
      await other.publishEach(topics);
    });
  });
}
