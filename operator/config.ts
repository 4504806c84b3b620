/**
 * The operator's settings, read once from the environment.
 */
import { type Environment, EnvReader } from '#lib/config/env-reader.ts';
import { LOG_LEVELS, type LogLevel } from '#lib/observe/logger.ts';
import { DEFAULT_PREFIX } from '#lib/store/keys.ts';

export interface OperatorConfig {
  readonly logLevel: LogLevel;
  /** host:port of /livez, /readyz and /metrics. */
  readonly opsListen: string;
  /** "https://host:2379" of each etcd member. */
  readonly storeEndpoints: readonly string[];
  readonly storePrefix: string;
  readonly storeTls:
    | { readonly caFile: string; readonly certificateFile: string; readonly keyFile: string }
    | undefined;
  /** Absent = the uid of namespace kube-system. */
  readonly installationId: string | undefined;
  /** A file with `key.jwk`'s content: a private JWK with kid and alg, for probe tokens. */
  readonly signingKeyFile: string;
  readonly issuer: string;
  /** PEM of the control plane's CA, against which Service sources without caBundleRef are verified. */
  readonly caFile: string | undefined;
  /** What tls.mode Mutual shows; both or none. */
  readonly clientCertificateFile: string | undefined;
  readonly clientKeyFile: string | undefined;
  readonly namespace: string;
  /** The pod's name; with a random part it is the identity in the lease. */
  readonly podName: string;
  /** Lease duration > renew deadline > 1.2 times the retry period. */
  readonly leaseDurationMs: number;
  readonly renewDeadlineMs: number;
  readonly retryPeriodMs: number;
  readonly sweepIntervalMs: number;
  readonly concurrency: number;
  /** Outside a cluster. */
  readonly kubeconfigFile: string | undefined;
  readonly kubernetesHost: string | undefined;
  readonly kubernetesPort: string | undefined;
}

/** @throws ConfigError naming every problem. */
export function readOperatorConfig(env: Environment): OperatorConfig {
  const read = new EnvReader(env);
  const config: OperatorConfig = {
    logLevel: read.oneOf('MCP2_LOG_LEVEL', LOG_LEVELS, { fallback: 'info' }),
    opsListen: read.hostPort('MCP2_OPS_LISTEN', { fallback: '0.0.0.0:9090' }),
    storeEndpoints: storeEndpoints(read),
    storePrefix: read.string('MCP2_STORE_PREFIX', { fallback: DEFAULT_PREFIX }),
    storeTls: storeTls(read),
    installationId: read.optional('MCP2_INSTALLATION_ID'),
    signingKeyFile: read.requiredFile('MCP2_SIGNING_KEY_FILE'),
    issuer: read.required('MCP2_ISSUER'),
    caFile: read.file('MCP2_CA_FILE'),
    clientCertificateFile: read.file('MCP2_CLIENT_CERT_FILE'),
    clientKeyFile: read.file('MCP2_CLIENT_KEY_FILE'),
    namespace: read.string('POD_NAMESPACE', { fallback: 'default' }),
    podName: read.string('POD_NAME', { fallback: 'mcp2-operator' }),
    leaseDurationMs: read.durationMs('MCP2_LEASE_DURATION', { fallback: 15_000, min: 2_000, max: 300_000 }),
    renewDeadlineMs: read.durationMs('MCP2_RENEW_DEADLINE', { fallback: 10_000, min: 1_000, max: 299_000 }),
    retryPeriodMs: read.durationMs('MCP2_RETRY_PERIOD', { fallback: 2_000, min: 100, max: 60_000 }),
    sweepIntervalMs: read.durationMs('MCP2_SWEEP_INTERVAL', { fallback: 300_000, min: 1_000, max: 3_600_000 }),
    concurrency: read.integer('MCP2_CONCURRENCY', { fallback: 64, min: 1, max: 1024 }),
    kubeconfigFile: read.file('MCP2_KUBECONFIG'),
    kubernetesHost: read.optional('KUBERNETES_SERVICE_HOST'),
    kubernetesPort: read.optional('KUBERNETES_SERVICE_PORT'),
  };
  read.check();
  return Object.freeze(config);
}

function storeEndpoints(read: EnvReader): readonly string[] {
  const endpoints = read.list('MCP2_STORE_ENDPOINTS', { fallback: [] });
  if (endpoints.length === 0) read.problem('MCP2_STORE_ENDPOINTS must list etcd, for example https://etcd-0.etcd:2379');
  return endpoints;
}

function storeTls(read: EnvReader): OperatorConfig['storeTls'] {
  const caFile = read.file('MCP2_STORE_CA_FILE');
  const certificateFile = read.file('MCP2_STORE_CERT_FILE');
  const keyFile = read.file('MCP2_STORE_KEY_FILE');
  if (caFile && certificateFile && keyFile) return { caFile, certificateFile, keyFile };
  if (caFile || certificateFile || keyFile) {
    read.problem('set MCP2_STORE_CA_FILE, MCP2_STORE_CERT_FILE and MCP2_STORE_KEY_FILE together, or none of them');
  }
  return undefined;
}
