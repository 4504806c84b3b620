/**
 * Waiting until a reader of the store has seen a revision: for callers who wrote, and want to read what they wrote.
 *
 * Bounded in number, because each change wakes all of them, and in time by each of them.
 */
import type { Clock } from '../clock.ts';
import { ServiceError } from '../errors.ts';
import type { Revision } from './store.ts';

/** More are refused at once. */
export const MAX_WAITING = 1_000;

export class RevisionWaiters {
  readonly #clock: Clock;
  readonly #waiting = new Set<() => void>();
  #applied: Revision = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  has(revision: Revision): boolean {
    return this.#applied >= revision;
  }

  /** What is seen from now on; a listing may begin anew with a smaller one, when the store was restored. */
  restart(revision: Revision): void {
    this.#applied = revision;
    this.#wake();
  }

  advance(revision: Revision): void {
    this.#applied = Math.max(this.#applied, revision);
    this.#wake();
  }

  /** @throws ServiceError REVISION_NOT_REACHED when it is not seen within `timeoutMs`; the signal's reason. */
  async reach(revision: Revision, timeoutMs: number, signal: AbortSignal): Promise<void> {
    if (!this.has(revision) && this.#waiting.size >= MAX_WAITING) throw notReached(revision, 0);
    const patience = new AbortController();
    const limit = AbortSignal.any([signal, patience.signal]);
    const expired = this.#clock.sleep(timeoutMs, limit).catch(() => undefined);
    try {
      while (!this.has(revision)) {
        const changed = await Promise.race([this.#nextChange(limit).then(() => true), expired.then(() => false)]);
        signal.throwIfAborted();
        if (!changed) throw notReached(revision, timeoutMs);
      }
    } finally {
      patience.abort();
    }
  }

  #wake(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of waiting) wake();
  }

  #nextChange(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        signal.removeEventListener('abort', wake);
        this.#waiting.delete(wake);
        resolve();
      };
      this.#waiting.add(wake);
      signal.addEventListener('abort', wake, { once: true });
    });
  }
}

function notReached(revision: Revision, timeoutMs: number): ServiceError {
  const message = `this replica has not seen revision ${revision} within ${timeoutMs} ms; try again`;
  return new ServiceError('REVISION_NOT_REACHED', message);
}
