/**
 * Exponential backoff with full jitter: each wait is uniform in [0, min(cap, base * 2^n)].
 *
 * Full jitter spreads a crowd that failed together better than a fixed part plus jitter
 * (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
 */

export interface BackoffOptions {
  readonly baseMs: number;
  readonly capMs: number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

export class Backoff {
  readonly #options: BackoffOptions;
  #failures = 0;

  constructor(options: BackoffOptions) {
    this.#options = options;
  }

  /** How many times `nextMs` was asked since the last reset. */
  get failures(): number {
    return this.#failures;
  }

  /** The next wait in milliseconds; each call counts one more failure. */
  nextMs(): number {
    return backoffMs(this.#failures++, this.#options);
  }

  reset(): void {
    this.#failures = 0;
  }
}

/** The wait after `failures` earlier failures. */
export function backoffMs(failures: number, { baseMs, capMs, random }: BackoffOptions): number {
  const ceiling = Math.min(capMs, baseMs * 2 ** Math.min(failures, 30));
  return Math.round(random() * ceiling);
}
