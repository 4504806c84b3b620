/**
 * What is done while the store of Discovery is away and all work waits for it.
 *
 * Resources that wait for the store are told after a while, slowly: an outage must not become a storm of status
 * writes. A deletion whose owner does not want to wait is let go at once.
 */
import type { Clock } from '#lib/clock.ts';
import type { Logger } from '#lib/logger.ts';
import type { AwayReporter } from './server/away.ts';

/** At most so many statuses a second tell of an outage. */
const REPORTS_PER_SECOND = 20;
const TICK_MS = 1000;

export interface OutageOptions {
  /** Since when the store is away, in `clock.monotonicMs()`; undefined while it answers. */
  readonly awaySinceMs: () => number | undefined;
  /** The keys that wait for it. */
  readonly waiting: () => Iterable<string>;
  readonly away: AwayReporter;
  readonly clock: Clock;
  readonly log: Logger;
  /** Shorter outages are nobody's business: everything heals by itself. */
  readonly unavailableAfterMs: number;
}

/** Resolves when the signal aborts; never rejects. */
export async function attendOutages(options: OutageOptions, signal: AbortSignal): Promise<void> {
  const { awaySinceMs, clock, log, unavailableAfterMs } = options;
  let told = new Set<string>();
  while (!signal.aborted) {
    try {
      await clock.sleep(TICK_MS, signal);
      const sinceMs = awaySinceMs();
      if (sinceMs === undefined) {
        told = new Set();
        continue;
      }
      for (const key of [...options.waiting()]) await options.away.letGo(key, signal);
      if (clock.monotonicMs() - sinceMs >= unavailableAfterMs) await tell(options, { told, signal });
    } catch (error) {
      if (!signal.aborted) log.debug({ err: error }, 'could not tell of the outage of the store');
    }
  }
}

/** A second's worth of statuses. */
async function tell(
  { waiting, awaySinceMs, away }: OutageOptions,
  { told, signal }: { told: Set<string>; signal: AbortSignal },
): Promise<void> {
  const untold = [...waiting()].filter((key) => !told.has(key));
  for (const key of untold.slice(0, REPORTS_PER_SECOND)) {
    if (awaySinceMs() === undefined || signal.aborted) return;
    told.add(key);
    await away.report(key, signal);
  }
}
