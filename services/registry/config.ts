/** Settings of the registry: those of every service, and its own, which begin with MCP2_REGISTRY_. */
import { type Environment, EnvReader } from '#lib/config/env-reader.ts';
import { readServiceSettings, type ServiceSettings } from '#lib/service/settings.ts';
import { readStore, readStorePrefix, type StoreConfig } from '#lib/store/settings.ts';
import { type CollectorSettings, DEFAULT_COLLECTOR } from './collector.ts';
import { type DeclarationRules, MAX_TTL_SECONDS, MIN_TTL_SECONDS } from './declaration.ts';
import { describeCidrProblem, type EndpointPolicy } from './endpoint-guard.ts';
import { DEFAULT_STALENESS, type StalenessSettings } from './staleness.ts';

/** What `start` needs; the store comes as a dependency, since `mcp2 up` shares it with the operator. */
export interface RegistryConfig extends ServiceSettings {
  /** Where records live in the store. MCP2_STORE_PREFIX; default "/mcp2/v1/". */
  readonly prefix: string;
  readonly rules: DeclarationRules;
  readonly staleness: StalenessSettings;
  readonly collector: CollectorSettings;
}

export interface RegistryProcessConfig extends RegistryConfig {
  /** MCP2_ETCD_ENDPOINTS, or MCP2_REGISTRY_STORE_DIR instead of etcd. */
  readonly store: StoreConfig;
}

export const DEFAULT_TTL_SECONDS = 30;

/** @throws ConfigError naming every invalid variable. */
export function readConfig(env: Environment): RegistryProcessConfig {
  const read = new EnvReader(env);
  const config: RegistryProcessConfig = {
    ...readServiceSettings(read, { listen: '0.0.0.0:50050' }),
    prefix: readStorePrefix(read),
    rules: { endpoints: readEndpointPolicy(read), defaultTtlSeconds: readDefaultTtl(read) },
    staleness: readStaleness(read),
    collector: readCollector(read),
    store: readStore(read, 'MCP2_REGISTRY_STORE_DIR'),
  };
  read.check();
  return Object.freeze(config);
}

function readEndpointPolicy(read: EnvReader): EndpointPolicy {
  const allowedCidrs = read.list('MCP2_REGISTRY_ALLOWED_CIDRS', { fallback: [] });
  for (const cidr of allowedCidrs) {
    const problem = describeCidrProblem(cidr);
    if (problem !== undefined) read.problem(`MCP2_REGISTRY_ALLOWED_CIDRS: ${problem}`);
  }
  const suffixes = read.list('MCP2_REGISTRY_ALLOWED_SUFFIXES', { fallback: [] });
  return {
    allowLoopback: read.boolean('MCP2_REGISTRY_ALLOW_LOOPBACK', { fallback: false }),
    allowedSuffixes: suffixes.map((suffix) => suffix.toLowerCase().replace(/^\.+|\.+$/g, '')),
    allowedCidrs,
  };
}

function readDefaultTtl(read: EnvReader): number {
  const range = { fallback: DEFAULT_TTL_SECONDS, min: MIN_TTL_SECONDS, max: MAX_TTL_SECONDS };
  return read.integer('MCP2_REGISTRY_DEFAULT_TTL_SECONDS', range);
}

function readStaleness(read: EnvReader): StalenessSettings {
  const { readIntervalMs, staleAfterMs, watchSilenceMs } = DEFAULT_STALENESS;
  const settings = {
    readIntervalMs: read.durationMs('MCP2_REGISTRY_READ_INTERVAL', { fallback: readIntervalMs, min: 100, max: 60_000 }),
    staleAfterMs: read.durationMs('MCP2_REGISTRY_STALE_AFTER', { fallback: staleAfterMs, min: 300, max: 600_000 }),
    watchSilenceMs,
  };
  if (settings.staleAfterMs <= settings.readIntervalMs) {
    read.problem('MCP2_REGISTRY_STALE_AFTER must be longer than MCP2_REGISTRY_READ_INTERVAL');
  }
  return settings;
}

function readCollector(read: EnvReader): CollectorSettings {
  const { intervalMs, collectAfterMs: fallback } = DEFAULT_COLLECTOR;
  const collectAfterMs = read.durationMs('MCP2_REGISTRY_COLLECT_AFTER', {
    fallback,
    min: 60_000,
    max: 720 * 3_600_000,
  });
  return { intervalMs: Math.min(intervalMs, collectAfterMs), collectAfterMs };
}
