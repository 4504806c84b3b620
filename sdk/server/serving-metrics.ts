/** What a server of contexts and tools counts, besides its calls. */
import { Counter, type Registry } from 'prom-client';
import { readGauge } from '#lib/observe/read-gauge.ts';

/** Increments on the hot path are those of plain numbers; they are read when somebody scrapes. */
export interface ServingCounts {
  /** Reads of contexts with a cache. */
  cacheHits: number;
  cacheMisses: number;
  /** Calls of tools that got the answer of an earlier call with their key, or waited for it. */
  repeats: number;
  /** Answers that were dropped before their 10 minutes, since there were too many. */
  droppedAnswers: number;
}

export interface ServingGauges {
  /** Answers of calls with an idempotency key that are kept. */
  keptAnswers(): number;
  /** Of kept context answers. */
  cacheBytes(): number;
}

export function createServingCounts(): ServingCounts {
  return { cacheHits: 0, cacheMisses: 0, repeats: 0, droppedAnswers: 0 };
}

/** @throws when this collection has them already: one collection a service. */
export function registerServingMetrics(metrics: Registry, counts: ServingCounts, gauges: ServingGauges): void {
  new Counter({
    name: 'mcp2_context_cache_requests_total',
    help: 'Reads of contexts that have a cache, by whether the cache answered.',
    labelNames: ['result'],
    registers: [metrics],
    collect() {
      this.reset();
      this.inc({ result: 'hit' }, counts.cacheHits);
      this.inc({ result: 'miss' }, counts.cacheMisses);
    },
  });
  const counter = (name: string, help: string, read: () => number) =>
    new Counter({
      name,
      help,
      registers: [metrics],
      collect() {
        this.reset();
        this.inc(read());
      },
    });
  const gauge = (name: string, help: string, read: () => number) => readGauge(metrics, name, help, read);
  counter('mcp2_tool_repeats_total', 'Tool calls that got the answer of an earlier call.', () => counts.repeats);
  counter(
    'mcp2_tool_answers_dropped_total',
    'Answers of calls with a key that were dropped before their 10 minutes.',
    () => counts.droppedAnswers,
  );
  gauge('mcp2_tool_answers_kept', 'Answers of calls with an idempotency key that are kept.', gauges.keptAnswers);
  gauge('mcp2_context_cache_bytes', 'Memory that kept context answers take, roughly.', gauges.cacheBytes);
}
