/**
 * Writes server records, many at once: all writes of a few milliseconds go into one transaction, each guarded by
 * the fence and by the revision its author saw.
 *
 * One lost compare fails a whole transaction, so a failed batch is repeated as single writes and only the author
 * whose key moved hears of it. A store that does not answer leaves the outcome open: the caller plans again from
 * what the key holds by then (`plan.ts` accepts its own value), so a lost reply is never taken for a conflict.
 */
import {
  type Entry,
  MAX_TRANSACTION_BYTES,
  MAX_TRANSACTION_WRITES,
  type Revision,
  type Store,
  type WriteOperation,
} from '#lib/store/store.ts';
import { type Fence, FencedError } from './fence.ts';

/** How long a write waits for company. Long enough to fill batches under load, short beside a round trip's fsync. */
export const BATCH_WINDOW_MS = 3;
/** Batches on the way at once: more only queue inside the store. */
const MAX_BATCHES_IN_FLIGHT = 8;

export interface RecordWrite {
  readonly key: string;
  /** The revision the author saw; 0 = the key must not exist. */
  readonly expectedRevision: Revision;
  /** The new value; undefined deletes. */
  readonly value: string | undefined;
}

export type WriteOutcome =
  | { readonly kind: 'written'; readonly revision: Revision }
  /** The key is not as the author saw it; `current` is what it holds, undefined when it does not exist. */
  | { readonly kind: 'moved'; readonly current: Entry | undefined };

export interface WriterOptions {
  readonly store: Store;
  readonly fence: Fence;
  /** Called once when the fence was lost; every open and later write rejects with FencedError. */
  readonly onFenced: () => void;
  readonly onTransaction?: (seconds: number, result: 'succeeded' | 'compare_failed' | 'error') => void;
}

interface Pending extends RecordWrite {
  readonly resolve: (outcome: WriteOutcome) => void;
  readonly reject: (error: unknown) => void;
}

/** This process does not lead any more. */
export class WriterClosedError extends Error {
  constructor() {
    super('the operator stopped writing');
    this.name = 'WriterClosedError';
  }
}

export class RecordWriter {
  readonly #options: WriterOptions;
  readonly #busyKeys = new Set<string>();
  #waiting: Pending[] = [];
  #timer: NodeJS.Timeout | undefined;
  #inFlight = 0;
  #fenced = false;
  #isClosed = false;

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  /** @throws FencedError, or ServiceError STORE_UNAVAILABLE with the outcome open. */
  write(write: RecordWrite): Promise<WriteOutcome> {
    if (this.#isClosed) return Promise.reject(new WriterClosedError());
    if (this.#fenced) return Promise.reject(new FencedError());
    return new Promise((resolve, reject) => {
      this.#waiting.push({ ...write, resolve, reject });
      this.#timer ??= setTimeout(() => this.#flush(), BATCH_WINDOW_MS);
    });
  }

  /** What was not sent yet is not sent any more; what is on its way is refused by the fence once another one leads. */
  close(): void {
    this.#isClosed = true;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { reject } of waiting) reject(new WriterClosedError());
  }

  #flush(): void {
    this.#timer = undefined;
    while (this.#inFlight < MAX_BATCHES_IN_FLIGHT) {
      const batch = this.#takeBatch();
      if (batch.length === 0) return;
      this.#inFlight += 1;
      for (const { key } of batch) this.#busyKeys.add(key);
      const settle = () => {
        this.#inFlight -= 1;
        for (const { key } of batch) this.#busyKeys.delete(key);
        if (this.#waiting.length > 0) this.#flush();
      };
      // Sending never rejects: each write of the batch hears of its own failure.
      this.#send(batch).then(settle, settle);
    }
  }

  /** A key is in at most one open batch, so that two writes of it cannot overtake each other. */
  #takeBatch(): Pending[] {
    const batch: Pending[] = [];
    const later: Pending[] = [];
    const keys = new Set<string>();
    let bytes = 0;
    for (const pending of this.#waiting) {
      const size = pending.key.length + Buffer.byteLength(pending.value ?? '');
      const fits =
        batch.length < MAX_TRANSACTION_WRITES && (batch.length === 0 || bytes + size <= MAX_TRANSACTION_BYTES);
      if (!fits || keys.has(pending.key) || this.#busyKeys.has(pending.key)) {
        later.push(pending);
        continue;
      }
      keys.add(pending.key);
      bytes += size;
      batch.push(pending);
    }
    this.#waiting = later;
    return batch;
  }

  async #send(batch: readonly Pending[]): Promise<void> {
    try {
      const result = await this.#transact(batch);
      if (result.succeeded) {
        for (const pending of batch) pending.resolve({ kind: 'written', revision: result.revision });
      } else if (this.#lostFence(result.current)) {
        this.#stop(batch);
      } else if (batch.length === 1) {
        for (const pending of batch) pending.resolve({ kind: 'moved', current: result.current.get(pending.key) });
      } else {
        for (const pending of batch) await this.#send([pending]);
      }
    } catch (error) {
      for (const pending of batch) pending.reject(error);
    }
  }

  async #transact(batch: readonly Pending[]) {
    const { store, fence, onTransaction } = this.#options;
    const started = performance.now();
    const report = (result: 'succeeded' | 'compare_failed' | 'error') =>
      onTransaction?.((performance.now() - started) / 1000, result);
    try {
      const result = await store.transact({
        compares: [
          fence.compare,
          ...batch.map(({ key, expectedRevision }) => ({ key, modRevision: expectedRevision })),
        ],
        writes: batch.map(toOperation),
        readOnFailure: [fence.key, ...batch.map(({ key }) => key)],
      });
      report(result.succeeded ? 'succeeded' : 'compare_failed');
      return result;
    } catch (error) {
      report('error');
      throw error;
    }
  }

  #lostFence(current: ReadonlyMap<string, Entry>): boolean {
    const { fence } = this.#options;
    return current.get(fence.key)?.modRevision !== fence.revision;
  }

  #stop(batch: readonly Pending[]): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    if (!this.#fenced) {
      this.#fenced = true;
      // After our own end it is no news that another one leads.
      if (!this.#isClosed) this.#options.onFenced();
    }
    for (const pending of [...batch, ...waiting]) pending.reject(new FencedError());
  }
}

function toOperation({ key, value }: RecordWrite): WriteOperation {
  return value === undefined ? { kind: 'delete', key } : { kind: 'put', key, value };
}
