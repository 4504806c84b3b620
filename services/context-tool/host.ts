/** What outlives the configurations of one server: connections to upstreams, answers of theirs, secrets, metrics. */
import type { Environment } from '#lib/config/env-reader.ts';
import type { NameLookup } from '#lib/net/dial.ts';
import type { ServiceRuntime } from '#lib/service/start-service.ts';
import type { Services } from '#protos/load.ts';
import { createSecrets } from './config/secrets.ts';
import { createOpenDatabase } from './database/open-database.ts';
import type { SqliteFiles } from './database/sqlite/sqlite-files.ts';
import { createHttpSources } from './http/http-sources.ts';
import { createModuleMetrics } from './modules/metrics.ts';
import type { ProcessLimits } from './modules/process-limits.ts';
import { createOutboxMetrics } from './outbox/outbox-metrics.ts';
import { createOpenPublishing, type OwnEventBus } from './outbox/publishing.ts';
import type { RuntimeDependencies } from './runtime.ts';
import { createRuntimeMetrics } from './runtime-metrics.ts';

export interface HostOptions extends ServiceRuntime {
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Where `fromEnv` secrets are read. */
  readonly env: Environment;
  readonly lookup: NameLookup;
  /** Whether upstreams on this machine may be asked: in standalone mode only. */
  readonly allowLoopback: boolean;
  /** Of the process: servers with one file share it. */
  readonly sqliteFiles: SqliteFiles;
  /** Of the process. */
  readonly limits: ProcessLimits;
  readonly protos: Pick<Services, 'EventBus'>;
  /** Where servers of this process publish, and with which token. Default: what their environment names. */
  readonly ownEventBus?: OwnEventBus | undefined;
}

export interface Host extends RuntimeDependencies {
  /** Breaks what still runs. */
  close(): void;
}

export function createHost(options: HostOptions): Host {
  const { clock, log, metrics, random, env, lookup, allowLoopback, sqliteFiles, limits } = options;
  const secrets = createSecrets(env);
  const http = createHttpSources({ lookup, allowLoopback, clock, metrics, readSecret: secrets.read });
  return {
    clock,
    log,
    random,
    metrics: createRuntimeMetrics(metrics),
    http,
    modules: { limits, metrics: createModuleMetrics(metrics) },
    openDatabase: createOpenDatabase({ clock, log, random, metrics, secrets, sqliteFiles }),
    outboxMetrics: createOutboxMetrics(metrics),
    openPublishing: createOpenPublishing({ ...options, readSecret: secrets.read }),
    close: () => http.close(),
  };
}
