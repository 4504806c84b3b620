/**
 * What the operator counts about Discovery: registrations, transactions, handshakes, repairs. The names of the queue,
 * the watches and the leases are in `operator-metrics.ts`.
 */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { ProberOptions } from '../server/prober.ts';
import type { FenceTally } from './fence-tally.ts';
import type { SweepReport } from './sweep.ts';
import type { WriterOptions } from './writer.ts';

const SECONDS = [0.001, 0.005, 0.025, 0.1, 0.5, 1, 5, 10, 30];

export interface DiscoveryMetrics {
  readonly transaction: NonNullable<WriterOptions['onTransaction']>;
  readonly handshake: NonNullable<ProberOptions['onHandshake']>;
  readonly swept: (report: SweepReport) => void;
  /** From a change that was seen to its record read back. */
  readonly registered: (lagSeconds: number) => void;
  readonly driftRepaired: () => void;
  readonly fenceRejected: () => void;
  readonly eventDropped: () => void;
}

/** @param tally Where losses of the fence are kept beyond this process. */
export function createDiscoveryMetrics(metrics: Registry, tally?: FenceTally): DiscoveryMetrics {
  const registers = [metrics];
  const counter = (name: string, help: string) => new Counter({ name, help, registers });
  const seconds = (name: string, help: string) =>
    new Histogram({ name, help, labelNames: ['result'], buckets: SECONDS, registers });
  const transactions = seconds('mcp2_etcd_txn_seconds', 'Transactions to the store of Discovery by result.');
  const handshakes = seconds('mcp2_handshake_seconds', 'Handshakes with endpoints by result.');
  const lagHelp = 'From a change that the operator saw to its record read back from Discovery.';
  const lag = new Histogram({ name: 'mcp2_registration_lag_seconds', help: lagHelp, buckets: SECONDS, registers });
  const drift = counter('mcp2_drift_repaired_total', 'Records that somebody else changed or removed.');
  const fenced = counter('mcp2_fence_rejections_total', 'Writes refused because another operator leads.');
  fenced.inc(tally?.before ?? 0);
  const dropped = counter('mcp2_events_dropped_total', 'Kubernetes Events that were not written.');
  return Object.freeze({
    transaction: (took: number, result: string) => transactions.observe({ result }, took),
    handshake: (result: string, took: number) => handshakes.observe({ result }, took),
    swept: sweepMetrics(metrics),
    registered: (lagSeconds: number) => lag.observe(lagSeconds),
    driftRepaired: () => drift.inc(),
    fenceRejected: () => {
      fenced.inc();
      tally?.add();
    },
    eventDropped: () => dropped.inc(),
  });
}

function sweepMetrics(metrics: Registry): DiscoveryMetrics['swept'] {
  const registers = [metrics];
  const gauge = (name: string, help: string) => new Gauge({ name, help, registers });
  const counter = (name: string, help: string) => new Counter({ name, help, registers });
  const owned = gauge('mcp2_registrations', 'Records of this installation in Discovery, at the last sweep.');
  const blocked = gauge('mcp2_gc_blocked', '1 while a sweep refuses to delete so much at once.');
  const deleted = counter('mcp2_orphans_deleted_total', 'Records removed because their resource is gone.');
  const missed = counter('mcp2_mirror_missed_total', 'Changes of Discovery that the watch had not told of.');
  return (report) => {
    owned.set(report.owned);
    blocked.set(report.blocked > 0 ? 1 : 0);
    deleted.inc(report.deleted);
    missed.inc(report.missed);
  };
}
