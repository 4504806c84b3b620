/**
 * One durable subscription in memory: where it stands, what it has in flight, whose stream it is. Everything that happens to
 * it goes through here, whether a stream is open or not, and is written down by the log.
 */
import type { Clock } from '#lib/clock.ts';
import { ServiceError } from '#lib/errors.ts';
import type { DurableRecord, DurableStore, Offset, ParkedDelivery, PendingDelivery } from '../log/event-log.ts';
import { ChangeBuffer, SubscriptionGone } from './change-buffer.ts';
import { InFlight } from './in-flight.ts';

/** The stream that has a subscription now. */
export interface Holder {
  /** Ends it. */
  fail(error: Error): void;
  /** Something was settled, or is to be delivered again. */
  wake(): void;
}

export interface DurableOptions {
  readonly store: DurableStore;
  readonly record: DurableRecord;
  readonly deliveries: readonly PendingDelivery[];
  readonly clock: Clock;
  /** Something could not be written: what is in memory is not what a restart would find. */
  readonly onBroken: (durable: Durable, error: Error) => void;
}

const TOUCH_EVERY_MS = 6 * 3_600_000;

export class Durable {
  readonly record: DurableRecord;
  readonly inFlight = new InFlight();
  /** Events before the position that were never delivered, in order: the first phase of START_POLICY_LAST_PER_TOPIC. */
  readonly backlog: Offset[] = [];
  /** Told when something was parked, and of its deletion. */
  readonly onParked = new Set<() => void>();
  position: Offset;
  holder: Holder | undefined;
  isDeleted = false;
  readonly #clock: Clock;
  #touchedMs = Number.NEGATIVE_INFINITY;
  /** Since its readers were told. */
  #hasParked = false;
  readonly #changes: ChangeBuffer;
  readonly #onBroken: DurableOptions['onBroken'];

  constructor({ store, record, deliveries, clock, onBroken }: DurableOptions) {
    this.record = record;
    this.position = record.position;
    this.#clock = clock;
    this.#onBroken = onBroken;
    this.#changes = new ChangeBuffer(store, record.id);
    for (const delivery of deliveries) {
      if (delivery.attempt === 0) this.backlog.push(delivery.offset);
      else this.inFlight.restore(delivery);
    }
  }

  /** To be delivered before everything that follows the position. */
  owe(offsets: readonly Offset[]): void {
    for (const offset of offsets) {
      this.backlog.push(offset);
      this.#changes.deliver({ offset, attempt: 0, notBeforeMs: 0 });
    }
  }

  /** Everything up to here was handed out. */
  moveTo(position: Offset): void {
    this.position = position;
    this.#changes.moveTo(position);
  }

  deliver(offset: Offset, attempt: number, ackWaitMs: number): void {
    this.inFlight.delivered(offset, attempt, this.#clock.monotonicMs() + ackWaitMs);
    this.#changes.deliver({ offset, attempt, notBeforeMs: 0 });
  }

  /** Harmless for what is settled already. */
  settle(offset: Offset): void {
    if (this.inFlight.settle(offset)) this.#changes.settle(offset);
  }

  /** One of the backlog that is gone. */
  skip(offset: Offset): void {
    this.#changes.settle(offset);
  }

  nack(offset: Offset, attempt: number, delayMs: number): void {
    if (this.inFlight.attemptOf(offset) !== attempt) return;
    const notBeforeMs = delayMs === 0 ? 0 : this.#clock.nowMs() + delayMs;
    const dueMs = this.holder === undefined ? Number.POSITIVE_INFINITY : this.#clock.monotonicMs() + delayMs;
    this.inFlight.again(offset, { dueMs, notBeforeMs });
    this.#changes.deliver({ offset, attempt, notBeforeMs });
  }

  /** @returns false for what is settled already, or was delivered again since */
  park(offset: Offset, attempt: number, reason: ParkedDelivery['reason']): boolean {
    if (this.inFlight.attemptOf(offset) !== attempt) return false;
    this.inFlight.settle(offset);
    this.#changes.park({ offset, reason, attempts: attempt });
    this.#hasParked = true;
    return true;
  }

  /** It is in use: the log keeps it for another week. @throws as `flush` does */
  async touch(): Promise<void> {
    this.#touchedMs = this.#clock.monotonicMs();
    this.#changes.touch();
    await this.flush();
  }

  /** Of a stream that nothing comes to. */
  get needsTouch(): boolean {
    return this.#clock.monotonicMs() - this.#touchedMs > TOUCH_EVERY_MS;
  }

  /** Resolves when everything so far is durable. @throws ServiceError STORE_UNAVAILABLE, SUBSCRIPTION_UNKNOWN */
  async flush(): Promise<void> {
    const hasParked = this.#hasParked;
    this.#hasParked = false;
    try {
      await this.#changes.flush();
    } catch (error) {
      const why = error instanceof SubscriptionGone ? unknownSubscription(this.record.name) : (error as Error);
      this.#onBroken(this, why);
      throw why;
    }
    if (hasParked) this.#tellReaders();
  }

  markDeleted(): void {
    this.isDeleted = true;
    this.#tellReaders();
  }

  attach(holder: Holder): void {
    this.holder = holder;
    this.inFlight.attach({ nowMs: this.#clock.monotonicMs(), wallMs: this.#clock.nowMs() });
  }

  /** Without effect when another stream has it by now. */
  detach(holder: Holder): void {
    if (this.holder !== holder) return;
    this.holder = undefined;
    this.inFlight.detach();
  }

  #tellReaders(): void {
    for (const listener of this.onParked) listener();
  }
}

export function unknownSubscription(name: string): ServiceError {
  return new ServiceError('SUBSCRIPTION_UNKNOWN', `there is no durable subscription ${JSON.stringify(name)} of yours`);
}
