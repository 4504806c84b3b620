/**
 * Every metric that the processes expose, asked of the code that registers them: the page, the alerts and the dashboard
 * are compared with this.
 */
import type { Registry } from 'prom-client';
import { systemClock } from '#lib/clock.ts';
import { createCallMetrics } from '#lib/grpc/call-metrics.ts';
import { silentLogger } from '#lib/logger.ts';
import { observeCertificateExpiry } from '#lib/observe/certificate-expiry.ts';
import { createMetrics } from '#lib/observe/metrics.ts';
import { createDenialAudit } from '#lib/service/denial-audit.ts';
import { createKeys } from '#lib/store/keys.ts';
import { createServingCounts, registerServingMetrics } from '#sdk/server/serving-metrics.ts';
import { createDiscoveryMetrics } from '../../operator/discovery/metrics.ts';
import { createOperatorMetrics } from '../../operator/operator-metrics.ts';
import { createDatabaseMetrics } from '../../services/context-tool/database/database-metrics.ts';
import { createHttpMetrics } from '../../services/context-tool/http/metrics.ts';
import { createModuleMetrics } from '../../services/context-tool/modules/metrics.ts';
import { createOutboxMetrics } from '../../services/context-tool/outbox/outbox-metrics.ts';
import { createRuntimeMetrics } from '../../services/context-tool/runtime-metrics.ts';
import { createLogMetrics } from '../../services/event-bus/log/embedded/log-metrics.ts';
import { createEventBusMetrics } from '../../services/event-bus/metrics.ts';
import { createRegistryMetrics } from '../../services/registry/metrics.ts';
import { RegistrationIndex } from '../../services/registry/registration-index.ts';
import { DEFAULT_STALENESS, Staleness } from '../../services/registry/staleness.ts';

export interface MetricInfo {
  readonly name: string;
  /** counter, gauge or histogram. */
  readonly type: string;
  readonly help: string;
  /** The processes that have it: operator, registry, event-bus, context-tool. */
  readonly processes: readonly string[];
}

const EMPTY_LOG = Object.freeze({
  ...{ lastOffset: 0, events: 0, bytes: 0, topics: 0, durables: 0, parked: 0 },
  ...{ isFull: false, freeBytes: 0, commitSeconds: 0 },
});
const PROCESSES = ['operator', 'registry', 'event-bus', 'context-tool'];

export async function readMetricInventory(): Promise<readonly MetricInfo[]> {
  const inventory = new Map<string, MetricInfo>();
  for (const [process, metrics] of Object.entries(createAll())) {
    for (const { name, type, help } of await metrics.getMetricsAsJSON()) {
      const processes = [...(inventory.get(name)?.processes ?? []), process];
      inventory.set(name, { name, type: String(type), help, processes });
    }
    metrics.clear();
  }
  return [...inventory.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Names as a query has them: a histogram is three series, a summary two and itself. */
export function seriesOf({ name, type }: Pick<MetricInfo, 'name' | 'type'>): readonly string[] {
  if (type === 'histogram') return [`${name}_bucket`, `${name}_sum`, `${name}_count`];
  return type === 'summary' ? [name, `${name}_sum`, `${name}_count`] : [name];
}

function createAll(): Readonly<Record<string, Registry>> {
  const [operator, registry, eventBus, contextTool] = PROCESSES.map((service) => {
    const created = createMetrics({ service });
    observeCertificateExpiry(created, []);
    return created;
  }) as [Registry, Registry, Registry, Registry];
  const operatorMetrics = createOperatorMetrics(operator, systemClock);
  operatorMetrics.queue('any');
  operatorMetrics.controller('any');
  operatorMetrics.leader('any');
  createDiscoveryMetrics(operator);
  createRegistryMetrics({ metrics: registry, ...indexOfNothing() });
  createEventBusMetrics({ metrics: eventBus, tail: { events: 0, bytes: 0 }, durables: { attached: 0 } });
  createLogMetrics(eventBus, () => EMPTY_LOG);
  for (const server of [registry, eventBus, contextTool]) {
    createCallMetrics(server);
    createDenialAudit({ clock: systemClock, log: silentLogger, metrics: server });
  }
  createContextToolMetrics(contextTool);
  return { operator, registry, 'event-bus': eventBus, 'context-tool': contextTool };
}

function createContextToolMetrics(metrics: Registry): void {
  registerServingMetrics(metrics, createServingCounts(), { keptAnswers: () => 0, cacheBytes: () => 0 });
  createRuntimeMetrics(metrics);
  createDatabaseMetrics(metrics);
  createHttpMetrics(metrics, { connections: () => 0, waiting: () => 0 });
  createModuleMetrics(metrics);
  createOutboxMetrics(metrics);
}

function indexOfNothing() {
  const keys = createKeys();
  const index = new RegistrationIndex({ keys, clock: systemClock, onUnavailable() {} });
  const store = { get: async () => ({ entry: undefined, revision: 0 }) };
  const log = silentLogger;
  const staleness = new Staleness({
    store,
    probeKey: keys.root,
    watchSilentMs: () => 0,
    clock: systemClock,
    log,
    settings: DEFAULT_STALENESS,
  });
  return { index, staleness };
}
