/**
 * Whether an endpoint is worth a call: after failures in a row it is left alone for a while, then one call tries it.
 *
 * Only what says that nobody answers counts (no connection, UNAVAILABLE, a time limit). A refusal is an answer.
 */
import type { Clock } from '#lib/clock.ts';

const FAILURES = 3;
const FIRST_PAUSE_MS = 1_000;
const LAST_PAUSE_MS = 30_000;

export class CircuitBreaker {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  #failures = 0;
  #openUntilMs = 0;
  #isProbing = false;

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock;
  }

  /** Closed, or half-open without a probe that runs. */
  get isCallable(): boolean {
    if (this.#failures < FAILURES) return true;
    return !this.#isProbing && this.#clock.monotonicMs() >= this.#openUntilMs;
  }

  /** An attempt begins. Of one that is half-open it is the probe: nobody else is let through until it has ended. */
  begin(): void {
    if (this.#failures >= FAILURES) this.#isProbing = true;
  }

  succeeded(): void {
    this.#failures = 0;
    this.#isProbing = false;
  }

  failed(): void {
    // Of a call that was on its way when it opened: that it is open is known.
    if (this.#failures >= FAILURES && !this.#isProbing) return;
    this.#failures += 1;
    this.#isProbing = false;
    if (this.#failures < FAILURES) return;
    const pauseMs = Math.min(LAST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(this.#failures - FAILURES, 10));
    this.#openUntilMs = this.#clock.monotonicMs() + pauseMs;
  }

  /** The caller gave up: that says nothing about the endpoint. */
  abandoned(): void {
    this.#isProbing = false;
  }
}
