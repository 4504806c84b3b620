/**
 * How to reach and convince the API server from outside the cluster: a kubeconfig, with everything people put into
 * one (client certificates, exec plugins, OIDC, token files).
 *
 * @kubernetes/client-node does that part well and is a heavy import (0.4 s, 90 MB), so it is loaded here, lazily,
 * and never in a pod. Its HTTP side is not used: it opens one TLS connection per call.
 */
import type { RequestOptions } from 'node:https';
import type { KubeConfig } from '@kubernetes/client-node';
import type { Clock } from '#lib/clock.ts';
import { UserError } from '#lib/user-error.ts';
import type { KubeConnection, KubeTls } from './credentials.ts';

export interface KubeconfigOptions {
  /** One file, or several as kubectl merges them: of two entries with one name the first counts. */
  readonly file: string | readonly string[];
  /** Default: the current context of the first file that names one. */
  readonly context?: string | undefined;
  readonly clock: Clock;
}

/** Client-node reads certificate and token files at every use and may run a plugin; this bounds how often. */
const MAX_AGE_MS = 60_000;

/** @throws UserError that says what to change in the file. */
export async function readKubeconfigConnection(options: KubeconfigOptions): Promise<KubeConnection> {
  const { context, clock } = options;
  const files = [options.file].flat();
  const file = files.join(', ');
  const config = await loadFiles(files);
  if (context !== undefined) config.setCurrentContext(context);
  const cluster = config.getCurrentCluster();
  if (cluster === null) {
    const name = config.getCurrentContext();
    throw new UserError(`${file}: context "${name}" names no cluster; set current-context or choose another context`);
  }
  if (cluster.proxyUrl)
    throw new UserError(`${file}: proxy-url is not supported; remove it from cluster "${cluster.name}"`);
  const read = createCredentialSource(config, clock);
  return {
    server: cluster.server,
    namespace: config.getContextObject(config.getCurrentContext())?.namespace ?? 'default',
    authorization: async () => (await read.current()).authorization,
    tls: async () => (await read.current()).tls,
    forget: read.forget,
  };
}

async function loadFiles(files: readonly string[]): Promise<KubeConfig> {
  const { KubeConfig } = await import('@kubernetes/client-node');
  const merged = new KubeConfig();
  const loaded = files.map((file) => {
    const config = new KubeConfig();
    try {
      config.loadFromFile(file);
      return config;
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      // A parser's error quotes the text around it, which may be a credential.
      throw new UserError(code === undefined ? `${file} is no kubeconfig file` : message);
    }
  });
  const first = <T extends { readonly name: string }>(entries: readonly T[]) =>
    entries.filter(({ name }, i) => entries.findIndex((other) => other.name === name) === i);
  merged.loadFromOptions({
    clusters: first(loaded.flatMap(({ clusters }) => clusters)),
    users: first(loaded.flatMap(({ users }) => users)),
    contexts: first(loaded.flatMap(({ contexts }) => contexts)),
    currentContext: loaded.map(({ currentContext }) => currentContext).find((name) => name),
  });
  return merged;
}

interface Credentials {
  readonly authorization: string | undefined;
  readonly tls: KubeTls;
}

function createCredentialSource(config: KubeConfig, clock: Clock) {
  let pending: Promise<Credentials> | undefined;
  let tls: KubeTls | undefined;
  let readAtMs = 0;
  return {
    current(): Promise<Credentials> {
      const now = clock.monotonicMs();
      if (pending !== undefined && now - readAtMs < MAX_AGE_MS) return pending;
      readAtMs = now;
      const reading = readCredentials(config).then((fresh) => {
        tls = tls !== undefined && isSameMaterial(tls, fresh.tls) ? tls : fresh.tls;
        return { authorization: fresh.authorization, tls };
      });
      pending = reading;
      reading.catch(() => {
        if (pending === reading) pending = undefined;
      });
      return reading;
    },
    forget(): void {
      pending = undefined;
    },
  };
}

async function readCredentials(config: KubeConfig): Promise<Credentials> {
  const server = config.getCurrentCluster()?.server ?? '';
  // Client-node refuses to build its own agent for http://, which is what "kubectl proxy" serves.
  if (server.startsWith('http:')) return { authorization: undefined, tls: {} };
  const options: RequestOptions = {};
  await config.applyToHTTPSOptions(options);
  const headers = (options.headers ?? {}) as Record<string, unknown>;
  const basic = options.auth ? `Basic ${Buffer.from(options.auth).toString('base64')}` : undefined;
  return {
    authorization: typeof headers.Authorization === 'string' ? headers.Authorization : basic,
    tls: toTlsMaterial(options),
  };
}

const TLS_FIELDS = ['ca', 'cert', 'key', 'pfx', 'passphrase', 'servername', 'rejectUnauthorized'] as const;

function toTlsMaterial(options: RequestOptions): KubeTls {
  const present = TLS_FIELDS.filter((field) => options[field] !== undefined && options[field] !== null);
  return Object.freeze(Object.fromEntries(present.map((field) => [field, options[field]]))) as KubeTls;
}

function isSameMaterial(a: KubeTls, b: KubeTls): boolean {
  return TLS_FIELDS.every((field) => String(a[field]) === String(b[field]));
}
