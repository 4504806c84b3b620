/**
 * The operator's metrics in prom-client, under the names that stock dashboards and alerts for Kubernetes controllers
 * expect (workqueue_*, controller_runtime_*, rest_client_*, leader_election_*), and our own as mcp2_*.
 *
 * The parts themselves know only small interfaces; this file is the one that names metrics.
 */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { Clock } from '#lib/clock.ts';
import type { RequestReport } from '#lib/kube/call.ts';
import type { LeaderMetrics } from '#lib/kube/leadership.ts';
import type { ReflectorMetrics } from '#lib/kube/reflector.ts';
import type { ControllerMetrics } from './controller.ts';
import type { WorkQueueMetrics } from './work-queue.ts';

export interface OperatorMetrics {
  /** For `createKubeApi`. */
  readonly onRequest: (report: RequestReport) => void;
  readonly reflector: ReflectorMetrics;
  queue(name: string): WorkQueueMetrics;
  controller(name: string): ControllerMetrics;
  leader(leaseName: string): LeaderMetrics;
  /** Exposes what only the queue knows at the time it is asked. */
  observeQueue(name: string, queue: QueueAges): void;
}

export interface QueueAges {
  /** How long each key in work has been there. */
  inWorkSeconds(): readonly number[];
  /** How long the oldest key has waited, for its turn or for a gate to open. */
  oldestSeconds(): number;
}

/** client-go's: 10 ns to 10 s in powers of ten, without what JavaScript cannot measure, and on to a minute. */
const QUEUE_BUCKETS = [0.0001, 0.001, 0.01, 0.1, 1, 10, 60];
const RECONCILE_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const LAG_BUCKETS = [0.001, 0.01, 0.05, 0.1, 0.5, 1, 5, 10];

export function createOperatorMetrics(metrics: Registry, clock: Pick<Clock, 'monotonicMs'>): OperatorMetrics {
  return {
    onRequest: requestMetrics(metrics),
    reflector: reflectorMetrics(metrics, clock),
    queue: queueMetrics(metrics),
    controller: controllerMetrics(metrics),
    leader: leaderMetrics(metrics),
    observeQueue: queueAges(metrics),
  };
}

function requestMetrics(metrics: Registry): OperatorMetrics['onRequest'] {
  const registers = [metrics];
  const total = new Counter({
    name: 'rest_client_requests_total',
    help: 'Requests to the API server by method and HTTP status; 0 = no answer.',
    labelNames: ['method', 'code'],
    registers,
  });
  const duration = new Histogram({
    name: 'rest_client_request_duration_seconds',
    help: 'How long requests to the API server took.',
    labelNames: ['method'],
    buckets: RECONCILE_BUCKETS,
    registers,
  });
  return ({ method, code, seconds }) => {
    total.inc({ method, code });
    duration.observe({ method }, seconds);
  };
}

function reflectorMetrics(metrics: Registry, clock: Pick<Clock, 'monotonicMs'>): ReflectorMetrics {
  const labelNames = ['resource'];
  const registers = [metrics];
  const relists = new Counter({
    name: 'mcp2_relists_total',
    help: 'Whole lists read at the start or after an error.',
    labelNames,
    registers,
  });
  const missed = new Counter({
    name: 'mcp2_watch_missed_total',
    help: 'Changes that the regular list found and the watch had not told of.',
    labelNames,
    registers,
  });
  const failures = new Counter({
    name: 'mcp2_watch_failures_total',
    help: 'Lists and watches that ended with an error, by reason.',
    labelNames: ['resource', 'reason'],
    registers,
  });
  return {
    relisted: (resource) => relists.inc({ resource }),
    missed: (resource, count) => missed.inc({ resource }, count),
    failed: (resource, reason) => failures.inc({ resource, reason }),
    heard: watchAge(metrics, clock, (resource) => missed.inc({ resource }, 0)),
  };
}

/**
 * Of a kind that was heard of once: before that, readiness tells.
 *
 * @param onFirst Counters that an alert watches begin at 0 then: Prometheus sees no increase in one that begins at 1.
 */
function watchAge(
  metrics: Registry,
  clock: Pick<Clock, 'monotonicMs'>,
  onFirst: (resource: string) => void,
): ReflectorMetrics['heard'] {
  const heardAtMs = new Map<string, number>();
  new Gauge({
    name: 'mcp2_watch_age_seconds',
    help: 'Since the API server last answered for this kind: a list, an opened watch, an event or a bookmark.',
    labelNames: ['resource'],
    registers: [metrics],
    collect() {
      for (const [resource, atMs] of heardAtMs) this.set({ resource }, (clock.monotonicMs() - atMs) / 1000);
    },
  });
  return (resource) => {
    if (!heardAtMs.has(resource)) onFirst(resource);
    heardAtMs.set(resource, clock.monotonicMs());
  };
}

function queueMetrics(metrics: Registry): OperatorMetrics['queue'] {
  const labelNames = ['name'] as const;
  const registers = [metrics];
  const counter = (name: string, help: string) => new Counter({ name, help, labelNames, registers });
  const gauge = (name: string, help: string) => new Gauge({ name, help, labelNames, registers });
  const histogram = (name: string, help: string) =>
    new Histogram({ name, help, labelNames, registers, buckets: QUEUE_BUCKETS });
  const adds = counter('workqueue_adds_total', 'Keys added to the queue.');
  const depth = gauge('workqueue_depth', 'Keys ready to be worked on.');
  const waited = histogram('workqueue_queue_duration_seconds', 'How long keys waited in the queue.');
  const worked = histogram('workqueue_work_duration_seconds', 'How long the work on a key took.');
  const retries = counter('workqueue_retries_total', 'Keys that were put back after a failure.');
  const parked = gauge('mcp2_workqueue_parked', 'Keys that wait behind a closed gate.');
  return (name) => {
    parked.set({ name }, 0); // a queue that never parked is scraped as such, and not as nothing
    return {
      added: () => adds.inc({ name }),
      depth: (keys) => depth.set({ name }, keys),
      taken: (seconds) => waited.observe({ name }, seconds),
      finished: (seconds) => worked.observe({ name }, seconds),
      retried: () => retries.inc({ name }),
      parked: (keys) => parked.set({ name }, keys),
    };
  };
}

function queueAges(metrics: Registry): OperatorMetrics['observeQueue'] {
  const queues = new Map<string, QueueAges>();
  const gauge = (name: string, help: string, read: (queue: QueueAges) => number) =>
    new Gauge({
      name,
      help,
      labelNames: ['name'],
      registers: [metrics],
      collect() {
        for (const [queueName, queue] of queues) this.set({ name: queueName }, read(queue));
      },
    });
  gauge('workqueue_unfinished_work_seconds', 'Seconds of work in progress, summed over keys.', (queue) =>
    queue.inWorkSeconds().reduce((sum, one) => sum + one, 0),
  );
  gauge('workqueue_longest_running_processor_seconds', 'Age of the oldest work in progress.', (queue) =>
    Math.max(0, ...queue.inWorkSeconds()),
  );
  gauge('mcp2_workqueue_oldest_seconds', 'How long the oldest key has waited for work to begin.', (queue) =>
    queue.oldestSeconds(),
  );
  return (name, queue) => {
    queues.set(name, queue);
  };
}

function controllerMetrics(metrics: Registry): OperatorMetrics['controller'] {
  const registers = [metrics];
  const total = new Counter({
    name: 'controller_runtime_reconcile_total',
    help: 'Reconciles by controller and result.',
    labelNames: ['controller', 'result'],
    registers,
  });
  const duration = new Histogram({
    name: 'controller_runtime_reconcile_time_seconds',
    help: 'How long reconciles took.',
    labelNames: ['controller'],
    buckets: RECONCILE_BUCKETS,
    registers,
  });
  return (controller) => ({
    reconciled: (result, seconds) => {
      total.inc({ controller, result });
      duration.observe({ controller }, seconds);
    },
  });
}

function leaderMetrics(metrics: Registry): OperatorMetrics['leader'] {
  const status = new Gauge({
    name: 'leader_election_master_status',
    help: '1 while this process leads.',
    labelNames: ['name'],
    registers: [metrics],
  });
  const lag = new Histogram({
    name: 'mcp2_leader_tick_lag_seconds',
    help: 'How late the event loop woke the leader up for a renewal.',
    labelNames: ['name'],
    buckets: LAG_BUCKETS,
    registers: [metrics],
  });
  return (name) => {
    status.set({ name }, 0); // a standby is scraped as such, and not as nothing
    return {
      leading: (isLeader) => status.set({ name }, isLeader ? 1 : 0),
      lag: (seconds) => lag.observe({ name }, seconds),
    };
  };
}
