/**
 * What the registry answers from: all registrations in memory, fed by one listing and one watch.
 *
 * One watch over both kinds of records, because two would deliver one write (a server and its first instance) at two
 * times. A new listing is built aside, in slices that let calls through, and swapped in whole: no Lookup ever sees half
 * of it. While the store is away the last known state stays, for as long as it takes.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '#lib/clock.ts';
import type { Follower } from '#lib/store/follow.ts';
import type { Keys } from '#lib/store/keys.ts';
import { RevisionWaiters } from '#lib/store/revision-waiters.ts';
import type { Listing, Revision, WatchBatch } from '#lib/store/store.ts';
import { RegistrationTable } from './registration-table.ts';

/** Some 5 ms of work. */
const ENTRIES_A_SLICE = 1000;

export interface RegistrationIndexOptions {
  readonly keys: Keys;
  readonly clock: Clock;
  /** The store did not answer or the watch broke; following goes on by itself. */
  readonly onUnavailable?: Follower['unavailable'];
}

export class RegistrationIndex implements Follower {
  readonly #keys: Keys;
  readonly #clock: Clock;
  readonly #onUnavailable: Follower['unavailable'];
  readonly #waiters: RevisionWaiters;
  readonly #loaded = Promise.withResolvers<void>();
  #table: RegistrationTable;
  #isLoaded = false;
  #revision: Revision = 0;
  #edition = 0;
  #heardMs = 0;

  constructor({ keys, clock, onUnavailable }: RegistrationIndexOptions) {
    this.#keys = keys;
    this.#clock = clock;
    this.#onUnavailable = onUnavailable;
    this.#waiters = new RevisionWaiters(clock);
    this.#table = new RegistrationTable(keys);
  }

  /** False until the first listing is in: then there is nothing to answer from. */
  get isLoaded(): boolean {
    return this.#isLoaded;
  }

  /** Settles with the first listing, for as long as that takes. */
  get loaded(): Promise<void> {
    return this.#loaded.promise;
  }

  get table(): RegistrationTable {
    return this.#table;
  }

  /**
   * Revision of the newest change that this index holds. Never the store's own counter: on a store shared with others
   * that one runs ahead, and another replica asked for it would wait for a change that never comes.
   */
  get revision(): Revision {
    return this.#revision;
  }

  /** Another number whenever anything in the index may have changed; for caches of what was found. */
  get edition(): number {
    return this.#edition;
  }

  /** Milliseconds since the watch last said anything; it does so at least every 10 s while it is connected. */
  get silentMs(): number {
    return this.#clock.monotonicMs() - this.#heardMs;
  }

  async reset({ entries, revision }: Listing): Promise<void> {
    const table = new RegistrationTable(this.#keys);
    let newest = 0;
    for (const [i, entry] of entries.entries()) {
      if (i > 0 && i % ENTRIES_A_SLICE === 0) await nextTurn();
      newest = Math.max(newest, entry.modRevision);
      table.put(entry);
    }
    this.#table = table;
    this.#revision = Math.min(Math.max(newest, this.#revision), revision);
    this.#edition += 1;
    this.#isLoaded = true;
    this.#loaded.resolve();
    this.#heardMs = this.#clock.monotonicMs();
    this.#waiters.restart(revision);
  }

  apply({ events, revision }: WatchBatch): void {
    let isChanged = false;
    for (const event of events) {
      if (event.kind === 'put') this.#table.put(event.entry);
      else this.#table.remove(event.key);
      this.#revision = Math.max(this.#revision, event.kind === 'put' ? event.entry.modRevision : event.modRevision);
      isChanged ||= this.#holds(event.kind === 'put' ? event.entry.key : event.key);
    }
    if (isChanged) this.#edition += 1;
    this.#heardMs = this.#clock.monotonicMs();
    this.#waiters.advance(revision);
  }

  unavailable(error: unknown, isFirst: boolean): void {
    this.#onUnavailable?.(error, isFirst);
  }

  has(revision: Revision): boolean {
    return this.#waiters.has(revision);
  }

  /** @throws ServiceError REVISION_NOT_REACHED when the index does not hold this revision within `timeoutMs`. */
  reach(revision: Revision, timeoutMs: number, signal: AbortSignal): Promise<void> {
    return this.#waiters.reach(revision, timeoutMs, signal);
  }

  /** What else is kept below the root (fences, cards) is in no answer. */
  #holds(key: string): boolean {
    return key.startsWith(this.#keys.servers) || key.startsWith(this.#keys.instances);
  }
}
