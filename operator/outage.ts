/**
 * What is done while the store of Discovery is away and all work waits behind its gate.
 *
 * Resources that wait for the store are told after a while, slowly: an outage must not become a storm of status
 * writes. A deletion whose owner does not want to wait is let go at once.
 */
import type { Clock } from '#lib/clock.ts';
import type { DependencyGate } from './dependency-gate.ts';
import type { Log } from './log.ts';
import type { ServerReconciler } from './server/reconcile.ts';
import type { ResourceSource } from './source/source.ts';
import type { WorkQueue } from './work-queue.ts';

/** At most so many statuses a second tell of an outage. */
const REPORTS_PER_SECOND = 20;
const TICK_MS = 1000;

export interface OutageOptions {
  readonly gate: DependencyGate;
  readonly queue: WorkQueue;
  readonly reconciler: ServerReconciler;
  readonly source: ResourceSource;
  readonly clock: Clock;
  readonly log: Log;
  /** Shorter outages are nobody's business: everything heals by itself. */
  readonly unavailableAfterMs: number;
}

/** Resolves when the signal aborts; never rejects. */
export async function attendOutages(options: OutageOptions, signal: AbortSignal): Promise<void> {
  const { gate, clock, log, unavailableAfterMs } = options;
  let told = new Set<string>();
  while (!signal.aborted) {
    try {
      await clock.sleep(TICK_MS, signal);
      const { closedAtMs } = gate;
      if (closedAtMs === undefined) {
        told = new Set();
        continue;
      }
      await letGo(options, signal);
      if (clock.monotonicMs() - closedAtMs >= unavailableAfterMs) await tell(options, { told, signal });
    } catch (error) {
      if (!signal.aborted) log.debug({ err: error }, 'could not tell of the outage of the store');
    }
  }
}

/** Their records are left to the sweeper. */
async function letGo({ queue, reconciler, source }: OutageOptions, signal: AbortSignal): Promise<void> {
  for (const key of [...queue.pendingKeys()]) {
    const server = reconciler.isForced(key) ? source.get(key) : undefined;
    if (server) await source.removeFinalizer(server, signal);
  }
}

/** A second's worth of statuses. */
async function tell(
  { queue, reconciler, gate }: OutageOptions,
  { told, signal }: { told: Set<string>; signal: AbortSignal },
): Promise<void> {
  const waiting = [...queue.pendingKeys()].filter((key) => !told.has(key));
  for (const key of waiting.slice(0, REPORTS_PER_SECOND)) {
    if (!gate.isClosed) return;
    told.add(key);
    await reconciler.reportAway(key, signal);
  }
}
