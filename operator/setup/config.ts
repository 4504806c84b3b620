/** Settings of the setup jobs, which begin with MCP2_SETUP_. The chart sets all of them. */
import { type EtcdSettings, readEtcd } from '#lib/config/common-settings.ts';
import { type Environment, EnvReader } from '#lib/config/env-reader.ts';
import { type KubeSettings, readKubeSettings } from '#lib/kube/connect.ts';
import type { LogLevel } from '#lib/observe/logger.ts';
import { readLogLevel } from '#lib/service/settings.ts';
import { readStorePrefix } from '#lib/store/settings.ts';
import { readFirstChart } from './first-chart.ts';
import { namesOf } from './object-names.ts';
import { parseStoreRight, type StoreRight } from './store-rights.ts';

export const TASKS = ['prepare', 'store', 'rotate', 'uninstall'] as const;
export type Task = (typeof TASKS)[number];

export const TLS_MODES = ['selfSigned', 'certManager', 'existingSecret'] as const;
export type TlsMode = (typeof TLS_MODES)[number];

export interface SetupConfig {
  readonly logLevel: LogLevel;
  /** What the names of all objects begin with. */
  readonly fullName: string;
  readonly namespace: string;
  /** Absent = the uid of namespace kube-system. */
  readonly installationId: string | undefined;
  readonly tlsMode: TlsMode;
  readonly clusterDomain: string;
  /** Components that need a server certificate. */
  readonly servers: readonly string[];
  /** Components that show a client certificate. */
  readonly clients: readonly string[];
  readonly storeRights: readonly StoreRight[];
  /** Components with rights in the store. */
  readonly storeUsers: readonly string[];
  readonly hasBundledEtcd: boolean;
  /** Where the operator works; empty = everywhere. */
  readonly operatorNamespaces: readonly string[];
  readonly trustConfigMap: string;
  /** Beside the release's own. */
  readonly trustNamespaces: readonly string[];
  /** Whose ca.crt is published when the certificates are not ours. */
  readonly caSecret: string;
  /** host:port, for clients. */
  readonly registry: string;
  /** host:port of the event bus, for clients; undefined where there is none. */
  readonly eventBus: string | undefined;
  readonly certificateDurationMs: number;
  readonly renewBeforeMs: number;
  readonly forceRotate: boolean;
  /** Of the whole task. */
  readonly timeoutMs: number;
  readonly etcd: EtcdSettings | undefined;
  readonly storePrefix: string;
  /** MCP2_SETUP_KUBECONFIG, or those of a pod. */
  readonly kube: KubeSettings;
}

const HOUR_MS = 3_600_000;
const STORE_RIGHTS = 'MCP2_SETUP_STORE_RIGHTS';

/** @throws ConfigError naming every problem. */
export function readSetupConfig(task: string | undefined, env: Environment): SetupConfig & { readonly task: Task } {
  const read = new EnvReader(env);
  const known = TASKS.find((name) => name === task);
  if (known === undefined) read.problem(`the first argument must be ${TASKS.join(', ')}`);
  const config = { task: known ?? 'prepare', ...readRelease(read), ...readConnections(read) };
  if (config.renewBeforeMs >= config.certificateDurationMs) {
    read.problem('MCP2_SETUP_RENEW_BEFORE must be shorter than MCP2_SETUP_CERTIFICATE_DURATION');
  }
  if (known === 'store' && config.hasBundledEtcd && config.etcd?.tls?.certificateFile === undefined) {
    read.problem('store needs MCP2_ETCD_ENDPOINTS, MCP2_ETCD_CA_FILE, MCP2_ETCD_CERT_FILE and MCP2_ETCD_KEY_FILE');
  }
  read.check();
  return Object.freeze(config);
}

function readRelease(read: EnvReader) {
  const fullName = dnsNames(read, 'MCP2_SETUP_NAME', [read.required('MCP2_SETUP_NAME')])[0] ?? '';
  const list = (name: string) => dnsNames(read, name, read.list(name, { fallback: [] }));
  const first = readFirstChart(read);
  const storeRights = first?.storeRights ?? readStoreRights(read);
  const hours = { min: HOUR_MS, max: 87_600 * HOUR_MS };
  return {
    logLevel: readLogLevel(read),
    fullName,
    namespace: read.required('POD_NAMESPACE'),
    installationId: installationId(read),
    tlsMode: read.oneOf('MCP2_SETUP_TLS_MODE', TLS_MODES, { fallback: 'selfSigned' }),
    clusterDomain: clusterDomain(read),
    servers: list('MCP2_SETUP_SERVERS'),
    clients: first?.clients ?? list('MCP2_SETUP_CLIENTS'),
    storeRights,
    storeUsers: dnsNames(read, STORE_RIGHTS, [...new Set(storeRights.map(({ component }) => component))]),
    hasBundledEtcd: read.boolean('MCP2_SETUP_BUNDLED_ETCD', { fallback: false }),
    operatorNamespaces: list('MCP2_SETUP_OPERATOR_NAMESPACES'),
    trustConfigMap: read.string('MCP2_SETUP_TRUST_CONFIG_MAP', { fallback: 'mcp2-trust' }),
    trustNamespaces: list('MCP2_SETUP_TRUST_NAMESPACES'),
    caSecret: read.string('MCP2_SETUP_CA_SECRET', { fallback: namesOf(fullName).tls('registry') }),
    registry: read.hostPort('MCP2_SETUP_REGISTRY', {
      fallback: `${fullName}-registry.${read.optional('POD_NAMESPACE')}.svc:50050`,
    }),
    eventBus: readEventBus(read),
    certificateDurationMs: read.durationMs('MCP2_SETUP_CERTIFICATE_DURATION', { fallback: 2160 * HOUR_MS, ...hours }),
    renewBeforeMs: read.durationMs('MCP2_SETUP_RENEW_BEFORE', { fallback: 720 * HOUR_MS, ...hours }),
    forceRotate: read.boolean('MCP2_SETUP_FORCE_ROTATE', { fallback: false }),
    timeoutMs: read.durationMs('MCP2_SETUP_TIMEOUT', { fallback: 300_000, min: 1_000, max: HOUR_MS }),
  };
}

function readConnections(read: EnvReader) {
  return {
    etcd: readEtcd(read),
    storePrefix: readStorePrefix(read),
    kube: readKubeSettings(read, 'MCP2_SETUP_KUBECONFIG'),
  };
}

function readStoreRights(read: EnvReader): readonly StoreRight[] {
  return read.list(STORE_RIGHTS, { fallback: [] }).flatMap((text) => {
    const right = parseStoreRight(text);
    if (right === undefined) read.problem(`${STORE_RIGHTS}: "${text}" must look like registry:write:/servers/`);
    return right ?? [];
  });
}

/** RFC 1123: they become parts of names of objects and of certificates. */
function dnsNames(read: EnvReader, setting: string, names: readonly string[]): readonly string[] {
  const isGood = names.every((name) => name === '' || /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(name));
  if (!isGood) read.problem(`${setting} must hold names of lower-case letters, digits and "-", at most 63 long`);
  return names;
}

function readEventBus(read: EnvReader): string | undefined {
  const name = 'MCP2_SETUP_EVENT_BUS';
  return read.optional(name) === undefined ? undefined : read.hostPort(name);
}

function clusterDomain(read: EnvReader): string {
  const domain = read.string('MCP2_SETUP_CLUSTER_DOMAIN', { fallback: 'cluster.local' });
  dnsNames(read, 'MCP2_SETUP_CLUSTER_DOMAIN', domain.split('.'));
  return domain;
}

function installationId(read: EnvReader): string | undefined {
  const id = read.optional('MCP2_SETUP_INSTALLATION_ID');
  if (id !== undefined && !/^[A-Za-z0-9_.@=+~-]{1,128}$/.test(id)) {
    read.problem('MCP2_SETUP_INSTALLATION_ID must be 1 to 128 of A-Z a-z 0-9 _ . @ = + ~ -');
  }
  return id;
}
