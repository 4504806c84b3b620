/**
 * The durable subscriptions of this process: found by their owner and name, kept in memory while a stream is open or one is
 * being settled, otherwise read again from the log.
 */
import { LRUCache } from 'lru-cache';
import type { Clock } from '#lib/clock.ts';
import { hasReason, ServiceError } from '#lib/errors.ts';
import type { DurableKey, DurableRecord, DurableStore, Offset, PendingDelivery } from '../log/event-log.ts';
import { Durable, type Holder, unknownSubscription } from './durable.ts';

export interface WantedDurable extends DurableKey {
  readonly filter: string;
  readonly explicitAck: boolean;
}

export interface DurableBegin {
  readonly position: Offset;
  /** Events up to the position that are wanted all the same, in order. */
  readonly backlog: readonly Offset[];
}

/** Idle ones that are still in memory. */
const MAX_IDLE = 1_000;
/** The log deletes those that nobody uses. */
const IDLE_MS = 3_600_000;

export class Durables {
  readonly #store: DurableStore;
  readonly #clock: Clock;
  /** Those with an open stream. */
  readonly #held = new Map<string, Durable>();
  readonly #idle = new LRUCache<string, Durable>({ max: MAX_IDLE, ttl: IDLE_MS });
  /** One change of who has what at a time: reading the log lies between asking and doing. */
  readonly #turns = new Map<string, Promise<unknown>>();

  constructor(store: DurableStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  get attached(): number {
    return this.#held.size;
  }

  /** @returns undefined when there is none */
  find(key: DurableKey): Promise<Durable | undefined> {
    const known = this.#known(key);
    if (known !== undefined) return Promise.resolve(known);
    return this.#inTurn(key, () => this.#read(key));
  }

  /**
   * Opens a stream on it; the stream that had it ends SUBSCRIPTION_TAKEN.
   *
   * @param begin Where a new one begins; asked for a new one alone.
   * @throws ServiceError FILTER_FIXED, QUOTA_EXCEEDED, and what `begin` throws
   */
  attach(wanted: WantedDurable, holder: Holder, begin: () => Promise<DurableBegin>): Promise<Durable> {
    return this.#inTurn(wanted, async () => {
      const known = await this.#inUse(wanted);
      if (known !== undefined) requireSame(known.record, wanted);
      const durable = known ?? (await this.#create(wanted, await begin()));
      durable.holder?.fail(taken(wanted.name));
      this.#idle.delete(pathOf(wanted));
      this.#held.set(pathOf(wanted), durable);
      durable.attach(holder);
      return durable;
    });
  }

  /** The stream has ended. */
  detach(durable: Durable, holder: Holder): void {
    if (durable.holder !== holder) return;
    durable.detach(holder);
    const path = pathOf(durable.record);
    if (this.#held.get(path) !== durable) return;
    this.#held.delete(path);
    this.#idle.set(path, durable);
  }

  /** With what it has parked; an open stream ends SUBSCRIPTION_UNKNOWN. @returns whether there was one */
  delete(key: DurableKey): Promise<boolean> {
    return this.#inTurn(key, async () => {
      const existed = await this.#store.delete(key);
      const path = pathOf(key);
      const durable = this.#held.get(path) ?? this.#idle.get(path);
      this.#held.delete(path);
      this.#idle.delete(path);
      durable?.markDeleted();
      durable?.holder?.fail(unknownSubscription(key.name));
      return existed;
    });
  }

  /** Writes down what this process knows of the owner's subscriptions, so that the log's figures are those of now. */
  async flush(owner: string): Promise<void> {
    const own = [...this.#held.values(), ...this.#idle.values()].filter(({ record }) => record.owner === owner);
    // What cannot be written is told by the stream or the call that it belongs to.
    await Promise.allSettled(own.map((durable) => durable.flush()));
  }

  isActive(key: DurableKey): boolean {
    return this.#held.has(pathOf(key));
  }

  /** Attaching is use, also where nothing comes. @returns undefined when there is none, or the log has deleted it */
  async #inUse(key: DurableKey): Promise<Durable | undefined> {
    const known = this.#known(key) ?? (await this.#read(key));
    try {
      await known?.touch();
      return known;
    } catch (error) {
      if (hasReason(error, 'SUBSCRIPTION_UNKNOWN')) return undefined;
      throw error;
    }
  }

  #known(key: DurableKey): Durable | undefined {
    const path = pathOf(key);
    return this.#held.get(path) ?? this.#idle.get(path);
  }

  async #read(key: DurableKey): Promise<Durable | undefined> {
    const known = this.#known(key);
    if (known !== undefined) return known;
    const record = await this.#store.find(key);
    if (record === undefined) return undefined;
    const deliveries = await this.#store.deliveries(record.id);
    const durable = this.#open(record, deliveries);
    this.#idle.set(pathOf(key), durable);
    return durable;
  }

  async #create(
    { owner, name, filter, explicitAck }: WantedDurable,
    { position, backlog }: DurableBegin,
  ): Promise<Durable> {
    const record = await this.#store.create({ owner, name, filter, explicitAck, position });
    const durable = this.#open(record, []);
    if (backlog.length === 0) return durable;
    durable.owe(backlog);
    try {
      await durable.flush();
    } catch (error) {
      // Half of it must not stay behind as if it were all.
      await this.#store.delete({ owner, name });
      throw error;
    }
    return durable;
  }

  #open(record: DurableRecord, deliveries: readonly PendingDelivery[]): Durable {
    const onBroken = (durable: Durable, error: Error) => this.#forget(durable, error);
    return new Durable({ store: this.#store, record, deliveries, clock: this.#clock, onBroken });
  }

  /** The next who asks reads it from the log, so that what was not stored comes again. */
  #forget(durable: Durable, error: Error): void {
    const path = pathOf(durable.record);
    if (this.#held.get(path) === durable) this.#held.delete(path);
    if (this.#idle.get(path) === durable) this.#idle.delete(path);
    durable.holder?.fail(error);
  }

  #inTurn<T>(key: DurableKey, act: () => Promise<T>): Promise<T> {
    const path = pathOf(key);
    const before = this.#turns.get(path) ?? Promise.resolve();
    const mine = before.then(act, act);
    const settled = mine.then(
      () => undefined,
      () => undefined,
    );
    this.#turns.set(path, settled);
    return mine.finally(() => {
      if (this.#turns.get(path) === settled) this.#turns.delete(path);
    });
  }
}

function taken(name: string): ServiceError {
  const message = `a newer stream took the durable subscription ${JSON.stringify(name)} over`;
  return new ServiceError('SUBSCRIPTION_TAKEN', message);
}

function requireSame(record: DurableRecord, wanted: WantedDurable): void {
  if (record.filter === wanted.filter && record.explicitAck === wanted.explicitAck) return;
  const what = record.filter === wanted.filter ? 'acknowledgement mode' : 'filter';
  throw new ServiceError(
    'FILTER_FIXED',
    `the durable subscription ${JSON.stringify(wanted.name)} was made with another ${what}; delete it first, or use another name`,
  );
}

/** The owner is a hash: no owner and name make the path of another pair. */
function pathOf({ owner, name }: DurableKey): string {
  return `${owner}/${name}`;
}
