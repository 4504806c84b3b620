/**
 * What Discovery holds now, as the operator last saw it: a copy of all server records, fed by list and watch.
 *
 * Reconciling reads it instead of asking the store, an outside edit shows up here within milliseconds, and
 * "registered" means that a record came back through it: the write was not only acknowledged, it is what every
 * registry replica is being told.
 */

import type { Follower } from '#lib/store/follow.ts';
import { decodeServerRecord, type ServerRecord } from '#lib/store/servers.ts';
import type { Listing, Revision, Store, WatchBatch } from '#lib/store/store.ts';

export interface MirroredRecord {
  readonly key: string;
  readonly modRevision: Revision;
  /** Undefined when the value is no server record. */
  readonly record: ServerRecord | undefined;
}

export interface MirrorOptions {
  /** A key below the prefix changed, or may have while we were away. Must not throw; enqueue only. */
  readonly onChange: (key: string, now: MirroredRecord | undefined, before: MirroredRecord | undefined) => void;
}

export class Mirror implements Follower {
  readonly #records = new Map<string, MirroredRecord>();
  readonly #waiting = new Set<() => void>();
  readonly #onChange: MirrorOptions['onChange'];
  #revision: Revision = 0;

  constructor({ onChange }: MirrorOptions) {
    this.#onChange = onChange;
  }

  /** Everything up to this revision is in the mirror; 0 before the first listing. */
  get revision(): Revision {
    return this.#revision;
  }

  get hasSynced(): boolean {
    return this.#revision > 0;
  }

  get(key: string): MirroredRecord | undefined {
    return this.#records.get(key);
  }

  all(): Iterable<MirroredRecord> {
    return this.#records.values();
  }

  /** @returns whether the mirror reached the revision before `signal` aborted. */
  async reaches(revision: Revision, signal: AbortSignal): Promise<boolean> {
    while (this.#revision < revision) {
      if (signal.aborted) return false;
      await this.#nextChange(signal);
    }
    return true;
  }

  reset({ entries, revision }: Listing): void {
    const present = new Set(entries.map((entry) => entry.key));
    this.#revision = revision;
    for (const key of [...this.#records.keys()]) if (!present.has(key)) this.#remove(key);
    for (const entry of entries) this.#put(entry.key, entry.value, entry.modRevision);
    this.#wake();
  }

  apply({ events, revision }: WatchBatch): void {
    this.#revision = Math.max(this.#revision, revision);
    for (const event of events) {
      if (event.kind === 'put') this.#put(event.entry.key, event.entry.value, event.entry.modRevision);
      else this.#remove(event.key);
    }
    this.#wake();
  }

  #put(key: string, value: string, modRevision: Revision): void {
    const before = this.#records.get(key);
    if (before !== undefined && before.modRevision >= modRevision) return;
    const now = { key, modRevision, record: decodeServerRecord(value) };
    this.#records.set(key, now);
    this.#onChange(key, now, before);
  }

  #remove(key: string): void {
    const before = this.#records.get(key);
    if (!this.#records.delete(key)) return;
    this.#onChange(key, undefined, before);
  }

  #wake(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const resolve of waiting) resolve();
  }

  #nextChange(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        signal.removeEventListener('abort', done);
        this.#waiting.delete(done);
        resolve();
      };
      this.#waiting.add(done);
      signal.addEventListener('abort', done, { once: true });
    });
  }
}

/** Reads the store itself once, for the sweeper: what the watch should have told us. */
export async function readRecords(store: Store, prefix: string): Promise<readonly MirroredRecord[]> {
  const { entries } = await store.list(prefix);
  return entries.map(({ key, value, modRevision }) => ({ key, modRevision, record: decodeServerRecord(value) }));
}
