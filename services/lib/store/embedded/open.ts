/**
 * The store for standalone mode: SQLite in a folder, one process, nothing to install or to run beside.
 *
 * A write's promise resolves when it is on the disk. Reads go to the same worker, behind the writes that came before
 * them, which in one process is all that "linearizable" asks for.
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
import type {
  Entry,
  Lease,
  Listing,
  Revision,
  Store,
  Transaction,
  TransactionResult,
  WatchBatch,
  WriteOperation,
} from '../store.ts';
import { type ClaimedFolder, claimFolder } from './folder.ts';
import { EmbeddedLeases } from './leases.ts';
import { StoreThread } from './store-thread.ts';
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
export async function openEmbeddedStore(options: EmbeddedStoreOptions): Promise<Store> {
  const folder = claimFolder(options.directory);
  try {
    return await EmbeddedStore.open(folder, options);
  } catch (error) {
    folder.release();
    throw error;
  }
}

interface EmbeddedStoreParts {
  readonly folder: ClaimedFolder;
  readonly clock: Clock;
  readonly thread: StoreThread;
  readonly changes: ChangeSignal;
  readonly leases: EmbeddedLeases;
}

class EmbeddedStore implements Store {
  readonly #parts: EmbeddedStoreParts;
  readonly #closed = new AbortController();
  readonly #expiry: Promise<void>;
  #closing: Promise<void> | undefined;

  private constructor(parts: EmbeddedStoreParts) {
    this.#parts = parts;
    this.#expiry = parts.leases.expire(this.#closed.signal);
  }

  static async open(folder: ClaimedFolder, options: EmbeddedStoreOptions): Promise<EmbeddedStore> {
    const { clock, logMaxRevisions = 10_000, logMaxBytes = 64 * 1024 * 1024 } = options;
    const changes = new ChangeSignal();
    const leases = new EmbeddedLeases({
      clock,
      grant: (leaseId, ttlSeconds) => thread.call<'grant'>({ kind: 'grant', leaseId, ttlSeconds }),
      async revoke(leaseId) {
        if (await thread.call<'revoke'>({ kind: 'revoke', leaseId })) changes.notify();
      },
    });
    const thread = await StoreThread.start({
      clock,
      place: { folder: folder.folder, database: folder.database },
      bounds: { maxRevisions: logMaxRevisions, maxBytes: logMaxBytes },
      onOpened(found) {
        leases.adopt(found);
        // Commits whose answer was lost with the worker before.
        changes.notify();
      },
    });
    return new EmbeddedStore({ folder, clock, thread, changes, leases });
  }

  async get(key: string): Promise<{ entry: Entry | undefined; revision: Revision }> {
    this.#checkOpen();
    checkKey(key);
    return this.#parts.thread.call<'get'>({ kind: 'get', key });
  }

  async list(prefix: string): Promise<Listing> {
    this.#checkOpen();
    checkPrefix(prefix);
    const entries: Entry[] = [];
    const onPart = (part: readonly Entry[]) => {
      for (const entry of part) entries.push(entry);
    };
    const revision = await this.#parts.thread.call<'list'>({ kind: 'list', prefix }, { onPart });
    return { entries, revision };
  }

  async *watch(prefix: string, fromRevision: Revision, signal: AbortSignal): AsyncGenerator<WatchBatch, void> {
    this.#checkOpen();
    checkPrefix(prefix);
    checkFromRevision(fromRevision);
    const { thread, changes, clock } = this.#parts;
    yield* watchLog({
      readPage: (from) => thread.call<'page'>({ kind: 'page', prefix, fromRevision: from }),
      changes,
      clock,
      fromRevision,
      signal: AbortSignal.any([signal, this.#closed.signal]),
    });
  }

  async transact(transaction: Transaction): Promise<TransactionResult> {
    this.#checkOpen();
    checkTransaction(transaction);
    const bytes = transaction.writes.reduce((sum, write) => sum + lengthOf(write), 0);
    const result = await this.#parts.thread.call<'transact'>({ kind: 'transact', transaction }, { bytes });
    if (result.succeeded) this.#parts.changes.notify();
    return result;
  }

  async grantLease(ttlSeconds: number): Promise<Lease> {
    this.#checkOpen();
    checkLeaseTtl(ttlSeconds);
    return this.#parts.leases.grant(ttlSeconds);
  }

  async keepAlive(leaseId: string): Promise<boolean> {
    this.#checkOpen();
    checkLeaseId(leaseId);
    return this.#parts.leases.keepAlive(leaseId);
  }

  async revokeLease(leaseId: string): Promise<void> {
    this.#checkOpen();
    checkLeaseId(leaseId);
    await this.#parts.leases.revoke(leaseId);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#closed.abort();
    await this.#expiry;
    await this.#parts.thread.stop();
    this.#parts.folder.release();
  }

  #checkOpen(): void {
    if (this.#closed.signal.aborted) throw new ServiceError('SHUTTING_DOWN', 'the store is closed');
  }
}

function lengthOf(write: WriteOperation): number {
  return write.key.length + (write.kind === 'put' ? write.value.length : 0);
}
