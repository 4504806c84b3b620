/**
 * What a subscriber's stream waits on: one promise at a time, woken by an event, an acknowledgement, a time or its end. The
 * timer stays armed when its time moves back, as that of a heartbeat does with every event: it then fires early, once.
 */
import type { Clock } from '#lib/clock.ts';

/** setTimeout's own limit is 2^31 - 1. */
const MAX_WAIT_MS = 24 * 3_600_000;

export class Wakeup {
  /** May be called at any time, also when nobody waits: the next wait then ends at once. */
  readonly wake: () => void;
  readonly #clock: Clock;
  #isWoken = false;
  #resolve: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;
  #armedMs = Number.POSITIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.wake = () => {
      this.#isWoken = true;
      this.#resolve?.();
      this.#resolve = undefined;
    };
  }

  /** @param untilMs Monotonic; Infinity for no limit. */
  async until(untilMs: number): Promise<void> {
    if (!this.#isWoken) {
      this.#arm(untilMs);
      await new Promise<void>((resolve) => {
        this.#resolve = resolve;
      });
    }
    this.#isWoken = false;
  }

  close(): void {
    clearTimeout(this.#timer);
    this.wake();
  }

  #arm(untilMs: number): void {
    if (untilMs >= this.#armedMs) return;
    clearTimeout(this.#timer);
    this.#armedMs = untilMs;
    const waitMs = Math.min(MAX_WAIT_MS, Math.max(0, untilMs - this.#clock.monotonicMs()));
    this.#timer = setTimeout(() => {
      this.#armedMs = Number.POSITIVE_INFINITY;
      this.wake();
    }, waitMs);
  }
}
