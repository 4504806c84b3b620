/**
 * How many calls may be sent again: a tenth of those that are made, so that servers in trouble get at most a tenth more
 * to do, and a small floor, so that a client that calls rarely may retry at all.
 */
import type { Clock } from '#lib/clock.ts';

export interface RetryBudgetOptions {
  readonly clock: Pick<Clock, 'monotonicMs'>;
  /** Retries for each call. Default 0.1. */
  readonly ratio?: number;
  /** Retries that each second adds, whatever is called. Default 1. */
  readonly perSecond?: number;
  /** The most that is saved up. Default 10. */
  readonly capacity?: number;
}

export class RetryBudget {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #ratio: number;
  readonly #perSecond: number;
  readonly #capacity: number;
  #saved: number;
  #atMs: number;

  constructor({ clock, ratio = 0.1, perSecond = 1, capacity = 10 }: RetryBudgetOptions) {
    this.#clock = clock;
    this.#ratio = ratio;
    this.#perSecond = perSecond;
    this.#capacity = capacity;
    this.#saved = capacity;
    this.#atMs = clock.monotonicMs();
  }

  /** A call was made: its first attempt. */
  called(): void {
    this.#save(this.#ratio);
  }

  /** @returns false when nothing is left: the call fails as it has. */
  take(): boolean {
    const nowMs = this.#clock.monotonicMs();
    this.#save(((nowMs - this.#atMs) / 1000) * this.#perSecond);
    this.#atMs = nowMs;
    if (this.#saved < 1) return false;
    this.#saved -= 1;
    return true;
  }

  #save(retries: number): void {
    this.#saved = Math.min(this.#capacity, this.#saved + retries);
  }
}
