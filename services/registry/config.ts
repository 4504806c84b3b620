/** Settings of the registry, from variables that begin with MCP2_REGISTRY_. */
import { readFileSync } from 'node:fs';
import { type Environment, EnvReader } from '#lib/config/env-reader.ts';
import { LOG_LEVELS, type LogLevel } from '#lib/observe/logger.ts';
import { createKeys, DEFAULT_PREFIX } from '#lib/store/keys.ts';
import { MIN_SECRET_BYTES } from '#lib/token/development.ts';
import { type CollectorSettings, DEFAULT_COLLECTOR } from './collector.ts';
import { type DeclarationRules, MAX_TTL_SECONDS, MIN_TTL_SECONDS } from './declaration.ts';
import { describeCidrProblem, type EndpointPolicy } from './endpoint-guard.ts';
import { DEFAULT_STALENESS, type StalenessSettings } from './staleness.ts';

/** What `start` needs; the store comes as a dependency, since `mcp2 up` shares it with the operator. */
export interface RegistryConfig {
  /** host:port of the gRPC server. MCP2_REGISTRY_LISTEN; default "0.0.0.0:50050". */
  readonly listen: string;
  /** host:port of /livez, /readyz and /metrics. MCP2_REGISTRY_OPS_LISTEN; absent, there is none. */
  readonly opsListen: string | undefined;
  /** Where records live in the store. MCP2_REGISTRY_STORE_PREFIX; default "/mcp2/v1/". */
  readonly prefix: string;
  readonly tokens: TokenConfig;
  /** MCP2_REGISTRY_TLS_CERT_FILE, _KEY_FILE and, for mTLS, _CLIENT_CA_FILE; absent, the server speaks plaintext. */
  readonly tls: TlsConfig | undefined;
  readonly rules: DeclarationRules;
  readonly staleness: StalenessSettings;
  readonly collector: CollectorSettings;
}

export interface TokenConfig {
  /** The `iss` that is trusted. MCP2_REGISTRY_ISSUER. */
  readonly issuer: string | undefined;
  /** Its public keys, from a file (read again when it changes) or an https URL. MCP2_REGISTRY_JWKS_FILE or _URL. */
  readonly jwksFile: string | undefined;
  readonly jwksUrl: string | undefined;
  /** Of the proposal's reference client; only with MCP2_DEV_HS256=1. MCP2_REGISTRY_HS256_SECRET_FILE. */
  readonly developmentSecret: Uint8Array | undefined;
}

export interface TlsConfig {
  readonly certificateFile: string;
  readonly keyFile: string;
  readonly clientCaFile: string | undefined;
}

export type StoreConfig =
  | {
      readonly kind: 'etcd';
      /** MCP2_REGISTRY_ETCD_ENDPOINTS, comma-separated: "https://etcd-0:2379". */
      readonly endpoints: readonly string[];
      /** MCP2_REGISTRY_ETCD_CA_FILE, _CERT_FILE and _KEY_FILE. */
      readonly tls: EtcdTlsConfig | undefined;
    }
  /** MCP2_REGISTRY_STORE_DIR, instead of etcd. */
  | { readonly kind: 'embedded'; readonly directory: string };

export interface EtcdTlsConfig {
  readonly caFile: string;
  readonly certificateFile: string | undefined;
  readonly keyFile: string | undefined;
}

/** The settings of the process: those of the service, its store and its log. */
export interface RegistryProcessConfig {
  readonly registry: RegistryConfig;
  readonly store: StoreConfig;
  /** MCP2_LOG_LEVEL; default "info". */
  readonly logLevel: LogLevel;
}

export const DEFAULT_TTL_SECONDS = 30;

/** @throws ConfigError naming every invalid variable. */
export function readConfig(env: Environment): RegistryProcessConfig {
  const read = new EnvReader(env);
  const config: RegistryProcessConfig = {
    registry: {
      listen: read.hostPort('MCP2_REGISTRY_LISTEN', { fallback: '0.0.0.0:50050' }),
      opsListen: readOpsListen(read),
      prefix: readPrefix(read),
      tokens: readTokens(read),
      tls: readTls(read),
      rules: { endpoints: readEndpointPolicy(read), defaultTtlSeconds: readDefaultTtl(read) },
      staleness: readStaleness(read),
      collector: readCollector(read),
    },
    store: readStore(read),
    logLevel: read.oneOf('MCP2_LOG_LEVEL', LOG_LEVELS, { fallback: 'info' }),
  };
  read.check();
  return Object.freeze(config);
}

function readOpsListen(read: EnvReader): string | undefined {
  const name = 'MCP2_REGISTRY_OPS_LISTEN';
  return read.optional(name) === undefined ? undefined : read.hostPort(name);
}

function readPrefix(read: EnvReader): string {
  const prefix = read.string('MCP2_REGISTRY_STORE_PREFIX', { fallback: DEFAULT_PREFIX });
  try {
    createKeys(prefix);
  } catch {
    read.problem(`MCP2_REGISTRY_STORE_PREFIX must look like ${DEFAULT_PREFIX}`);
  }
  return prefix;
}

function readTokens(read: EnvReader): TokenConfig {
  const tokens: TokenConfig = {
    issuer: read.optional('MCP2_REGISTRY_ISSUER'),
    jwksFile: read.file('MCP2_REGISTRY_JWKS_FILE'),
    jwksUrl: read.optional('MCP2_REGISTRY_JWKS_URL'),
    developmentSecret: readDevelopmentSecret(read),
  };
  const sources = [tokens.jwksFile, tokens.jwksUrl].filter((source) => source !== undefined);
  if (sources.length > 1) read.problem('set MCP2_REGISTRY_JWKS_FILE or MCP2_REGISTRY_JWKS_URL, not both');
  if (sources.length > 0 !== (tokens.issuer !== undefined)) {
    read.problem('MCP2_REGISTRY_ISSUER and its keys (MCP2_REGISTRY_JWKS_FILE or _URL) must be set together');
  }
  if (sources.length === 0 && tokens.developmentSecret === undefined) {
    read.problem('no token could be verified: set MCP2_REGISTRY_ISSUER and MCP2_REGISTRY_JWKS_FILE or _URL');
  }
  return tokens;
}

/** A second switch beside the secret, so that a file left over from a trial does not open a production system. */
function readDevelopmentSecret(read: EnvReader): Uint8Array | undefined {
  const path = read.file('MCP2_REGISTRY_HS256_SECRET_FILE');
  const isEnabled = read.optional('MCP2_DEV_HS256') === '1';
  if (path === undefined && !isEnabled) return undefined;
  if (path === undefined || !isEnabled) {
    read.problem('HS256 tokens are for development: set both MCP2_DEV_HS256=1 and MCP2_REGISTRY_HS256_SECRET_FILE');
    return undefined;
  }
  const secret = readSecret(path);
  if (secret.length >= MIN_SECRET_BYTES) return secret;
  read.problem(`MCP2_REGISTRY_HS256_SECRET_FILE must hold at least ${MIN_SECRET_BYTES} bytes`);
  return undefined;
}

/** Without the line end that editors add. Empty for a file that cannot be read, which was reported already. */
function readSecret(path: string): Uint8Array {
  try {
    return Buffer.from(readFileSync(path, 'latin1').trimEnd(), 'latin1');
  } catch {
    return Buffer.alloc(0);
  }
}

function readTls(read: EnvReader): TlsConfig | undefined {
  const certificateFile = read.file('MCP2_REGISTRY_TLS_CERT_FILE');
  const keyFile = read.file('MCP2_REGISTRY_TLS_KEY_FILE');
  const clientCaFile = read.file('MCP2_REGISTRY_TLS_CLIENT_CA_FILE');
  if (certificateFile !== undefined && keyFile !== undefined) return { certificateFile, keyFile, clientCaFile };
  if (certificateFile !== undefined || keyFile !== undefined || clientCaFile !== undefined) {
    read.problem('MCP2_REGISTRY_TLS_CERT_FILE and MCP2_REGISTRY_TLS_KEY_FILE must be set together');
  }
  return undefined;
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

function readStore(read: EnvReader): StoreConfig {
  const endpoints = read.list('MCP2_REGISTRY_ETCD_ENDPOINTS', { fallback: [] });
  const directory = read.optional('MCP2_REGISTRY_STORE_DIR');
  if (endpoints.length > 0 === (directory !== undefined)) {
    read.problem('set MCP2_REGISTRY_ETCD_ENDPOINTS (a cluster) or MCP2_REGISTRY_STORE_DIR (one process), one of them');
  }
  if (directory !== undefined) return { kind: 'embedded', directory };
  return { kind: 'etcd', endpoints, tls: readEtcdTls(read) };
}

function readEtcdTls(read: EnvReader): EtcdTlsConfig | undefined {
  const caFile = read.file('MCP2_REGISTRY_ETCD_CA_FILE');
  const certificateFile = read.file('MCP2_REGISTRY_ETCD_CERT_FILE');
  const keyFile = read.file('MCP2_REGISTRY_ETCD_KEY_FILE');
  if ((certificateFile === undefined) !== (keyFile === undefined)) {
    read.problem('MCP2_REGISTRY_ETCD_CERT_FILE and MCP2_REGISTRY_ETCD_KEY_FILE must be set together');
  }
  if (caFile !== undefined) return { caFile, certificateFile, keyFile };
  if (certificateFile !== undefined) read.problem('MCP2_REGISTRY_ETCD_CA_FILE is required with a client certificate');
  return undefined;
}
