/**
 * The store for standalone mode: LMDB in a folder, one process, nothing to install or to run beside.
 *
 * A write's promise resolves when it is on the disk. Reads are synchronous underneath: they see every write that
 * has resolved, which in one process is all that "linearizable" asks for.
 */
import type { Clock } from '#lib/clock.ts';
import { ServiceError } from '#lib/errors.ts';
import {
  checkFromRevision,
  checkKey,
  checkLeaseId,
  checkLeaseTtl,
  checkPrefix,
  checkTransaction,
} from '../request-checks.ts';
import type { Entry, Lease, Listing, Revision, Store, Transaction, TransactionResult, WatchBatch } from '../store.ts';
import { applyTransaction, readEntry, toEntry } from './changes.ts';
import { type EmbeddedDatabase, openDatabase, readState } from './database.ts';
import { type ClaimedFolder, claimFolder } from './folder.ts';
import { EmbeddedLeases } from './leases.ts';
import type { LogBounds } from './log.ts';
import { ChangeSignal, watchLog } from './watch.ts';

export interface EmbeddedStoreOptions {
  /** For this store alone; made when it does not exist. */
  readonly directory: string;
  readonly clock: Clock;
  /** Changes kept for watches. Default 10,000. */
  readonly logMaxRevisions?: number;
  /** Bytes of keys and values kept for watches. Default 64 MiB. */
  readonly logMaxBytes?: number;
}

/** @throws StoreFolderError when the folder is in use, foreign, damaged or not accessible; the message says what to do. */
export function openEmbeddedStore(options: EmbeddedStoreOptions): Store {
  const folder = claimFolder(options.directory);
  try {
    return new EmbeddedStore(folder, options);
  } catch (error) {
    folder.release();
    throw error;
  }
}

class EmbeddedStore implements Store {
  readonly #folder: ClaimedFolder;
  readonly #database: EmbeddedDatabase;
  readonly #clock: Clock;
  readonly #bounds: LogBounds;
  readonly #changes = new ChangeSignal();
  readonly #leases: EmbeddedLeases;
  readonly #closed = new AbortController();
  readonly #expiry: Promise<void>;

  constructor(folder: ClaimedFolder, options: EmbeddedStoreOptions) {
    const { clock, logMaxRevisions = 10_000, logMaxBytes = 64 * 1024 * 1024 } = options;
    this.#folder = folder;
    this.#clock = clock;
    this.#bounds = { maxRevisions: logMaxRevisions, maxBytes: logMaxBytes };
    this.#database = openDatabase(folder.path);
    folder.recordSize();
    this.#leases = new EmbeddedLeases({
      database: this.#database,
      clock,
      bounds: this.#bounds,
      changes: this.#changes,
    });
    this.#expiry = this.#leases.expire(this.#closed.signal);
  }

  async get(key: string): Promise<{ entry: Entry | undefined; revision: Revision }> {
    this.#checkOpen();
    checkKey(key);
    const { tables } = this.#database;
    return { entry: readEntry(tables, key), revision: readState(tables).revision };
  }

  async list(prefix: string): Promise<Listing> {
    this.#checkOpen();
    checkPrefix(prefix);
    const { tables } = this.#database;
    const { revision } = readState(tables);
    // Keys are ASCII: DEL sorts behind everything below the prefix.
    const range = tables.entries.getRange({ start: prefix, end: `${prefix}\x7f` });
    return { entries: [...range].map(({ key, value }) => toEntry(key, value)), revision };
  }

  async *watch(prefix: string, fromRevision: Revision, signal: AbortSignal): AsyncGenerator<WatchBatch, void> {
    this.#checkOpen();
    checkPrefix(prefix);
    checkFromRevision(fromRevision);
    yield* watchLog({
      tables: this.#database.tables,
      changes: this.#changes,
      clock: this.#clock,
      prefix,
      fromRevision,
      signal: AbortSignal.any([signal, this.#closed.signal]),
    });
  }

  async transact(transaction: Transaction): Promise<TransactionResult> {
    this.#checkOpen();
    checkTransaction(transaction);
    const result = await this.#database.change((tables) => applyTransaction(tables, transaction, this.#bounds));
    if (result.succeeded) this.#changes.notify();
    return result;
  }

  async grantLease(ttlSeconds: number): Promise<Lease> {
    this.#checkOpen();
    checkLeaseTtl(ttlSeconds);
    return this.#leases.grant(ttlSeconds);
  }

  async keepAlive(leaseId: string): Promise<boolean> {
    this.#checkOpen();
    checkLeaseId(leaseId);
    return this.#leases.keepAlive(leaseId);
  }

  async revokeLease(leaseId: string): Promise<void> {
    this.#checkOpen();
    checkLeaseId(leaseId);
    await this.#leases.revoke(leaseId);
  }

  async close(): Promise<void> {
    if (this.#closed.signal.aborted) return;
    this.#closed.abort();
    await this.#expiry;
    await this.#database.close();
    this.#folder.recordSize();
    this.#folder.release();
  }

  #checkOpen(): void {
    if (this.#closed.signal.aborted) throw new ServiceError('SHUTTING_DOWN', 'the store is closed');
  }
}
