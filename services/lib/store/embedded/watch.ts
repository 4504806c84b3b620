/**
 * A watch of the embedded store: a cursor over its log. A slow reader costs no memory, it only falls behind, and
 * in the end out of the log.
 */
import type { Clock } from '#lib/clock.ts';
import type { Revision, WatchBatch } from '../store.ts';
import type { Tables } from './database.ts';
import { readLog } from './log.ts';

/** How often a quiet watch says that it lives. The contract asks for 10 s. */
const MARK_INTERVAL_MS = 5_000;

/** Tells whoever waits that the store has changed. */
export class ChangeSignal {
  readonly #waiting = new Set<() => void>();

  notify(): void {
    for (const wake of this.#waiting) wake();
  }

  /** Resolves at the next change, when the signal aborts, or after `timeoutMs`. @returns whether it was a change. */
  async wait(clock: Clock, timeoutMs: number, signal: AbortSignal): Promise<boolean> {
    const woken = new AbortController();
    const wake = () => woken.abort();
    this.#waiting.add(wake);
    signal.addEventListener('abort', wake);
    if (signal.aborted) wake();
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

export interface WatchOptions {
  readonly tables: Tables;
  readonly changes: ChangeSignal;
  readonly clock: Clock;
  readonly prefix: string;
  readonly fromRevision: Revision;
  readonly signal: AbortSignal;
}

/** @throws CompactedError */
export async function* watchLog(options: WatchOptions): AsyncGenerator<WatchBatch, void, undefined> {
  const { tables, changes, clock, prefix, signal } = options;
  if (signal.aborted) return;
  let next = options.fromRevision;
  readLog(tables, prefix, next);
  yield { events: [], revision: next - 1 };
  while (!signal.aborted) {
    const batch = readLog(tables, prefix, next);
    if (batch !== undefined) {
      next = batch.revision + 1;
      if (batch.events.length > 0) yield batch;
    } else if (!(await changes.wait(clock, MARK_INTERVAL_MS, signal)) && !signal.aborted) {
      yield { events: [], revision: next - 1 };
    }
  }
}
