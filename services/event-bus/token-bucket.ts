/** A budget that refills evenly up to a burst. Pure: time is an argument, in milliseconds that never go back. */
export class TokenBucket {
  readonly #perMs: number;
  readonly #burst: number;
  #left: number;
  #atMs: number;

  constructor(perSecond: number, burst: number, nowMs: number) {
    this.#perMs = perSecond / 1000;
    this.#burst = burst;
    this.#left = burst;
    this.#atMs = nowMs;
  }

  /** @returns 0 when `cost` was taken; otherwise nothing was, and so many milliseconds are missing */
  take(cost: number, nowMs: number): number {
    const missing = this.missingMs(cost, nowMs);
    if (missing === 0) this.#left -= cost;
    return missing;
  }

  /** How long to wait until `cost` could be taken. What is larger than the burst is let through when the bucket is full. */
  missingMs(cost: number, nowMs: number): number {
    this.#left = Math.min(this.#burst, this.#left + (nowMs - this.#atMs) * this.#perMs);
    this.#atMs = nowMs;
    const lacking = Math.min(cost, this.#burst) - this.#left;
    return lacking <= 0 ? 0 : Math.ceil(lacking / this.#perMs);
  }

  giveBack(cost: number): void {
    this.#left = Math.min(this.#burst, this.#left + cost);
  }
}
