/**
 * The metrics of one process: a collection of its own (never prom-client's global one, which tests and `mcp2 up` would
 * share) with the process's memory, CPU, garbage collection and event-loop lag in it.
 */
import { collectDefaultMetrics, Registry } from 'prom-client';

export interface MetricsOptions {
  /** In every line as label `service`. */
  readonly service: string;
  /** Process metrics: once a process, since a second collection would count the same things. Default true. */
  readonly process?: boolean;
}

export function createMetrics({ service, process = true }: MetricsOptions): Registry {
  const metrics = new Registry();
  metrics.setDefaultLabels({ service });
  if (process) collectDefaultMetrics({ register: metrics, eventLoopMonitoringPrecision: 10 });
  return metrics;
}
