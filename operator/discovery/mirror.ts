/**
 * What Discovery holds now, as the operator last saw it: a copy of all server records, fed by list and watch.
 *
 * Reconciling reads it instead of asking the store, an outside edit shows up here within milliseconds, and
 * "registered" means that a record came back through it: the write was not only acknowledged, it is what every
 * registry replica is being told.
 */

import type { Follower } from '#lib/store/follow.ts';
import { decodeServerRecord, type ServerRecord } from '#lib/store/servers.ts';
import type { Listing, Revision, StoreEvent, WatchBatch } from '#lib/store/store.ts';
import { Waiters } from '#lib/waiters.ts';

export interface MirroredRecord {
  readonly key: string;
  readonly modRevision: Revision;
  /** Undefined when the value is no server record. */
  readonly record: ServerRecord | undefined;
}

export interface MirrorOptions {
  /** A key below the prefix changed, or may have while we were away. Must not throw; enqueue only. */
  readonly onChange: (key: string, now: MirroredRecord | undefined, before: MirroredRecord | undefined) => void;
  /** The store had to be listed again: what lies between is unknown, and what it holds may be of long ago. */
  readonly onListedAgain?: () => void;
}

export interface DeletionLog {
  /** Key to the revision of its last deletion. */
  readonly seen: ReadonlyMap<string, Revision>;
  close(): void;
}

export class Mirror implements Follower {
  readonly #records = new Map<string, MirroredRecord>();
  readonly #waiters = new Waiters();
  readonly #deletionLogs = new Set<Map<string, Revision>>();
  readonly #onChange: MirrorOptions['onChange'];
  readonly #onListedAgain: () => void;
  #revision: Revision = 0;
  /** What happened up to here was told by a listing; events of it that come later are old news. */
  #listedAt: Revision = 0;

  constructor({ onChange, onListedAgain = () => undefined }: MirrorOptions) {
    this.#onChange = onChange;
    this.#onListedAgain = onListedAgain;
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
      await this.#waiters.next(signal);
    }
    return true;
  }

  /** The listing counts, also when it is older than what was known: the store was restored from a backup. */
  reset({ entries, revision }: Listing): void {
    const present = new Set(entries.map((entry) => entry.key));
    const isFirst = !this.hasSynced;
    this.#revision = revision;
    this.#listedAt = revision;
    for (const key of [...this.#records.keys()]) if (!present.has(key)) this.#remove(key, revision);
    for (const { key, value, modRevision } of entries) {
      if (this.#records.get(key)?.modRevision !== modRevision) this.#put(key, value, modRevision);
    }
    this.#waiters.wake();
    if (!isFirst) this.#onListedAgain();
  }

  apply({ events, revision }: WatchBatch): void {
    this.#revision = Math.max(this.#revision, revision);
    for (const event of events) {
      if (revisionOf(event) <= this.#listedAt) continue;
      if (event.kind === 'put') this.#put(event.entry.key, event.entry.value, event.entry.modRevision);
      else this.#remove(event.key, event.modRevision);
    }
    this.#waiters.wake();
  }

  /** Notes deletions from now until `close`; begin before the listing that `differences` gets. */
  logDeletions(): DeletionLog {
    const seen = new Map<string, Revision>();
    this.#deletionLogs.add(seen);
    return {
      seen,
      close: () => {
        this.#deletionLogs.delete(seen);
      },
    };
  }

  /** Keys of which a listing knows something newer than is known here. */
  differences({ entries, revision }: Listing, deletions: DeletionLog): readonly string[] {
    const listed = new Set(entries.map(({ key }) => key));
    const knownRevision = (key: string) => this.get(key)?.modRevision ?? deletions.seen.get(key) ?? 0;
    const behind = entries.filter(({ key, modRevision }) => knownRevision(key) < modRevision);
    const left = [...this.all()].filter(({ key, modRevision }) => !listed.has(key) && modRevision <= revision);
    return [...behind, ...left].map(({ key }) => key);
  }

  /** Learns from a listing what the watch has not told, and tells of it as the watch would have. */
  catchUp(listing: Listing, deletions: DeletionLog): void {
    const wrong = this.differences(listing, deletions);
    const listed = new Map(listing.entries.map((entry) => [entry.key, entry]));
    this.#revision = Math.max(this.#revision, listing.revision);
    this.#listedAt = Math.max(this.#listedAt, listing.revision);
    for (const key of wrong) {
      const entry = listed.get(key);
      if (entry === undefined) this.#remove(key, listing.revision);
      else this.#put(key, entry.value, entry.modRevision);
    }
    this.#waiters.wake();
  }

  #put(key: string, value: string, modRevision: Revision): void {
    const before = this.#records.get(key);
    const now = { key, modRevision, record: decodeServerRecord(value) };
    this.#records.set(key, now);
    this.#onChange(key, now, before);
  }

  #remove(key: string, revision: Revision): void {
    for (const seen of this.#deletionLogs) seen.set(key, revision);
    const before = this.#records.get(key);
    if (!this.#records.delete(key)) return;
    this.#onChange(key, undefined, before);
  }
}

function revisionOf(event: StoreEvent): Revision {
  return event.kind === 'put' ? event.entry.modRevision : event.modRevision;
}
