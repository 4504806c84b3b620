/** Settings of the operator: the common ones, and its own, which begin with MCP2_OPERATOR_. */
import {
  type ClientCertificateFiles,
  type EtcdSettings,
  readClientTls,
  readEtcd,
} from '#lib/config/common-settings.ts';
import { type Environment, EnvReader } from '#lib/config/env-reader.ts';
import { type KubeSettings, readKubeSettings } from '#lib/kube/connect.ts';
import type { LogLevel } from '#lib/observe/logger.ts';
import { readLogLevel } from '#lib/service/settings.ts';
import { readStorePrefix } from '#lib/store/settings.ts';

export interface OperatorConfig extends ClientCertificateFiles {
  readonly logLevel: LogLevel;
  /** host:port of /livez, /readyz and /metrics. */
  readonly opsListen: string;
  readonly etcd: EtcdSettings;
  readonly storePrefix: string;
  /** Absent = the uid of namespace kube-system. */
  readonly installationId: string | undefined;
  /** A file with `key.jwk`'s content: a private JWK with kid and alg, for probe tokens. */
  readonly signingKeyFile: string;
  readonly issuer: string;
  /** PEM of the control plane's CA, against which Service sources without caBundleRef are verified. */
  readonly caFile: string | undefined;
  /** Where Mcp2Servers are looked at; empty = in all namespaces. */
  readonly namespaces: readonly string[];
  readonly namespace: string;
  /** The pod's name; with a random part it is the identity in the lease. */
  readonly podName: string;
  /** Lease duration > renew deadline > 1.2 times the retry period. */
  readonly leaseDurationMs: number;
  readonly renewDeadlineMs: number;
  readonly retryPeriodMs: number;
  readonly sweepIntervalMs: number;
  readonly concurrency: number;
  /** A folder that outlives the process, for the tally of lost fences. */
  readonly stateFolder: string | undefined;
  /** MCP2_OPERATOR_KUBECONFIG, or those of a pod. */
  readonly kube: KubeSettings;
}

/** @throws ConfigError naming every problem. */
export function readOperatorConfig(env: Environment): OperatorConfig {
  const read = new EnvReader(env);
  const config: OperatorConfig = {
    logLevel: readLogLevel(read),
    opsListen: read.hostPort('MCP2_OPS_LISTEN', { fallback: '0.0.0.0:9090' }),
    etcd: requiredEtcd(read),
    storePrefix: readStorePrefix(read),
    installationId: readInstallationSetting(read),
    signingKeyFile: read.requiredFile('MCP2_SIGNING_KEY_FILE'),
    issuer: read.required('MCP2_ISSUER'),
    caFile: read.file('MCP2_CA_FILE'),
    ...readClientTls(read),
    namespaces: readNamespaces(read),
    namespace: read.string('POD_NAMESPACE', { fallback: 'default' }),
    podName: read.string('POD_NAME', { fallback: 'mcp2-operator' }),
    leaseDurationMs: read.durationMs('MCP2_OPERATOR_LEASE_DURATION', { fallback: 15_000, min: 2_000, max: 300_000 }),
    renewDeadlineMs: read.durationMs('MCP2_OPERATOR_RENEW_DEADLINE', { fallback: 10_000, min: 1_000, max: 299_000 }),
    retryPeriodMs: read.durationMs('MCP2_OPERATOR_RETRY_PERIOD', { fallback: 2_000, min: 100, max: 60_000 }),
    sweepIntervalMs: read.durationMs('MCP2_OPERATOR_SWEEP_INTERVAL', { fallback: 300_000, min: 1_000, max: 3_600_000 }),
    concurrency: read.integer('MCP2_OPERATOR_CONCURRENCY', { fallback: 64, min: 1, max: 1024 }),
    stateFolder: read.optional('MCP2_OPERATOR_STATE_DIR'),
    kube: readKubeSettings(read, 'MCP2_OPERATOR_KUBECONFIG'),
  };
  checkTiming(read, config);
  read.check();
  return Object.freeze(config);
}

/** A leader must have stopped before another one may begin. */
function checkTiming(read: EnvReader, { leaseDurationMs, renewDeadlineMs, retryPeriodMs }: OperatorConfig): void {
  if (leaseDurationMs > renewDeadlineMs && renewDeadlineMs > 1.2 * retryPeriodMs) return;
  read.problem(
    'MCP2_OPERATOR_LEASE_DURATION must be longer than MCP2_OPERATOR_RENEW_DEADLINE, and that longer than 1.2 times MCP2_OPERATOR_RETRY_PERIOD',
  );
}

/** It is a part of a key in the store, and of an issuer. */
function readInstallationSetting(read: EnvReader): string | undefined {
  const id = read.optional('MCP2_OPERATOR_INSTALLATION_ID');
  if (id !== undefined && !INSTALLATION_ID.test(id)) {
    read.problem('MCP2_OPERATOR_INSTALLATION_ID must be 1 to 128 of A-Z a-z 0-9 _ . @ = + ~ -');
  }
  return id;
}
const INSTALLATION_ID = /^[A-Za-z0-9_.@=+~-]{1,128}$/;

/** Each costs three watches on every replica. */
const MAX_NAMESPACES = 32;
/** RFC 1123 label. */
const NAMESPACE = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

function readNamespaces(read: EnvReader): readonly string[] {
  const names = [...new Set(read.list('MCP2_OPERATOR_NAMESPACES', { fallback: [] }))];
  for (const name of names.filter((one) => !NAMESPACE.test(one))) {
    read.problem(`MCP2_OPERATOR_NAMESPACES: "${name}" cannot be the name of a namespace`);
  }
  if (names.length > MAX_NAMESPACES) {
    read.problem(`MCP2_OPERATOR_NAMESPACES may name at most ${MAX_NAMESPACES}; leave it empty for all namespaces`);
  }
  return names;
}

function requiredEtcd(read: EnvReader): EtcdSettings {
  const etcd = readEtcd(read);
  if (etcd === undefined) read.problem('MCP2_ETCD_ENDPOINTS must list etcd, for example https://etcd-0.etcd:2379');
  return etcd ?? { endpoints: [], tls: undefined };
}
