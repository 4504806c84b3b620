/**
 * Waiting until a reader of the store has seen a revision: for callers who wrote, and want to read what they wrote.
 *
 * Bounded in number, because each change wakes all of them, and in time by each of them.
 */
import type { Clock } from '../clock.ts';
import { ServiceError } from '../errors.ts';
import { Waiters } from '../waiters.ts';
import type { Revision } from './store.ts';

/** More are refused at once. */
export const MAX_WAITING = 1_000;

export class RevisionWaiters {
  readonly #clock: Clock;
  readonly #waiters = new Waiters();
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
    this.#waiters.wake();
  }

  advance(revision: Revision): void {
    this.#applied = Math.max(this.#applied, revision);
    this.#waiters.wake();
  }

  /** @throws ServiceError REVISION_NOT_REACHED when it is not seen within `timeoutMs`; the signal's reason. */
  async reach(revision: Revision, timeoutMs: number, signal: AbortSignal): Promise<void> {
    if (!this.has(revision) && this.#waiters.size >= MAX_WAITING) throw notReached(revision, 0);
    const patience = new AbortController();
    const limit = AbortSignal.any([signal, patience.signal]);
    const expired = this.#clock.sleep(timeoutMs, limit).catch(() => undefined);
    try {
      while (!this.has(revision)) {
        const changed = await Promise.race([this.#waiters.next(limit).then(() => true), expired.then(() => false)]);
        signal.throwIfAborted();
        if (!changed) throw notReached(revision, timeoutMs);
      }
    } finally {
      patience.abort();
    }
  }
}

function notReached(revision: Revision, timeoutMs: number): ServiceError {
  const message = `this replica has not seen revision ${revision} within ${timeoutMs} ms; try again`;
  return new ServiceError('REVISION_NOT_REACHED', message);
}
