/**
 * The store that holds Discovery: one interface, two implementations (etcd, embedded LMDB), one contract suite.
 *
 * The model is etcd's: one revision counter for the whole store, every write transaction takes the next revision,
 * a key remembers the revision of its last change. A reader lists at a revision and watches from the next one, so
 * that nothing is missed and nothing is seen twice. Keys are ASCII paths, values are UTF-8 text (JSON records).
 *
 * Every method may throw ServiceError STORE_UNAVAILABLE. A write that failed so may or may not have been applied
 * (the reply was lost): the caller reads back and compares (`servers.ts` does that with the record's hash).
 */

/** A store revision. etcd's int64, safe as a number below 2^53 (285 years at a million writes a second). */
export type Revision = number;

export interface Entry {
  readonly key: string;
  readonly value: string;
  /** Revision of the last change of this key; 0 never occurs on an existing key. */
  readonly modRevision: Revision;
  /** Lease the key is bound to; absent when it lives until deleted. */
  readonly leaseId?: string;
}

export interface Listing {
  readonly entries: readonly Entry[];
  /** All entries were read at this revision; watch from the next. */
  readonly revision: Revision;
}

export type StoreEvent =
  | { readonly kind: 'put'; readonly entry: Entry }
  | { readonly kind: 'delete'; readonly key: string; readonly modRevision: Revision };

/** The events of one or more whole revisions; a progress mark has no events. */
export interface WatchBatch {
  readonly events: readonly StoreEvent[];
  /** Everything up to and including this revision has been delivered. */
  readonly revision: Revision;
}

/** One compare of a transaction: the key's modRevision equals `modRevision`; 0 = the key does not exist. */
export interface Compare {
  readonly key: string;
  readonly modRevision: Revision;
}

export type WriteOperation =
  | { readonly kind: 'put'; readonly key: string; readonly value: string; readonly leaseId?: string }
  | { readonly kind: 'delete'; readonly key: string };

export interface Transaction {
  /** All must hold, or nothing is written. */
  readonly compares: readonly Compare[];
  /** At most one operation a key. */
  readonly writes: readonly WriteOperation[];
  /** Keys to read in the same transaction when a compare fails (what does the key hold instead?). */
  readonly readOnFailure?: readonly string[];
}

export type TransactionResult =
  | { readonly succeeded: true; readonly revision: Revision }
  | {
      readonly succeeded: false;
      readonly revision: Revision;
      /** What `readOnFailure` named and exists. */
      readonly current: ReadonlyMap<string, Entry>;
    };

/** A watch asked for a revision that compaction removed: list again, then watch from there. */
export class CompactedError extends Error {
  constructor() {
    super('the requested revision was compacted; list again');
    this.name = 'CompactedError';
  }
}

export interface Lease {
  readonly id: string;
  readonly ttlSeconds: number;
}

export interface Store {
  /** A linearizable read. The revision is the store's at the time of the read. */
  get(key: string): Promise<{ readonly entry: Entry | undefined; readonly revision: Revision }>;
  /** Every entry below the prefix, at one revision, in key order; read in pages so that size is no limit. */
  list(prefix: string): Promise<Listing>;
  /**
   * Every change below the prefix from `fromRevision` on, in order, none lost, none twice; also across broken
   * connections. Yields a first batch with no events as soon as the watch is established, and a progress mark at
   * least every 10 s while connected. Ends when the signal aborts.
   * @throws CompactedError when the revision is gone; STORE_UNAVAILABLE when the store stays away for longer than
   *   the implementation's patience: the caller lists again.
   */
  watch(prefix: string, fromRevision: Revision, signal: AbortSignal): AsyncIterable<WatchBatch>;
  /** Compare and write, atomically. At most 100 writes and 1 MiB. */
  transact(transaction: Transaction): Promise<TransactionResult>;
  /** Keys put with the lease vanish when it is not kept alive for `ttlSeconds`. */
  grantLease(ttlSeconds: number): Promise<Lease>;
  /** Extends the lease by its TTL. @returns false when it is already gone. */
  keepAlive(leaseId: string): Promise<boolean>;
  /** Ends the lease and deletes its keys; harmless when it is already gone. */
  revokeLease(leaseId: string): Promise<void>;
  /** Ends watches and connections; later calls throw. */
  close(): Promise<void>;
}

/** Limits of one transaction (etcd's own: 128 operations including compares, 1.5 MiB). */
export const MAX_TRANSACTION_WRITES = 100;
export const MAX_TRANSACTION_BYTES = 1024 * 1024;
