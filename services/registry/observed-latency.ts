/**
 * What clients measured: the median latency of each server, from the heartbeats of others.
 *
 * Kept in memory, by each replica for itself, and bounded: it is a hint for the order of answers, and gone is as good
 * as old. A server's word about itself does not count, and one reporter is one voice however often it reports.
 */
import { LRUCache } from 'lru-cache';
import { foldServerName } from '#lib/capability/name.ts';
import type { Clock } from '#lib/clock.ts';

const MAX_SERVERS = 10_000;
/** Of one server. The median of the latest few is enough, and one liar among them moves it little. */
const MAX_REPORTERS = 15;
/** An old measurement says nothing about now. Three beats of the longest lease. */
const MAX_AGE_MS = 300_000;
/** More is a mistake in the unit. */
const MAX_LATENCY_MS = 3_600_000;

interface Report {
  readonly latencyMs: number;
  readonly atMs: number;
}

interface Observed {
  /** In the order in which they came. */
  readonly byReporter: Map<string, Report>;
  readonly medianMs: number;
  readonly latestAtMs: number;
}

export class ObservedLatency {
  readonly #clock: Clock;
  readonly #servers = new LRUCache<string, Observed>({ max: MAX_SERVERS });

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** `reporter` is the sub of whoever measured. */
  report(reporter: string, serverName: string, latencyMs: number): void {
    const folded = foldServerName(serverName);
    const atMs = this.#clock.monotonicMs();
    const byReporter = this.#servers.get(folded)?.byReporter ?? new Map<string, Report>();
    byReporter.delete(reporter);
    byReporter.set(reporter, { latencyMs: Math.min(latencyMs, MAX_LATENCY_MS), atMs });
    for (const [name, report] of byReporter) {
      if (byReporter.size <= MAX_REPORTERS && atMs - report.atMs <= MAX_AGE_MS) break;
      byReporter.delete(name);
    }
    const medianMs = median([...byReporter.values()].map((report) => report.latencyMs));
    this.#servers.set(folded, { byReporter, medianMs, latestAtMs: atMs });
  }

  /** Undefined when nobody measured it lately. */
  medianMs(foldedName: string): number | undefined {
    if (this.#servers.size === 0) return undefined;
    const observed = this.#servers.get(foldedName);
    if (observed === undefined) return undefined;
    if (this.#clock.monotonicMs() - observed.latestAtMs <= MAX_AGE_MS) return observed.medianMs;
    this.#servers.delete(foldedName);
    return undefined;
  }
}

/** The lower one of two in the middle. Of at least one value. */
function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? 0;
}
