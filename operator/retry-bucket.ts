/**
 * A token bucket over all retries of a queue, so that one cause that fails every key cannot become a storm.
 *
 * Each key's own backoff spreads its retries; ten thousand keys that fail together would still retry together.
 */

export interface RetryBucketOptions {
  /** Retries a second in the long run. */
  readonly ratePerSecond: number;
  /** Retries that may come at once. */
  readonly burst: number;
  /** Longest wait it asks for, however many are in line. */
  readonly maxWaitMs: number;
}

export class RetryBucket {
  readonly #options: RetryBucketOptions;
  #tokens: number;
  #refilledMs = Number.NEGATIVE_INFINITY;

  constructor(options: RetryBucketOptions) {
    this.#options = options;
    this.#tokens = options.burst;
  }

  /** Reserves the next retry. @returns the milliseconds to wait for it. */
  reserveMs(nowMs: number): number {
    const { ratePerSecond, burst, maxWaitMs } = this.#options;
    const elapsedMs = Math.max(0, nowMs - this.#refilledMs);
    this.#refilledMs = nowMs;
    const lowest = -(maxWaitMs / 1000) * ratePerSecond;
    this.#tokens = Math.max(lowest, Math.min(burst, this.#tokens + (elapsedMs / 1000) * ratePerSecond) - 1);
    return this.#tokens >= 0 ? 0 : (-this.#tokens / ratePerSecond) * 1000;
  }
}
