/**
 * What a durable subscription has still to write: changes that come while a write is on its way are joined into the next one,
 * so that the rate of commits and not that of events bounds the writes.
 */
import type { DurableChanges, DurableStore, Offset, ParkedDelivery, PendingDelivery } from '../log/event-log.ts';

/** The log has deleted the subscription, since nobody used it for too long. */
export class SubscriptionGone extends Error {
  constructor() {
    super('the subscription was deleted');
    this.name = 'SubscriptionGone';
  }
}

export class ChangeBuffer {
  readonly #store: DurableStore;
  readonly #id: string;
  #position: Offset | undefined;
  #isTouched = false;
  #delivered = new Map<Offset, PendingDelivery>();
  #settled = new Set<Offset>();
  #parked: ParkedDelivery[] = [];
  #writing: Promise<void> | undefined;
  /** Of the write that takes what is noted now. */
  #next: Promise<void> | undefined;

  constructor(store: DurableStore, id: string) {
    this.#store = store;
    this.#id = id;
  }

  /** The next write counts as use, also where nothing has changed. */
  touch(): void {
    this.#isTouched = true;
  }

  moveTo(position: Offset): void {
    this.#position = position;
  }

  deliver(delivery: PendingDelivery): void {
    this.#settled.delete(delivery.offset);
    this.#delivered.set(delivery.offset, delivery);
  }

  settle(offset: Offset): void {
    this.#delivered.delete(offset);
    this.#settled.add(offset);
  }

  park(delivery: ParkedDelivery): void {
    this.#delivered.delete(delivery.offset);
    this.#parked.push(delivery);
  }

  /** Resolves when everything that was noted so far is durable. @throws ServiceError STORE_UNAVAILABLE, SubscriptionGone */
  flush(): Promise<void> {
    if (this.#next !== undefined) return this.#next;
    if (this.#isEmpty()) return this.#writing ?? Promise.resolve();
    const next = this.#afterWriting().then(() => {
      this.#next = undefined;
      this.#writing = this.#write().finally(() => {
        this.#writing = undefined;
      });
      return this.#writing;
    });
    this.#next = next;
    return next;
  }

  async #write(): Promise<void> {
    if (!(await this.#store.change(this.#id, this.#take()))) throw new SubscriptionGone();
  }

  /** Its failure is told to those who wait for it. */
  async #afterWriting(): Promise<void> {
    await this.#writing?.catch(() => undefined);
  }

  #isEmpty(): boolean {
    const nothing = this.#delivered.size === 0 && this.#settled.size === 0 && this.#parked.length === 0;
    return this.#position === undefined && !this.#isTouched && nothing;
  }

  #take(): DurableChanges {
    const changes = {
      ...(this.#position === undefined ? {} : { position: this.#position }),
      delivered: [...this.#delivered.values()],
      settled: [...this.#settled],
      parked: this.#parked,
    };
    this.#position = undefined;
    this.#isTouched = false;
    this.#delivered = new Map();
    this.#settled = new Set();
    this.#parked = [];
    return changes;
  }
}
