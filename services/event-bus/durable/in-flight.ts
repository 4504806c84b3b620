/**
 * The deliveries of a durable subscription that are not settled: when each is due again, and which attempt that will be. No
 * I/O; times are arguments.
 *
 * Monotonic time for acknowledgement waits, wall time for delays that must survive a restart.
 */
import type { Offset, PendingDelivery } from '../log/event-log.ts';

interface Waiting {
  attempt: number;
  /** Monotonic; when it is to be delivered again. Infinity: not before somebody attaches. */
  dueMs: number;
  /** Wall time of a delayed nack; 0 for none. */
  notBeforeMs: number;
  /** The stream that is open now has had it. */
  isOut: boolean;
}

export interface DueDelivery {
  readonly offset: Offset;
  /** Of the delivery that is over. */
  readonly attempt: number;
}

export class InFlight {
  /** By offset; a Map keeps the order in which they were delivered. */
  readonly #waiting = new Map<Offset, Waiting>();
  #out = 0;

  get size(): number {
    return this.#waiting.size;
  }

  attemptOf(offset: Offset): number | undefined {
    return this.#waiting.get(offset)?.attempt;
  }

  /** As it was remembered: nothing is due before somebody attaches. */
  restore({ offset, attempt, notBeforeMs }: PendingDelivery): void {
    this.#waiting.set(offset, { attempt, dueMs: Number.POSITIVE_INFINITY, notBeforeMs, isOut: false });
  }

  delivered(offset: Offset, attempt: number, dueMs: number): void {
    if (this.#waiting.get(offset)?.isOut !== true) this.#out += 1;
    this.#waiting.set(offset, { attempt, dueMs, notBeforeMs: 0, isOut: true });
  }

  /** To be delivered again at a time, or at once. */
  again(offset: Offset, { dueMs, notBeforeMs }: { readonly dueMs: number; readonly notBeforeMs: number }): void {
    const waiting = this.#waiting.get(offset);
    if (waiting === undefined) return;
    waiting.dueMs = dueMs;
    waiting.notBeforeMs = notBeforeMs;
  }

  settle(offset: Offset): boolean {
    if (this.#waiting.get(offset)?.isOut) this.#out -= 1;
    return this.#waiting.delete(offset);
  }

  /** A new stream gets everything at once, but for what was delayed. */
  attach({ nowMs, wallMs }: { readonly nowMs: number; readonly wallMs: number }): void {
    this.#out = 0;
    for (const waiting of this.#waiting.values()) {
      waiting.dueMs = nowMs + Math.max(0, waiting.notBeforeMs - wallMs);
      waiting.isOut = false;
    }
  }

  /** Nobody is there to deliver to. */
  detach(): void {
    for (const waiting of this.#waiting.values()) waiting.dueMs = Number.POSITIVE_INFINITY;
  }

  /**
   * What is due, in the order of the log.
   *
   * @param max How many the open stream may have unsettled; a former one may have had more.
   */
  due(nowMs: number, max: number): readonly DueDelivery[] {
    const due: (DueDelivery & { readonly isOut: boolean })[] = [];
    for (const [offset, { attempt, dueMs, isOut }] of this.#waiting) {
      if (dueMs <= nowMs) due.push({ offset, attempt, isOut });
    }
    due.sort((a, b) => a.offset - b.offset);
    let room = max - this.#out;
    const allowed = due.filter(({ isOut }) => isOut || room-- > 0);
    return allowed.map(({ offset, attempt }) => ({ offset, attempt }));
  }

  /** Monotonic; Infinity when nothing will be before something is settled. */
  nextDueMs(max: number): number {
    const isFull = this.#out >= max;
    let nextMs = Number.POSITIVE_INFINITY;
    for (const { dueMs, isOut } of this.#waiting.values()) if (isOut || !isFull) nextMs = Math.min(nextMs, dueMs);
    return nextMs;
  }
}
