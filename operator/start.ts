/**
 * The operator in a cluster: warm caches on every replica, work on the elected leader alone.
 *
 * A leader that loses its lease or its fence does not try to recover in place: it stops at once and the process ends,
 * so that nothing of the old reign can still write.
 */
import { readFileSync } from 'node:fs';
import type { Registry } from 'prom-client';
import type { Clock } from '#lib/clock.ts';
import { parseHostPort } from '#lib/listen-address.ts';
import type { Logger } from '#lib/observe/logger.ts';
import { startOpsServer } from '#lib/observe/ops-server.ts';
import { createKeys } from '#lib/store/keys.ts';
import type { Store } from '#lib/store/store.ts';
import { mintProbeToken } from '#lib/token/mint.ts';
import type { SigningKey } from '#lib/token/signing-key.ts';
import type { Services } from '#protos/load.ts';
import type { OperatorConfig } from './config.ts';
import type { Failure } from './controller.ts';
import { OperatorCore } from './core.ts';
import { DependencyGate } from './dependency-gate.ts';
import type { Dial } from './dial.ts';
import { createDiscoveryMetrics } from './discovery/metrics.ts';
import { createKubeApi, type KubeApi } from './kube/api.ts';
import { isConflict, isNotFound, isServerAway } from './kube/api-error.ts';
import type { KubeConnection } from './kube/credentials.ts';
import { EventRecorder } from './kube/events.ts';
import { LeaderElector } from './kube/leader.ts';
import type { Leadership as LeaseLeadership } from './kube/leadership.ts';
import type { KubeObject } from './kube/object.ts';
import type { ReflectorTiming } from './kube/reflector.ts';
import { StatusWriter } from './kube/status.ts';
import { createOperatorMetrics, type OperatorMetrics } from './operator-metrics.ts';
import { createHandshake } from './server/handshake.ts';
import { createMcp2ServerParser } from './server/resource.ts';
import { readSchema } from './server/schema.ts';
import { ClusterSource, MCP2_SERVERS } from './source/cluster.ts';
import { Priority } from './work-queue.ts';

const FIELD_MANAGER = 'mcp2-operator';
const LEASE_NAME = 'mcp2-operator';
/** Slices of one roll-out come in a burst; one look serves all of it. */
const ENDPOINTS_COALESCE_MS = 100;
const DRAIN_MS = 15_000;

export interface OperatorDependencies {
  readonly connection: KubeConnection;
  readonly store: Store;
  readonly signingKey: SigningKey;
  readonly services: Services;
  readonly dial: Dial;
  /** The text of crds/mcp2.dev_mcp2servers.yaml. */
  readonly definition: string;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
  readonly registry: Registry;
  /** For tests. */
  readonly reflectorTiming?: Partial<ReflectorTiming>;
  /** For tests: how long the store is away before statuses tell of it. */
  readonly unavailableAfterMs?: number;
}

export interface RunningOperator {
  readonly opsPort: number;
  /** Resolves when this process must end: leadership or the fence was lost. Never rejects. */
  readonly ended: Promise<void>;
  isLeading(): boolean;
  /** Lets work finish, then releases the lease. */
  stop(): Promise<void>;
}

export async function start(config: OperatorConfig, dependencies: OperatorDependencies): Promise<RunningOperator> {
  const { clock, random, log, registry, connection } = dependencies;
  const metrics = createOperatorMetrics(registry);
  const options = { connection, clock, random, userAgent: 'mcp2-operator', onRequest: metrics.onRequest };
  const api = createKubeApi(options);
  const leaderApi = createKubeApi({ ...options, maxCallConnections: 2, maxWatchConnections: 1 });
  const stop = new AbortController();
  const installation = config.installationId ?? (await readInstallation(api, stop.signal, dependencies));
  const identity = `${config.podName}-${Math.floor(random() * 2 ** 40).toString(36)}`;
  const { core, source, events } = createCore({ config, dependencies, api, metrics, installation, identity });
  metrics.observeWatchAge(MCP2_SERVERS.plural, () => ageSeconds(source.freshAtMs(), clock));
  const sourcing = source.run(stop.signal);
  const elector = new LeaderElector({
    api: leaderApi,
    lease: { namespace: config.namespace, name: LEASE_NAME },
    identity,
    clock,
    random,
    log,
    metrics: metrics.leader(LEASE_NAME),
    timing: config,
  });
  const ops = await startOpsServer({
    address: parseHostPort(config.opsListen) ?? { host: '0.0.0.0', port: 9090 },
    registry,
    log,
    readiness: { caches: () => (core.hasSynced() ? undefined : 'not all resources and records were read yet') },
    liveness: { leaderElection: () => wedged(clock.monotonicMs() - elector.tickedAtMs, config) },
  });
  const reign = runReign({ core, elector, signal: stop.signal, log });
  return {
    opsPort: ops.port,
    ended: reign.ended,
    isLeading: reign.isLeading,
    async stop() {
      await reign.stop();
      stop.abort(new Error('the operator is shutting down'));
      await events.flush();
      await Promise.all([core.stop(), sourcing, api.close(), leaderApi.close(), ops.close()]);
    },
  };
}

function ageSeconds(sinceMs: number | undefined, clock: Clock): number | undefined {
  return sinceMs === undefined ? undefined : (clock.monotonicMs() - sinceMs) / 1000;
}

/** A process whose own timers stand still is mended by a restart; a dependency that is away is not. */
function wedged(sinceMs: number, { leaseDurationMs }: OperatorConfig): string | undefined {
  return sinceMs > 4 * leaseDurationMs ? `leader election has not run for ${Math.round(sinceMs / 1000)} s` : undefined;
}

interface ReignOptions {
  readonly core: OperatorCore;
  readonly elector: LeaderElector;
  readonly signal: AbortSignal;
  readonly log: Logger;
}

/** Waits for the caches and the lease, leads until told to stop or until leadership is lost. */
function runReign({ core, elector, signal, log }: ReignOptions) {
  const ended = Promise.withResolvers<void>();
  const give = new AbortController();
  const campaign = AbortSignal.any([signal, give.signal]);
  let leading:
    | { readonly lease: LeaseLeadership; readonly work: Awaited<ReturnType<OperatorCore['lead']>> }
    | undefined;
  const running = (async () => {
    const lease = await elector.acquire(campaign);
    const work = await core.lead(AbortSignal.any([campaign, lease.signal]));
    leading = { lease, work };
    const over = () => {
      if (give.signal.aborted) return;
      work.abort(new Error('leadership was lost'));
      ended.resolve();
    };
    lease.signal.addEventListener('abort', over, { once: true });
    void work.lost.then(over);
    if (lease.signal.aborted) over();
  })().catch((error: unknown) => {
    if (!campaign.aborted) {
      log.error({ err: error }, 'leadership was lost before work began');
      ended.resolve();
    }
  });
  return {
    ended: ended.promise,
    isLeading: () => leading?.lease.isHeld() === true,
    async stop() {
      give.abort(new Error('the operator is shutting down'));
      await running;
      await leading?.work.stop(DRAIN_MS);
      await leading?.lease.release();
    },
  };
}

interface CoreParts {
  readonly config: OperatorConfig;
  readonly dependencies: OperatorDependencies;
  readonly api: KubeApi;
  readonly metrics: OperatorMetrics;
  readonly installation: string;
  readonly identity: string;
}

function createCore({ config, dependencies, api, metrics, installation, identity }: CoreParts) {
  const { store, signingKey, services, clock, random, log, definition, dial, registry } = dependencies;
  const { reflectorTiming, unavailableAfterMs } = dependencies;
  const discoveryMetrics = createDiscoveryMetrics(registry);
  const events = new EventRecorder({
    api,
    reportingController: 'mcp2.dev/operator',
    reportingInstance: identity.slice(-128),
    clock,
    random,
    log,
    onDropped: discoveryMetrics.eventDropped,
  });
  const source = new ClusterSource({
    api,
    events,
    statusWriter: new StatusWriter({ api, resource: MCP2_SERVERS, fieldManager: FIELD_MANAGER }),
    clock,
    random,
    log,
    metrics: metrics.reflector,
    ...(reflectorTiming ? { timing: reflectorTiming } : {}),
    onKey: (key, cause) => core.enqueue(key, cause === 'listed' ? Priority.Initial : Priority.Change),
    onEndpoints: (key) => core.enqueueAfter(key, ENDPOINTS_COALESCE_MS),
  });
  const probe = { iss: config.issuer, sub: `${config.namespace}.mcp2-operator` };
  const core: OperatorCore = new OperatorCore({
    store,
    keys: createKeys(config.storePrefix),
    installation,
    holder: identity,
    source,
    references: source,
    parse: createMcp2ServerParser(readSchema(definition)),
    allowLoopback: false,
    handshake: createHandshake({
      serviceInfo: services.ServiceInfo,
      mintProbeToken: (serverName) => mintProbeToken(signingKey, { ...probe, serverName }, { clock }),
      dial,
      ...clientCertificate(config),
    }),
    controlPlaneCa: () => (config.caFile === undefined ? undefined : readFileSync(config.caFile, 'utf8')),
    clock,
    random,
    log,
    metrics,
    discoveryMetrics,
    sweepIntervalMs: config.sweepIntervalMs,
    concurrency: config.concurrency,
    ...(unavailableAfterMs === undefined ? {} : { unavailableAfterMs }),
    classify,
    gates: (signal) => [
      new DependencyGate({ name: 'api', probe: (probeSignal) => api.probe(probeSignal), clock, random, log, signal }),
    ],
  });
  return { core, source, events };
}

function classify(error: unknown): Failure | undefined {
  if (isServerAway(error)) return { kind: 'gate', gate: 'api' };
  if (isConflict(error) || isNotFound(error)) return { kind: 'conflict' };
  return undefined;
}

/** Read at each handshake, so that a renewed certificate needs no restart. */
function clientCertificate({ clientCertificateFile, clientKeyFile }: OperatorConfig) {
  if (clientCertificateFile === undefined || clientKeyFile === undefined) return {};
  return {
    clientCertificate: () => ({
      certificate: readFileSync(clientCertificateFile, 'utf8'),
      key: readFileSync(clientKeyFile, 'utf8'),
    }),
  };
}

/** The uid of kube-system tells clusters apart; without it nothing may be written, so this waits for the API server. */
async function readInstallation(
  api: KubeApi,
  signal: AbortSignal,
  { clock, log }: Pick<OperatorDependencies, 'clock' | 'log'>,
): Promise<string> {
  const namespaces = {
    group: '',
    version: 'v1',
    plural: 'namespaces',
    kind: 'Namespace',
    isNamespaced: false,
  } as const;
  for (;;) {
    try {
      const { metadata } = await api.get<KubeObject>(namespaces, { name: 'kube-system' }, { signal });
      if (metadata.uid) return metadata.uid;
    } catch (error) {
      log.warn(
        { err: error },
        'cannot read namespace kube-system; set MCP2_OPERATOR_INSTALLATION_ID, or allow the operator to get it',
      );
    }
    await clock.sleep(2000, signal);
  }
}
