/**
 * Every metric that the processes expose, asked of the code that registers them: the page, the alerts and the dashboard
 * are compared with this.
 */
import { pino } from 'pino';
import type { Registry } from 'prom-client';
import { systemClock } from '#lib/clock.ts';
import { createCallMetrics } from '#lib/grpc/call-metrics.ts';
import { observeCertificateExpiry } from '#lib/observe/certificate-expiry.ts';
import { createMetrics } from '#lib/observe/metrics.ts';
import { createKeys } from '#lib/store/keys.ts';
import { createDiscoveryMetrics } from '../../operator/discovery/metrics.ts';
import { createOperatorMetrics } from '../../operator/operator-metrics.ts';
import { createRegistryMetrics } from '../../services/registry/metrics.ts';
import { RegistrationIndex } from '../../services/registry/registration-index.ts';
import { DEFAULT_STALENESS, Staleness } from '../../services/registry/staleness.ts';

export interface MetricInfo {
  readonly name: string;
  /** counter, gauge or histogram. */
  readonly type: string;
  readonly help: string;
  /** The processes that have it: operator, registry, sample. */
  readonly processes: readonly string[];
}

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
  const [operator, registry, sample] = ['operator', 'registry', 'sample'].map((service) => {
    const created = createMetrics({ service });
    observeCertificateExpiry(created, []);
    return created;
  }) as [Registry, Registry, Registry];
  const operatorMetrics = createOperatorMetrics(operator, systemClock);
  operatorMetrics.queue('any');
  operatorMetrics.controller('any');
  operatorMetrics.leader('any');
  createDiscoveryMetrics(operator);
  createRegistryMetrics({ metrics: registry, ...indexOfNothing() });
  for (const server of [registry, sample]) createCallMetrics(server);
  return { operator, registry, sample };
}

function indexOfNothing() {
  const keys = createKeys();
  const index = new RegistrationIndex({ keys, clock: systemClock, onUnavailable() {} });
  const store = { get: async () => ({ entry: undefined, revision: 0 }) };
  const log = pino({ level: 'silent' });
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
