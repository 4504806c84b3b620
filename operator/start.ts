/**
 * The operator in a cluster: warm caches on every replica, work on the elected leader alone.
 *
 * The ops port answers from the beginning, also while the API server is away: a restart would mend nothing then.
 */

import { createKubeApi, type KubeApi } from '#lib/kube/api.ts';
import { LeaderElector } from '#lib/kube/leader.ts';
import { parseHostPort } from '#lib/net/listen-address.ts';
import { type OpsServer, startOpsServer } from '#lib/observe/ops-server.ts';
import { readSchema } from '#lib/schema/schema.ts';
import { createKeys } from '#lib/store/keys.ts';
import { type ClusterCore, type ClusterCoreParts, createClusterCore } from './cluster-core.ts';
import type { OperatorConfig } from './config.ts';
import type { OperatorDependencies } from './dependencies.ts';
import { awaitInstallationId } from './installation.ts';
import { createOperatorMetrics } from './operator-metrics.ts';
import { Reign } from './reign.ts';
import { openRotatingFiles, type RotatingFiles } from './rotating-files.ts';
import { createMcp2ServerParser } from './server/resource.ts';

const LEASE_NAME = 'mcp2-operator';

export interface RunningOperator {
  readonly opsPort: number;
  /** Resolves when this process must end: leadership or the fence was lost. Never rejects. */
  readonly ended: Promise<void>;
  isLeading(): boolean;
  /** Lets work finish, then releases the lease. A second call waits for the first. */
  stop(): Promise<void>;
}

/** @throws ListenError, ConfigError for files, and Error for a definition that cannot be used. */
export async function start(config: OperatorConfig, dependencies: OperatorDependencies): Promise<RunningOperator> {
  const files = await openRotatingFiles(config, dependencies);
  let operator: ClusterOperator | undefined;
  try {
    operator = new ClusterOperator(config, dependencies, files);
    await operator.open();
    return operator;
  } catch (error) {
    await (operator ?? files).close();
    throw error;
  }
}

/** A watch takes a connection: of namespaces, and of three kinds everywhere or in each namespace that is named. */
function watchesIn(namespaces: readonly string[]): number {
  return 1 + 3 * Math.max(1, namespaces.length) + SPARE_WATCHES;
}
const SPARE_WATCHES = 4;

class ClusterOperator implements RunningOperator {
  readonly #config: OperatorConfig;
  readonly #dependencies: OperatorDependencies;
  readonly #parts: Omit<ClusterCoreParts, 'installation'>;
  readonly #leaderApi: KubeApi;
  readonly #elector: LeaderElector;
  readonly #reign: Reign;
  readonly #stop = new AbortController();
  #ops: OpsServer | undefined;
  #cluster: ClusterCore | undefined;
  #running: Promise<void> | undefined;
  #stopped: Promise<void> | undefined;

  constructor(config: OperatorConfig, dependencies: OperatorDependencies, files: RotatingFiles) {
    const { clock, random, log, metrics, connection, definition } = dependencies;
    this.#config = config;
    this.#dependencies = dependencies;
    const own = createOperatorMetrics(metrics, clock);
    const access = { connection, clock, random, userAgent: 'mcp2-operator', onRequest: own.onRequest };
    this.#leaderApi = createKubeApi({ ...access, maxCallConnections: 2, maxWatchConnections: 1 });
    const identity = `${config.podName}-${Math.floor(random() * 2 ** 40).toString(36)}`;
    const lease = { namespace: config.namespace, name: LEASE_NAME };
    const election = { api: this.#leaderApi, lease, identity, metrics: own.leader(LEASE_NAME), timing: config };
    this.#elector = new LeaderElector({ ...election, clock, random, log });
    this.#reign = new Reign(this.#elector, { log, clock });
    this.#parts = {
      config,
      dependencies,
      api: createKubeApi({ ...access, maxWatchConnections: watchesIn(config.namespaces) }),
      metrics: own,
      files,
      keys: createKeys(config.storePrefix),
      parse: createMcp2ServerParser(readSchema(definition)),
      identity,
      lease,
      requireLeadership: () => this.#reign.requireLeadership(),
    };
  }

  get opsPort(): number {
    return this.#ops?.port ?? 0;
  }

  get ended(): Promise<void> {
    return this.#reign.ended;
  }

  isLeading(): boolean {
    return this.#reign.isLeading();
  }

  /** @throws ListenError */
  async open(): Promise<void> {
    const { metrics, log } = this.#dependencies;
    this.#ops = await startOpsServer({
      address: parseHostPort(this.#config.opsListen) ?? { host: '0.0.0.0', port: 9090 },
      metrics,
      log,
      readiness: {
        shutdown: () => (this.#stopped === undefined ? undefined : 'the operator is shutting down'),
        caches: () =>
          this.#cluster?.core.hasSynced() ? undefined : 'not all resources and records have been read yet',
      },
      liveness: { leaderElection: () => this.#wedged() },
    });
    this.#running = this.#run().catch((error: unknown) => {
      if (!this.#stop.signal.aborted) log.error({ err: error }, 'the operator cannot work');
    });
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#end();
    return this.#stopped;
  }

  /** Everything that is open; of a start that failed, too. */
  async close(): Promise<void> {
    this.#parts.files.close();
    await Promise.all([this.#parts.api.close(), this.#leaderApi.close(), this.#ops?.close()]);
  }

  async #end(): Promise<void> {
    await this.#reign.stop();
    await this.#cluster?.events.flush();
    this.#stop.abort(new Error('the operator is shutting down'));
    await Promise.all([this.#running, this.#cluster?.core.stop()]);
    await this.close();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    const { clock, log } = this.#dependencies;
    const { api } = this.#parts;
    const installation = this.#config.installationId ?? (await awaitInstallationId({ api, clock, log, signal }));
    const cluster = createClusterCore({ ...this.#parts, installation });
    this.#cluster = cluster;
    this.#reign.begin(cluster.core);
    await cluster.source.run(signal);
  }

  /** A process whose own timers stand still is mended by a restart; a dependency that is away is not. */
  #wedged(): string | undefined {
    const sinceMs = this.#dependencies.clock.monotonicMs() - this.#elector.tickedAtMs;
    if (this.#cluster === undefined || sinceMs <= 4 * this.#config.leaseDurationMs) return undefined;
    return `leader election has not run for ${Math.round(sinceMs / 1000)} s`;
  }
}
