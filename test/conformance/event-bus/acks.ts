/** Ack: done, again, never again; late, twice, forged, and by whom. */
import { describe, expect, test } from 'vitest';
import type { BusCaller, SubscribeFields } from '../../harness/bus-caller.ts';
import { ownName } from '../../harness/event-bus.ts';
import type { Envelope, EventReader } from '../../harness/event-reader.ts';
import { eventually } from '../../harness/eventually.ts';
import { type BusUnderTest, expectRefused, expectSubscription, sequences, useBus } from './bus-under-test.ts';

const EXPLICIT = { durable_name: 'd', ack_mode: 1, start: 1 } as const;
/** So long that it does not end in a test. */
const PATIENT = { ...EXPLICIT, ack_wait_ms: 3_600_000 } as const;
/** The shortest there may be. */
const HASTY = { ...EXPLICIT, ack_wait_ms: 100, max_deliver: 1_000 } as const;

interface Subscribed extends AsyncDisposable {
  readonly caller: BusCaller;
  readonly topic: string;
  readonly reader: EventReader;
}

export function describeAcks(under: BusUnderTest): void {
  describe.concurrent('Ack', () => {
    const bus = useBus(under);
    const subscribed = async (count: number, fields: SubscribeFields = PATIENT): Promise<Subscribed> => {
      const caller = await bus().caller();
      const topic = ownName();
      await caller.publishEach(Array.from({ length: count }, () => topic));
      const reader = caller.subscribe(topic, fields);
      return { caller, topic, reader, [Symbol.asyncDispose]: () => reader.close() };
    };

    test('settles: what is acknowledged does not come again, neither now nor to the next stream', async () => {
      await using on = await subscribed(3);
      const ids = idsOf(await on.reader.take(3));
      expect(await on.caller.ack('d', { ack_ids: ids.slice(0, 2) })).toEqual({ accepted: 2, unknown_ids: [] });
      await on.reader.close();
      await using next = on.caller.subscribe(on.topic, PATIENT);
      expect(attempts(await next.take(1))).toEqual([[3, 2]]);
      expect(await next.surplus()).toEqual([]);
      await expectSubscription(on.caller, 'd', { in_flight: 1, pending: 0, parked: 0 });
    });

    test('twice is accepted twice', async () => {
      await using on = await subscribed(1);
      const ack_ids = idsOf(await on.reader.take(1));
      for (let i = 0; i < 2; i++)
        expect(await on.caller.ack('d', { ack_ids })).toEqual({ accepted: 1, unknown_ids: [] });
    });

    test('without an id is an answer', async () => {
      await using on = await subscribed(1);
      await on.reader.take(1);
      expect(await on.caller.ack('d', {})).toEqual({ accepted: 0, unknown_ids: [] });
    });

    test('that does not come within ack_wait brings the event again, with the next attempt and another id', async () => {
      await using on = await subscribed(1, HASTY);
      const seen = await on.reader.take(4);
      expect(attempts(seen)).toEqual([
        [1, 1],
        [1, 2],
        [1, 3],
        [1, 4],
      ]);
      expect(new Set(idsOf(seen)).size).toBe(4);
    });

    test('of an older attempt settles the event', async () => {
      await using on = await subscribed(1, HASTY);
      const [first] = await on.reader.take(3);
      expect(await on.caller.ack('d', { ack_ids: idsOf([first]) })).toEqual({ accepted: 1, unknown_ids: [] });
      await expectSubscription(on.caller, 'd', { in_flight: 0, parked: 0 });
      const count = on.reader.events.length;
      await on.reader.surplus(300);
      expect(on.reader.events.length - count).toBeLessThanOrEqual(1); // It may have been on its way.
    });

    test('without a stream is an Ack too', async () => {
      await using on = await subscribed(2);
      const ids = idsOf(await on.reader.take(2));
      await on.reader.close();
      expect(await on.caller.ack('d', { ack_ids: ids })).toEqual({ accepted: 2, unknown_ids: [] });
      await using next = on.caller.subscribe(on.topic, { ...PATIENT, idle_heartbeat_ms: 100 });
      await next.follows();
      expect(next.events).toEqual([]);
    });

    test('nack brings the event again at once', async () => {
      await using on = await subscribed(2);
      const [one] = await on.reader.take(2);
      expect(await on.caller.ack('d', { nack_ids: idsOf([one]) })).toEqual({ accepted: 1, unknown_ids: [] });
      expect(attempts(await on.reader.take(1))).toEqual([[1, 2]]);
    });

    test('nack with a delay brings it again after the delay, and it counts as in flight until then', async () => {
      await using on = await subscribed(2, { ...PATIENT, max_in_flight: 1 });
      const [one] = await on.reader.take(1);
      const atMs = performance.now();
      await on.caller.ack('d', { nack_ids: idsOf([one]), nack_delay_ms: 600 });
      await expectSubscription(on.caller, 'd', { in_flight: 1, pending: 1 });
      expect(attempts(await on.reader.take(1))).toEqual([[1, 2]]);
      expect(performance.now() - atMs).toBeGreaterThan(590);
    });

    test('nack with a delay longer than ack_wait waits for the delay', async () => {
      await using on = await subscribed(1, { ...HASTY, ack_wait_ms: 3_600_000 });
      const [one] = await on.reader.take(1);
      await using hasty = on.caller.subscribe(on.topic, HASTY);
      const [two] = await hasty.take(1);
      await on.caller.ack('d', { nack_ids: idsOf([one, two]), nack_delay_ms: 800 });
      const atMs = performance.now();
      const [next] = await hasty.take(1);
      // It may have run out before the nack came; the next attempt is then another delivery.
      if (next?.delivery_attempt === 3) expect(performance.now() - atMs).toBeGreaterThan(700);
    });

    test('an ack after a nack settles the event, which does not come again', async () => {
      await using on = await subscribed(1);
      const ids = idsOf(await on.reader.take(1));
      await on.caller.ack('d', { nack_ids: ids, nack_delay_ms: 300 });
      expect(await on.caller.ack('d', { ack_ids: ids })).toEqual({ accepted: 1, unknown_ids: [] });
      expect(await on.reader.surplus(500)).toEqual([]);
      await expectSubscription(on.caller, 'd', { in_flight: 0, parked: 0 });
    });

    test('nack with a delay outlives the stream', async () => {
      await using on = await subscribed(1);
      const [one] = await on.reader.take(1);
      await on.caller.ack('d', { nack_ids: idsOf([one]), nack_delay_ms: 3_600_000 });
      await using next = on.caller.subscribe(on.topic, PATIENT);
      expect(await next.surplus(300)).toEqual([]);
      await expectSubscription(on.caller, 'd', { in_flight: 1 });
    });

    test('nack of an older attempt is accepted and changes nothing', async () => {
      await using on = await subscribed(1);
      const [first] = await on.reader.take(1);
      await on.caller.ack('d', { nack_ids: idsOf([first]) });
      await on.reader.take(1);
      expect(await on.caller.ack('d', { nack_ids: idsOf([first]) })).toEqual({ accepted: 1, unknown_ids: [] });
      expect(await on.reader.surplus(200)).toEqual([]);
    });

    test('nack and term of what is settled are accepted and change nothing', async () => {
      await using on = await subscribed(1);
      const [first] = await on.reader.take(1);
      await on.caller.ack('d', { ack_ids: idsOf([first]) });
      const late = await on.caller.ack('d', { nack_ids: idsOf([first]), term_ids: idsOf([first]) });
      expect(late.unknown_ids).toEqual([]);
      expect(await on.reader.surplus(200)).toEqual([]);
      await expectSubscription(on.caller, 'd', { in_flight: 0, parked: 0 });
    });

    test('term sets the event aside, and term of an older attempt does not', async () => {
      await using on = await subscribed(2);
      const [one, two] = await on.reader.take(2);
      expect(await on.caller.ack('d', { term_ids: idsOf([one]) })).toEqual({ accepted: 1, unknown_ids: [] });
      await expectSubscription(on.caller, 'd', { in_flight: 1, parked: 1 });
      await on.caller.ack('d', { nack_ids: idsOf([two]) });
      await on.reader.take(1);
      expect(await on.caller.ack('d', { term_ids: idsOf([two]) })).toEqual({ accepted: 1, unknown_ids: [] });
      await expectSubscription(on.caller, 'd', { in_flight: 1, parked: 1 });
    });

    test('forged ids are unknown, and named; the others of the call count', async () => {
      await using on = await subscribed(3);
      const ids = idsOf(await on.reader.take(3));
      const [good = ''] = ids;
      const middle = Math.floor(good.length / 2);
      const forged = [
        '',
        'x',
        '∞',
        'A'.repeat(good.length),
        `${good}A`,
        good.slice(0, -2),
        `${good.slice(0, middle)}${good[middle] === 'A' ? 'B' : 'A'}${good.slice(middle + 1)}`,
        good.toLowerCase() === good ? good.toUpperCase() : good.toLowerCase(),
        ` ${good}`,
        'y'.repeat(10_000),
      ];
      const answer = await on.caller.ack('d', { ack_ids: [...forged, good] });
      expect(answer).toEqual({ accepted: 1, unknown_ids: forged });
      await expectSubscription(on.caller, 'd', { in_flight: 2 });
      expect(await on.caller.ack('d', { nack_ids: ['x'], term_ids: ['y'] })).toMatchObject({ accepted: 0 });
    });

    test('ids of another subscription of the same subject are unknown', async () => {
      await using on = await subscribed(1);
      await on.reader.take(1);
      await using other = on.caller.subscribe(on.topic, { ...PATIENT, durable_name: 'e' });
      const foreign = idsOf(await other.take(1));
      expect(await on.caller.ack('d', { ack_ids: foreign })).toEqual({ accepted: 0, unknown_ids: foreign });
      await expectSubscription(on.caller, 'e', { in_flight: 1 });
    });

    test('takes 1,024 ids in the three lists together, and refuses one more', async () => {
      await using on = await subscribed(1);
      await on.reader.take(1);
      const ids = (count: number) => Array.from({ length: count }, (_, i) => `x${i}`);
      const most = { ack_ids: ids(500), nack_ids: ids(500), term_ids: ids(24) };
      expect((await on.caller.ack('d', most)).unknown_ids).toHaveLength(1_024);
      await expectRefused(on.caller.ack('d', { ...most, term_ids: ids(25) }), 'ARGUMENT_INVALID');
    });

    test('of 300 at once is one answer, and all are settled', async () => {
      await using on = await subscribed(0, { ...PATIENT, max_in_flight: 300 });
      await on.caller.publishMany(on.topic, 300);
      const ack_ids = idsOf(await on.reader.take(300));
      expect(await on.caller.ack('d', { ack_ids })).toEqual({ accepted: 300, unknown_ids: [] });
      await expectSubscription(on.caller, 'd', { in_flight: 0 });
    });

    test.each(['Ack', 'DeleteSubscription'] as const)(
      "%s needs the right of the subscription's filter; without a subscription, any right to subscribe",
      async (method) => {
        await using on = await subscribed(1);
        await on.reader.take(1);
        const { sub } = on.caller;
        const call = async (capabilities: string[], durable_name: string) =>
          bus().client.call(method, {
            durable_name,
            subscriber_token: (await bus().caller({ sub, capabilities })).token,
          });
        const other = ['event:subscribe:elsewhere:*'];
        const nothing = ['event:publish:*', 'db:a:read'];
        await expectRefused(call(other, 'd'), 'CAPABILITY_DENIED');
        await expectRefused(call(nothing, 'd'), 'CAPABILITY_DENIED');
        await expectRefused(call(nothing, 'unknown'), 'CAPABILITY_DENIED');
        if (method === 'Ack') await expectRefused(call(other, 'unknown'), 'SUBSCRIPTION_UNKNOWN');
        else expect(await call(other, 'unknown')).toEqual({ existed: false });
        await expectSubscription(on.caller, 'd', { in_flight: 1 });
        await call([`event:subscribe:${on.topic}`], 'd');
      },
    );

    describeInFlight(subscribed);
  });
}

function describeInFlight(subscribed: (count: number, fields: SubscribeFields) => Promise<Subscribed>): void {
  test('as many as max_in_flight are sent, and one more for each that is settled', async () => {
    await using on = await subscribed(10, { ...PATIENT, max_in_flight: 3 });
    const seen = await on.reader.take(3);
    expect(await on.reader.surplus()).toEqual([]);
    await on.caller.ack('d', { ack_ids: idsOf([seen[1]]) });
    expect(sequences(await on.reader.take(1))).toEqual([4]);
    expect(await on.reader.surplus()).toEqual([]);
    await on.caller.ack('d', { term_ids: idsOf([seen[0]]), ack_ids: idsOf([seen[2]]) });
    expect(sequences(await on.reader.take(2))).toEqual([5, 6]);
    expect(await on.reader.surplus()).toEqual([]);
    await expectSubscription(on.caller, 'd', { in_flight: 3, pending: 4 });
  });

  test('as many as 64 are sent where nothing is said', async () => {
    await using on = await subscribed(70, PATIENT);
    await on.reader.take(64);
    expect(await on.reader.surplus()).toEqual([]);
  });

  test('1,024 may be in flight', async () => {
    await using on = await subscribed(0, { ...PATIENT, max_in_flight: 1_024 });
    await on.caller.publishMany(on.topic, 1_030);
    await on.reader.take(1_024);
    expect(await on.reader.surplus()).toEqual([]);
  });

  test('one in flight keeps the order of the log, however often an event comes again', async () => {
    await using on = await subscribed(12, { ...HASTY, max_in_flight: 1 });
    const order: number[] = [];
    for (let delivery = 0; new Set(order).size < 12; delivery++) {
      const [event] = await on.reader.take(1);
      order.push(event?.sequence_id ?? 0);
      // Acknowledged, refused, or let run out.
      if (delivery % 3 === 0) await on.caller.ack('d', { ack_ids: idsOf([event]) });
      if (delivery % 3 === 1) await on.caller.ack('d', { nack_ids: idsOf([event]) });
    }
    expect(order).toEqual(order.toSorted((a, b) => a - b));
  });

  test('an event is delivered max_deliver times and then set aside, which makes room', async () => {
    await using on = await subscribed(2, { ...HASTY, max_deliver: 3, max_in_flight: 1 });
    expect(attempts(await on.reader.take(6))).toEqual([
      [1, 1],
      [1, 2],
      [1, 3],
      [2, 1],
      [2, 2],
      [2, 3],
    ]);
    await eventually(
      () => on.caller.subscription('d'),
      (info) => info?.parked === 2 && info.in_flight === 0,
    );
    expect(await on.reader.surplus(200)).toEqual([]);
  });

  test('the last delivery counts although it is acknowledged late, unless the event is set aside already', async () => {
    await using on = await subscribed(1, { ...PATIENT, max_deliver: 1 });
    const ack_ids = idsOf(await on.reader.take(1));
    expect(await on.caller.ack('d', { ack_ids })).toEqual({ accepted: 1, unknown_ids: [] });
    await expectSubscription(on.caller, 'd', { parked: 0, in_flight: 0 });
  });

  test('a nack at the last delivery sets the event aside', async () => {
    await using on = await subscribed(1, { ...PATIENT, max_deliver: 2 });
    await on.caller.ack('d', { nack_ids: idsOf(await on.reader.take(1)) });
    await on.caller.ack('d', { nack_ids: idsOf(await on.reader.take(1)) });
    await eventually(
      () => on.caller.subscription('d'),
      (info) => info?.parked === 1 && info.in_flight === 0,
    );
  });

  test('an event that was set aside stays there, however late it is acknowledged', async () => {
    await using on = await subscribed(1, { ...HASTY, max_deliver: 1 });
    const ack_ids = idsOf(await on.reader.take(1));
    await expectSubscription(on.caller, 'd', { in_flight: 0, parked: 1 });
    expect(await on.caller.ack('d', { ack_ids })).toEqual({ accepted: 1, unknown_ids: [] });
    await expectSubscription(on.caller, 'd', { in_flight: 0, parked: 1 });
  });

  test('ten deliveries are the limit where nothing is said', async () => {
    await using on = await subscribed(1, { ...EXPLICIT, ack_wait_ms: 100 });
    expect(attempts(await on.reader.take(10)).at(-1)).toEqual([1, 10]);
    await eventually(
      () => on.caller.subscription('d'),
      (info) => info?.parked === 1,
    );
  });
}

function idsOf(envelopes: readonly (Envelope | undefined)[]): string[] {
  return envelopes.map((envelope) => envelope?.ack_id ?? '');
}

function attempts(envelopes: readonly Envelope[]): number[][] {
  return envelopes.map(({ sequence_id, delivery_attempt }) => [sequence_id, delivery_attempt]);
}
