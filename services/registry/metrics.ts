/** What the registry counts, besides its calls. */
import { status } from '@grpc/grpc-js';
import { Counter, type Registry } from 'prom-client';
import type { CallEnd } from '#lib/grpc/call-context.ts';
import { readGauge } from '#lib/observe/read-gauge.ts';
import type { RegistrationIndex } from './registration-index.ts';
import type { Staleness } from './staleness.ts';

export interface MetricsSources {
  readonly metrics: Registry;
  readonly index: RegistrationIndex;
  readonly staleness: Staleness;
}

export interface RegistryMetrics {
  /** For each call that ended. */
  called(end: CallEnd): void;
  /** How many endpoints were on the page. */
  lookedUp(endpoints: number): void;
}

/** @throws when this collection has them already: one collection a service. */
export function createRegistryMetrics(sources: MetricsSources): RegistryMetrics {
  observeIndex(sources);
  observeAge(sources);
  const registrations = new Counter({
    name: 'mcp2_registry_registrations_total',
    help: 'Register calls by result: ok, or the reason of the refusal.',
    labelNames: ['result'],
    registers: [sources.metrics],
  });
  registrations.inc({ result: 'ok' }, 0); // a rate of it is 0 from the start, and not nothing
  const found = { some: 0, none: 0 };
  new Counter({
    name: 'mcp2_registry_lookups_total',
    help: 'Lookup answers by whether they hold an endpoint.',
    labelNames: ['found'],
    registers: [sources.metrics],
    collect() {
      this.reset();
      this.inc({ found: 'some' }, found.some);
      this.inc({ found: 'none' }, found.none);
    },
  });
  return {
    called: ({ call, code, reason }) => {
      if (call.method === 'Discovery.Register') registrations.inc({ result: reason ?? resultOf(code) });
    },
    lookedUp(endpoints) {
      if (endpoints > 0) found.some += 1;
      else found.none += 1;
    },
  };
}

function observeIndex({ metrics, index }: MetricsSources): void {
  const gauge = (name: string, help: string, read: () => number) => readGauge(metrics, name, help, read);
  gauge('mcp2_registry_servers', 'Server records in the index.', () => index.table.size.servers);
  gauge('mcp2_registry_endpoints', 'Endpoints that can be found.', () => index.table.size.endpoints);
  gauge('mcp2_registry_undecodable', 'Values that are no record of this version.', () => index.table.size.undecodable);
  gauge('mcp2_registry_index_revision', 'Store revision of the newest change in the index.', () => index.revision);
  gauge('mcp2_registry_watch_silent_seconds', 'Since the watch said something.', () => index.silentMs / 1000);
}

function observeAge({ metrics, staleness }: MetricsSources): void {
  readGauge(
    metrics,
    'mcp2_registry_stale',
    '1 while answers are marked stale: the store has confirmed nothing for too long.',
    () => (staleness.isStale ? 1 : 0),
  );
  readGauge(
    metrics,
    'mcp2_registry_index_age_seconds',
    'Since the store last confirmed that it can be read.',
    () => staleness.unconfirmedMs / 1000,
  );
}

/** Without a reason it went well, or the client left. */
function resultOf(code: status): string {
  return code === status.OK ? 'ok' : (status[code] ?? String(code));
}
