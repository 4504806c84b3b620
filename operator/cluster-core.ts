/**
 * The reconcile core for a cluster: resources and references from the API server, statuses and Events back to it.
 */

import type { KubeApi } from '#lib/kube/api.ts';
import { isConflict, isNotFound, isServerAway } from '#lib/kube/api-error.ts';
import { EventRecorder } from '#lib/kube/events.ts';
import { LeadershipEnded, type LeaseName } from '#lib/kube/leadership.ts';
import { StatusWriter } from '#lib/kube/status.ts';
import type { Keys } from '#lib/store/keys.ts';
import { mintProbeToken } from '#lib/token/mint.ts';
import type { OperatorConfig } from './config.ts';
import type { Failure } from './controller.ts';
import { OperatorCore } from './core.ts';
import type { OperatorDependencies } from './dependencies.ts';
import { DependencyGate } from './dependency-gate.ts';
import { openFenceTally } from './discovery/fence-tally.ts';
import { createDiscoveryMetrics } from './discovery/metrics.ts';
import type { OperatorMetrics } from './operator-metrics.ts';
import type { RotatingFiles } from './rotating-files.ts';
import { createHandshake } from './server/handshake.ts';
import type { ParseMcp2Server } from './server/resource.ts';
import { ClusterSource, MCP2_SERVERS } from './source/cluster.ts';
import { Priority } from './work-queue.ts';

const FIELD_MANAGER = 'mcp2-operator';
/** Slices of one roll-out come in a burst; one look serves all of it. */
const ENDPOINTS_COALESCE_MS = 100;

export interface ClusterCoreParts {
  readonly config: OperatorConfig;
  readonly dependencies: OperatorDependencies;
  readonly api: KubeApi;
  readonly metrics: OperatorMetrics;
  readonly files: RotatingFiles;
  readonly keys: Keys;
  readonly parse: ParseMcp2Server;
  readonly installation: string;
  /** Of this process: in the lease, the fence and Events. */
  readonly identity: string;
  readonly lease: LeaseName;
  /** Throws when this process does not lead. */
  readonly requireLeadership: () => void;
}

export interface ClusterCore {
  readonly core: OperatorCore;
  readonly source: ClusterSource;
  readonly events: EventRecorder;
}

export function createClusterCore(parts: ClusterCoreParts): ClusterCore {
  const { config, dependencies, api, metrics: operatorMetrics, keys, parse, installation, identity } = parts;
  const { store, clock, random, log, metrics, unavailableAfterMs } = dependencies;
  const discoveryMetrics = createDiscoveryMetrics(metrics, openFenceTally(config.stateFolder, log));
  const events = new EventRecorder({
    api,
    reportingController: 'mcp2.dev/operator',
    reportingInstance: identity.slice(-128),
    clock,
    random,
    log,
    onDropped: discoveryMetrics.eventDropped,
  });
  const source = createSource(parts, {
    events,
    onKey: (key, cause) => core.enqueue(key, cause === 'listed' ? Priority.Initial : Priority.Change),
    onEndpoints: (key) => core.enqueueAfter(key, ENDPOINTS_COALESCE_MS),
  });
  const core: OperatorCore = new OperatorCore({
    store,
    keys,
    installation,
    holder: identity,
    source,
    references: source.references,
    parse,
    allowLoopback: false,
    handshake: handshakeOf(parts),
    controlPlaneCa: () => parts.files.controlPlaneCa(),
    clock,
    random,
    log,
    metrics: operatorMetrics,
    discoveryMetrics,
    sweepIntervalMs: config.sweepIntervalMs,
    concurrency: config.concurrency,
    ...(unavailableAfterMs === undefined ? {} : { unavailableAfterMs }),
    onSweepBlocked: (wouldDelete) => events.record(blockedEvent(parts.lease, wouldDelete)),
    classify,
    gates: (signal) => [
      new DependencyGate({ name: 'api', probe: (probeSignal) => api.probe(probeSignal), clock, random, log, signal }),
    ],
  });
  // The next handshake of each server is to look with the new authority.
  parts.files.onCaChange(() => core.enqueueAll());
  return { core, source, events };
}

type SourceHooks = Pick<ConstructorParameters<typeof ClusterSource>[0], 'events' | 'onKey' | 'onEndpoints'>;

function createSource({ config, dependencies, api, metrics, requireLeadership }: ClusterCoreParts, hooks: SourceHooks) {
  const { clock, random, log, reflectorTiming } = dependencies;
  return new ClusterSource({
    api,
    namespaces: config.namespaces,
    statusWriter: new StatusWriter({ api, resource: MCP2_SERVERS, fieldManager: FIELD_MANAGER }),
    clock,
    random,
    log,
    metrics: metrics.reflector,
    ...(reflectorTiming ? { timing: reflectorTiming } : {}),
    requireLeadership,
    ...hooks,
  });
}

function handshakeOf({ config, dependencies, files }: ClusterCoreParts) {
  const { services, dial, clock } = dependencies;
  const { clientCertificate } = files;
  const probe = { iss: config.issuer, sub: `${config.namespace}.mcp2-operator` };
  return createHandshake({
    serviceInfo: services.ServiceInfo,
    mintProbeToken: (serverName) => mintProbeToken(files.signingKey(), { ...probe, serverName }, { clock }),
    dial,
    ...(clientCertificate ? { clientCertificate } : {}),
  });
}

function classify(error: unknown): Failure | undefined {
  if (error instanceof LeadershipEnded) return { kind: 'stop' };
  if (isServerAway(error)) return { kind: 'gate', gate: 'api' };
  if (isConflict(error) || isNotFound(error)) return { kind: 'conflict' };
  return undefined;
}

/** About the lease, because it concerns the operator and no single resource. */
function blockedEvent(lease: LeaseName, wouldDelete: number) {
  const advice = 'look whether the API server lists them; they go when the next sweeps still find their resources gone';
  return {
    regarding: { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: lease },
    type: 'Warning' as const,
    reason: 'MassDeleteBlocked',
    action: 'Sweep',
    note: `${wouldDelete} registrations seem to have lost their Mcp2Server at once, so none was removed; ${advice}.`,
  };
}
