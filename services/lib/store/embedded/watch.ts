/**
 * A watch of the embedded store: a cursor over its log. A slow reader costs no memory, it only falls behind, and
 * in the end out of the log.
 */
import type { Clock } from '#lib/clock.ts';
import { hasReason, type ServiceError } from '#lib/errors.ts';
import { abortable } from '#lib/time-limit.ts';
import type { Revision, WatchBatch } from '../store.ts';

/** How often a quiet watch says that it lives. The contract asks for 10 s. */
const MARK_INTERVAL_MS = 5_000;
/** For a store that fails to read: after so long the watch ends, and its owner lists again. */
const PATIENCE_MS = 30_000;
const RETRY_PAUSE_MS = 250;

/** Tells whoever waits that the store has changed. */
export class ChangeSignal {
  readonly #waiting = new Set<() => void>();
  #changes = 0;

  /** So that a change between a read and the wait for the next one is not missed. */
  get changes(): number {
    return this.#changes;
  }

  notify(): void {
    this.#changes += 1;
    for (const wake of this.#waiting) wake();
  }

  /**
   * Resolves when there are more changes than `seen`, when the signal aborts, or after `timeoutMs`.
   *
   * @returns whether it was a change.
   */
  async wait(seen: number, timeoutMs: number, { clock, signal }: WaitOptions): Promise<boolean> {
    const woken = new AbortController();
    const wake = () => woken.abort();
    this.#waiting.add(wake);
    signal.addEventListener('abort', wake);
    if (signal.aborted || seen !== this.#changes) wake();
    try {
      await clock.sleep(timeoutMs, woken.signal);
      return false;
    } catch {
      return !signal.aborted;
    } finally {
      this.#waiting.delete(wake);
      signal.removeEventListener('abort', wake);
    }
  }
}

export interface WaitOptions {
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

export interface WatchOptions extends WaitOptions {
  /** The changes from this revision on; undefined when there are none yet. @throws CompactedError */
  readonly readPage: (fromRevision: Revision) => Promise<WatchBatch | undefined>;
  readonly changes: ChangeSignal;
  readonly fromRevision: Revision;
}

/** @throws CompactedError, or STORE_UNAVAILABLE when the store could not be read for a while. */
export async function* watchLog(options: WatchOptions): AsyncGenerator<WatchBatch, void, undefined> {
  const { changes, clock, signal } = options;
  let next = options.fromRevision;
  let isEstablished = false;
  let failingSinceMs: number | undefined;
  while (!signal.aborted) {
    const seen = changes.changes;
    const page = await readOrFail(next, options);
    if (signal.aborted) return;
    if ('error' in page) {
      isEstablished = false;
      failingSinceMs ??= clock.monotonicMs();
      if (clock.monotonicMs() - failingSinceMs > PATIENCE_MS) throw page.error;
      await clock.sleep(RETRY_PAUSE_MS, signal).catch(() => undefined);
      continue;
    }
    failingSinceMs = undefined;
    if (!isEstablished) yield { events: [], revision: next - 1 };
    isEstablished = true;
    const { batch } = page;
    if (batch !== undefined) {
      next = batch.revision + 1;
      if (batch.events.length > 0) yield batch;
    } else if (!(await changes.wait(seen, MARK_INTERVAL_MS, options)) && !signal.aborted) {
      yield { events: [], revision: next - 1 };
    }
  }
}

type Page = { readonly batch: WatchBatch | undefined } | { readonly error: ServiceError };

/** @returns the error when the store may be asked again. @throws any other, unless the signal has aborted. */
async function readOrFail(fromRevision: Revision, { readPage, signal }: WatchOptions): Promise<Page> {
  try {
    return { batch: await abortable(readPage(fromRevision), signal) };
  } catch (error) {
    if (signal.aborted) return { batch: undefined };
    if (hasReason(error, 'STORE_UNAVAILABLE')) return { error };
    throw error;
  }
}
