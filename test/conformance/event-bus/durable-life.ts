/**
 * Random lives of durable subscriptions: published, acknowledged, refused, given up, forgotten, taken over, closed and
 * restarted in any order, and in the end each event is acknowledged or parked, as often delivered as it says.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { BusCaller } from '../../harness/bus-caller.ts';
import { ownName, type TestBus } from '../../harness/event-bus.ts';
import type { Envelope, EventReader } from '../../harness/event-reader.ts';
import { eventually } from '../../harness/eventually.ts';
import { type BusUnderTest, expectEnd, seeded, useBus } from './bus-under-test.ts';

const SEED = Number(process.env.MCP2_TEST_SEED ?? Date.now() % 1_000_000);
const STEPS = 60;
const MAX_DELIVER = 4;

export function describeDurableLife(under: BusUnderTest): void {
  describe('the life of a durable subscription', () => {
    const bus = useBus(under);

    test.each([1, 2, 3])(`number %i (MCP2_TEST_SEED=${SEED})`, async (number) => {
      const life = new Life(bus(), await bus().caller(), seeded(SEED + number));
      await life.live();
      await life.settle();
      await life.judge();
    });

    test('attached twenty times at once has one stream left, which gets everything', async () => {
      const caller = await bus().caller();
      const topic = ownName();
      await caller.publishMany(topic, 30);
      const fields = { durable_name: 'd', ack_mode: 1, start: 1, ack_wait_ms: 3_600_000, max_deliver: 1_000 } as const;
      const readers = Array.from({ length: 20 }, () => caller.subscribe(topic, fields));
      await eventually(
        () => readers.filter(({ end }) => end === undefined),
        (open) => open.length === 1,
      );
      const [last] = readers.filter(({ end }) => end === undefined);
      for (const reader of readers.filter(({ end }) => end !== undefined))
        await expectEnd(reader, 'SUBSCRIPTION_TAKEN');
      const seen = (await last?.take(30)) ?? [];
      expect(seen.map(({ sequence_id }) => sequence_id).toSorted((a, b) => a - b)).toEqual(
        Array.from({ length: 30 }, (_, i) => i + 1),
      );
      expect((await caller.ack('d', { ack_ids: seen.map(({ ack_id }) => ack_id) })).accepted).toBe(30);
      await using next = caller.subscribe(topic, { ...fields, idle_heartbeat_ms: 100 });
      await next.follows();
      expect(next.events).toEqual([]);
    });

    test('attached and deleted again and again at once is there or not in the end, and works', async () => {
      const caller = await bus().caller();
      const topic = ownName();
      const fields = { durable_name: 'd', ack_mode: 1, start: 1 } as const;
      await caller.publishMany(topic, 5);
      const readers: EventReader[] = [];
      await Promise.all(
        Array.from({ length: 30 }, async (_, i) => {
          if (i % 3 === 2) await caller.deleteSubscription('d');
          else readers.push(caller.subscribe(topic, fields));
        }),
      );
      await using last = caller.subscribe(topic, fields);
      expect(last.end ?? (await last.take(5)).map(({ sequence_id }) => sequence_id).toSorted((a, b) => a - b)).toEqual([
        1, 2, 3, 4, 5,
      ]);
      for (const reader of readers) {
        const reason = (await reader.ended())?.reason;
        expect(['SUBSCRIPTION_TAKEN', 'SUBSCRIPTION_UNKNOWN']).toContain(reason);
      }
      expect((await caller.listSubscriptions()).map(({ durable_name: name, active }) => [name, active])).toEqual([
        ['d', true],
      ]);
      expect(await caller.deleteSubscription('d')).toEqual({ existed: true });
      await expectEnd(last, 'SUBSCRIPTION_UNKNOWN');
      expect(await caller.listSubscriptions()).toEqual([]);
    });
  });
}

interface Stream {
  readonly reader: EventReader;
  /** Events that were acknowledged before it was opened. */
  readonly acknowledged: ReadonlySet<number>;
  taken: number;
}

class Life {
  readonly #bus: TestBus;
  readonly #caller: BusCaller;
  readonly #random: () => number;
  readonly #topic = ownName();
  readonly #streams: Stream[] = [];
  readonly #acked = new Set<number>();
  readonly #termed = new Set<number>();
  #published = 0;

  constructor(bus: TestBus, caller: BusCaller, random: () => number) {
    this.#bus = bus;
    this.#caller = caller;
    this.#random = random;
  }

  async live(): Promise<void> {
    this.#attach();
    for (let step = 0; step < STEPS; step++) {
      const dice = this.#random();
      if (dice < 0.35) await this.#publish();
      else if (dice < 0.8) await this.#handle();
      else if (dice < 0.86) this.#attach();
      else if (dice < 0.92) await this.#current.reader.close();
      else if (dice < 0.97) await sleep(this.#random() * 200);
      else await this.#bus.restart();
      if (this.#current.reader.end !== undefined) this.#attach();
    }
  }

  /** Acknowledges everything that still comes. */
  async settle(): Promise<void> {
    this.#attach();
    const isSettled = async () => {
      if (this.#current.reader.end !== undefined) this.#attach();
      await this.#ack(this.#next());
      const info = await this.#caller.subscription('d');
      return info?.pending === 0 && info.in_flight === 0;
    };
    await eventually(isSettled, Boolean, { timeoutMs: 30_000, what: 'everything being settled' });
    await this.#current.reader.close();
  }

  async judge(): Promise<void> {
    const parked = await this.#parked();
    const ends = new Set([...this.#acked, ...parked.map(({ sequence }) => sequence)]);
    expect([...ends].toSorted((a, b) => a - b)).toEqual(Array.from({ length: this.#published }, (_, i) => i + 1));
    for (const { sequence, reason, attempts } of parked) {
      if (reason === 'term') expect(this.#termed).toContain(sequence);
      else expect([reason, attempts]).toEqual(['max_deliver', MAX_DELIVER]);
    }
    const attempts = new Map<number, number>();
    for (const { reader, acknowledged } of this.#streams) {
      for (const { sequence_id: sequence, delivery_attempt: attempt } of reader.events) {
        expect(acknowledged, `${sequence} was acknowledged before this stream was opened`).not.toContain(sequence);
        expect(attempt).toBeGreaterThan(attempts.get(sequence) ?? 0);
        expect(attempt).toBeLessThanOrEqual(MAX_DELIVER);
        attempts.set(sequence, attempt);
      }
    }
    expect(attempts.size).toBe(this.#published);
  }

  get #current(): Stream {
    return this.#streams.at(-1) as Stream;
  }

  #attach(): void {
    const reader = this.#caller.subscribe(this.#topic, {
      ...{ durable_name: 'd', ack_mode: 1, start: 1, ack_wait_ms: 150, max_deliver: MAX_DELIVER },
      max_in_flight: 1 + Math.floor(this.#random() * 20),
    });
    this.#streams.push({ reader, acknowledged: new Set(this.#acked), taken: 0 });
  }

  async #publish(): Promise<void> {
    const count = 1 + Math.floor(this.#random() * 8);
    await this.#caller.publishEach(Array.from({ length: count }, () => this.#topic));
    this.#published += count;
  }

  /** What this stream brought since the last look. */
  #next(): Envelope[] {
    const stream = this.#current;
    const fresh = stream.reader.events.slice(stream.taken);
    stream.taken += fresh.length;
    return fresh;
  }

  async #handle(): Promise<void> {
    await sleep(this.#random() * 30);
    const dice = this.#random();
    const fresh = this.#next();
    const ids = fresh.map(({ ack_id }) => ack_id);
    if (dice < 0.4) await this.#ack(fresh);
    else if (dice < 0.6)
      await this.#caller.ack('d', { nack_ids: ids, nack_delay_ms: Math.floor(this.#random() * 200) });
    else if (dice < 0.75) {
      for (const { sequence_id: sequence } of fresh) this.#termed.add(sequence);
      await this.#caller.ack('d', { term_ids: ids });
    }
  }

  async #ack(events: readonly Envelope[]): Promise<void> {
    if (events.length === 0) return;
    const answer = await this.#caller.ack('d', { ack_ids: events.map(({ ack_id }) => ack_id) });
    expect(answer).toEqual({ accepted: events.length, unknown_ids: [] });
    for (const { sequence_id: sequence } of events) this.#acked.add(sequence);
  }

  async #parked() {
    await using reader = this.#caller.subscribe('_dlq:d', { start: 1, idle_heartbeat_ms: 100 });
    await reader.follows();
    return reader.events.map(({ attributes }) => ({
      sequence: Number(attributes['mcp2-sequence']),
      reason: attributes['mcp2-reason'],
      attempts: Number(attributes['mcp2-attempts']),
    }));
  }
}
