/** What the embedded log shows of itself. */
import { Counter, Histogram, type Registry } from 'prom-client';
import { readGauge } from '#lib/observe/read-gauge.ts';
import type { LogStats } from './messages.ts';

export interface LogMetrics {
  /** One transaction is on the disk. */
  committed(events: number, stats: LogStats): void;
  damaged(): void;
}

const COMMIT_SECONDS = [0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5];
const COMMIT_EVENTS = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500];

/** @throws when this collection has them already: one log a collection. */
export function createLogMetrics(metrics: Registry, stats: () => LogStats): LogMetrics {
  const gauge = (name: string, help: string, read: (stats: LogStats) => number) =>
    readGauge(metrics, name, help, () => read(stats()));
  gauge('mcp2_event_bus_log_events', 'Events that the log retains.', ({ events }) => events);
  gauge('mcp2_event_bus_log_bytes', 'Their size, with 100 bytes of overhead each.', ({ bytes }) => bytes);
  gauge('mcp2_event_bus_log_topics', 'Topics that the log knows.', ({ topics }) => topics);
  gauge('mcp2_event_bus_log_last_offset', 'Offset of the last event.', ({ lastOffset }) => lastOffset);
  gauge('mcp2_event_bus_log_free_bytes', 'Space left on the disk of the log.', ({ freeBytes }) => freeBytes);
  gauge('mcp2_event_bus_log_full', '1 while publishes are refused since the disk is nearly full.', ({ isFull }) =>
    isFull ? 1 : 0,
  );
  gauge('mcp2_event_bus_durables', 'Durable subscriptions that the log keeps.', ({ durables }) => durables);
  gauge('mcp2_event_bus_parked_events', 'Events that durable subscriptions have set aside.', ({ parked }) => parked);
  const registers = [metrics];
  const seconds = new Histogram({
    name: 'mcp2_event_bus_log_commit_seconds',
    help: 'Until the disk had a transaction of the log.',
    buckets: COMMIT_SECONDS,
    registers,
  });
  const events = new Histogram({
    name: 'mcp2_event_bus_log_commit_events',
    help: 'Events in one transaction of the log.',
    buckets: COMMIT_EVENTS,
    registers,
  });
  const damaged = new Counter({
    name: 'mcp2_event_bus_log_damaged_total',
    help: 'Events that were read and were not as they had been written.',
    registers,
  });
  return {
    committed(count, { commitSeconds }) {
      if (count === 0) return;
      seconds.observe(commitSeconds);
      events.observe(count);
    },
    damaged: () => damaged.inc(),
  };
}
