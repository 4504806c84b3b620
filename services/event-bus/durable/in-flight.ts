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
}

export interface DueDelivery {
  readonly offset: Offset;
  /** Of the delivery that is over. */
  readonly attempt: number;
}

export class InFlight {
  /** By offset; a Map keeps the order in which they were delivered. */
  readonly #waiting = new Map<Offset, Waiting>();

  get size(): number {
    return this.#waiting.size;
  }

  has(offset: Offset): boolean {
    return this.#waiting.has(offset);
  }

  attemptOf(offset: Offset): number | undefined {
    return this.#waiting.get(offset)?.attempt;
  }

  /** As it was remembered: nothing is due before somebody attaches. */
  restore({ offset, attempt, notBeforeMs }: PendingDelivery): void {
    this.#waiting.set(offset, { attempt, dueMs: Number.POSITIVE_INFINITY, notBeforeMs });
  }

  delivered(offset: Offset, attempt: number, dueMs: number): void {
    this.#waiting.set(offset, { attempt, dueMs, notBeforeMs: 0 });
  }

  /** To be delivered again at a time, or at once. */
  again(offset: Offset, { dueMs, notBeforeMs }: { readonly dueMs: number; readonly notBeforeMs: number }): void {
    const waiting = this.#waiting.get(offset);
    if (waiting === undefined) return;
    waiting.dueMs = dueMs;
    waiting.notBeforeMs = notBeforeMs;
  }

  settle(offset: Offset): boolean {
    return this.#waiting.delete(offset);
  }

  /** A new stream gets everything at once, but for what was delayed. */
  attach({ nowMs, wallMs }: { readonly nowMs: number; readonly wallMs: number }): void {
    for (const waiting of this.#waiting.values()) waiting.dueMs = nowMs + Math.max(0, waiting.notBeforeMs - wallMs);
  }

  /** Nobody is there to deliver to. */
  detach(): void {
    for (const waiting of this.#waiting.values()) waiting.dueMs = Number.POSITIVE_INFINITY;
  }

  /** What is due, in the order of the log. */
  due(nowMs: number): readonly DueDelivery[] {
    const due: DueDelivery[] = [];
    for (const [offset, { attempt, dueMs }] of this.#waiting) if (dueMs <= nowMs) due.push({ offset, attempt });
    return due.sort((a, b) => a.offset - b.offset);
  }

  /** Monotonic; Infinity when nothing will be. */
  nextDueMs(): number {
    let nextMs = Number.POSITIVE_INFINITY;
    for (const { dueMs } of this.#waiting.values()) nextMs = Math.min(nextMs, dueMs);
    return nextMs;
  }
}
