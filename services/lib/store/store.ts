/**
 * The store that holds Discovery: one interface, two implementations (etcd, embedded SQLite), one contract suite.
 *
 * The model is etcd's: one revision counter for the whole store, every write transaction takes the next revision,
 * a key remembers the revision of its last change. A reader lists at a revision and watches from the next one, so
 * that nothing is missed and nothing is seen twice. Keys are ASCII paths, values are UTF-8 text (JSON records).
 *
 * Every method may throw ServiceError STORE_UNAVAILABLE. A write that failed so may or may not have been applied
 * (the reply was lost): the caller reads back and compares, as `write-through.ts` does. After `close` every method
 * throws SHUTTING_DOWN. A key, prefix, value or number outside the limits below is ARGUMENT_INVALID, too much of
 * them LIMIT_EXCEEDED; both mean that nothing was sent.
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
  /** All must hold, or nothing is written. At most 128. */
  readonly compares: readonly Compare[];
  /** At most one operation a key, at most 100. Deleting what does not exist changes nothing, the revision neither. */
  readonly writes: readonly WriteOperation[];
  /** Keys to read in the same transaction when a compare fails (what does the key hold instead?). At most 128. */
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

/**
 * A watch asked for a revision that the store cannot continue from: compaction removed it, or the store was restored
 * from a backup that never knew it. List again, then watch from there.
 */
export class CompactedError extends Error {
  constructor() {
    super('the requested revision was compacted; list again');
    this.name = 'CompactedError';
  }
}

/** A put named a lease that has expired or was revoked; nothing of its transaction was written. */
export class LeaseGoneError extends Error {
  constructor() {
    super('the lease is gone; grant a new one');
    this.name = 'LeaseGoneError';
  }
}

export interface Lease {
  readonly id: string;
  /** What the store granted: at least what was asked for (etcd's floor is 2 s with its default election timeout). */
  readonly ttlSeconds: number;
}

export interface Store {
  /** A linearizable read. The revision is the store's at the time of the read. */
  get(key: string): Promise<{ readonly entry: Entry | undefined; readonly revision: Revision }>;
  /**
   * Every entry below the prefix, at one revision, in key order; read in pages so that size is no limit.
   *
   * @param prefix Ends in "/", so that "/a/b/" never reaches "/a/b-archive".
   */
  list(prefix: string): Promise<Listing>;
  /**
   * Every change below the prefix from `fromRevision` on, in order, none lost, none twice; also across broken
   * connections. Yields a first batch with no events as soon as the watch is established (again after each broken
   * connection), and a progress mark at least every 10 s while connected. A mark says that the connection lives; its
   * revision may lag behind the store's, because only events below this prefix are sure to move it. Ends when the
   * signal aborts or the store is closed.
   *
   * @throws CompactedError when the revision is gone; STORE_UNAVAILABLE when the store stays away for longer than
   *   the implementation's patience: the caller lists again.
   */
  watch(prefix: string, fromRevision: Revision, signal: AbortSignal): AsyncIterable<WatchBatch>;
  /**
   * Compare and write, atomically: all writes get one revision. Sent once: a failure is never retried in here,
   * because a second try of an applied write looks like a conflict.
   *
   * @throws LeaseGoneError when a put names a lease that is gone.
   */
  transact(transaction: Transaction): Promise<TransactionResult>;
  /**
   * Keys put with the lease vanish when it is not kept alive for `ttlSeconds`: within 2 s after that, all in one
   * revision, as ordinary deletions. A store that comes back from an outage gives every lease its whole time again,
   * since nobody could keep it alive meanwhile.
   */
  grantLease(ttlSeconds: number): Promise<Lease>;
  /** Extends the lease by its TTL. @returns false when it is already gone. */
  keepAlive(leaseId: string): Promise<boolean>;
  /** Ends the lease and deletes its keys; harmless when it is already gone. */
  revokeLease(leaseId: string): Promise<void>;
  /** Ends watches and connections; later calls throw. */
  close(): Promise<void>;
}

/** A key: "/" and a segment, repeated; what `keys.ts` makes, and nothing that could mean something to anybody else. */
export const KEY_PATTERN = /^(\/[A-Za-z0-9_.@=+~-]+)+$/;
export const MAX_KEY_BYTES = 512;
/** Limits of one transaction (etcd's own: 128 compares, 128 operations, 1.5 MiB). */
export const MAX_TRANSACTION_WRITES = 100;
export const MAX_TRANSACTION_COMPARES = 128;
/** Of all keys and values written, in UTF-8. */
export const MAX_TRANSACTION_BYTES = 1024 * 1024;
/** 30 days. */
export const MAX_LEASE_TTL_SECONDS = 2_592_000;
