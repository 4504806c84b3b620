/**
 * Does what we serve still agree with the store? A linearizable read every few seconds says whether the store can be
 * reached at all, the watch's progress marks whether its changes reach us; without either for long enough, answers are
 * marked stale. They go on all the same: last known endpoints are worth more than none.
 */
import type { Clock } from '#lib/clock.ts';
import type { Logger } from '#lib/logger.ts';
import type { Store } from '#lib/store/store.ts';

export interface StalenessOptions {
  readonly store: Pick<Store, 'get'>;
  /** Any key below the prefix: what matters is that the store answers. */
  readonly probeKey: string;
  /** How long ago the watch said something. */
  readonly watchSilentMs: () => number;
  readonly clock: Clock;
  readonly log: Logger;
  readonly settings: StalenessSettings;
}

export interface StalenessSettings {
  /** Between two reads. Default 5 000. */
  readonly readIntervalMs: number;
  /** Without a read for so long, answers are stale. Default 15 000: three reads. */
  readonly staleAfterMs: number;
  /** Without a word of the watch for so long, too. Default 30 000: three progress marks. */
  readonly watchSilenceMs: number;
}

export const DEFAULT_STALENESS: StalenessSettings = Object.freeze({
  readIntervalMs: 5_000,
  staleAfterMs: 15_000,
  watchSilenceMs: 30_000,
});

export class Staleness {
  readonly #options: StalenessOptions;
  #confirmedMs = Number.NEGATIVE_INFINITY;
  #isReported = false;

  constructor(options: StalenessOptions) {
    this.#options = options;
  }

  get isStale(): boolean {
    const { settings, watchSilentMs } = this.#options;
    return this.unconfirmedMs > settings.staleAfterMs || watchSilentMs() > settings.watchSilenceMs;
  }

  /** Since the last successful read began; Infinity before the first. */
  get unconfirmedMs(): number {
    return this.#options.clock.monotonicMs() - this.#confirmedMs;
  }

  /** Reads until the signal aborts; never rejects. A read that hangs ends with the store's own deadline. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, settings } = this.#options;
    while (!signal.aborted) {
      const dueMs = clock.monotonicMs() + settings.readIntervalMs;
      try {
        await this.confirm();
      } catch (error) {
        if (!signal.aborted && this.isStale) this.#report(error);
      }
      await clock.sleep(Math.max(0, dueMs - clock.monotonicMs()), signal).catch(() => undefined);
    }
  }

  /** One read. @throws ServiceError STORE_UNAVAILABLE */
  async confirm(): Promise<void> {
    const { store, probeKey, clock } = this.#options;
    const beganMs = clock.monotonicMs();
    await store.get(probeKey);
    this.#confirmedMs = Math.max(this.#confirmedMs, beganMs);
    if (this.#isReported && !this.isStale) this.#recovered();
  }

  #report(error: unknown): void {
    if (this.#isReported) return;
    this.#isReported = true;
    this.#options.log.warn({ err: error }, 'the store is away; answering from memory, marked stale');
  }

  #recovered(): void {
    this.#isReported = false;
    this.#options.log.info({}, 'the store is back; answers are current again');
  }
}
