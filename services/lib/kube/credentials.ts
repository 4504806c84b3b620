/**
 * How to reach and convince the API server, from inside a pod: its address from the environment, the CA and the
 * ServiceAccount token from files that the kubelet replaces while we run.
 *
 * The token is read again every 60 s (the kubelet renews it at 80 % of its life, an hour by default) and at once
 * when the server refused it; the CA when its file's time changed, looked at when a connection is opened.
 */
import { readFile, stat } from 'node:fs/promises';
import { isIPv6 } from 'node:net';
import path from 'node:path';
import type { Clock } from '#lib/clock.ts';
import { UserError } from '#lib/user-error.ts';

export interface KubeTls {
  readonly ca?: string | Buffer;
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  readonly pfx?: string | Buffer;
  readonly passphrase?: string;
  readonly servername?: string;
  /** Absent = true. False only where a kubeconfig says insecure-skip-tls-verify. */
  readonly rejectUnauthorized?: boolean;
}

export interface KubeConnection {
  /** For example "https://10.96.0.1:443". */
  readonly server: string;
  /** The namespace we live in, or that the kubeconfig's context names. */
  readonly namespace: string;
  /** The Authorization header; undefined when the TLS certificate is all we show. Cheap: called for each request. */
  authorization(): Promise<string | undefined>;
  /** What a new connection uses; the same object until something changed. */
  tls(): Promise<KubeTls>;
  /** The server answered 401: the next `authorization()` reads its source again. */
  forget(): void;
}

export interface InClusterOptions {
  /** KUBERNETES_SERVICE_HOST; undefined outside a pod. */
  readonly host: string | undefined;
  /** KUBERNETES_SERVICE_PORT. */
  readonly port: string | undefined;
  readonly clock: Clock;
  /** Where the kubelet mounts token, ca.crt and namespace. Default: Kubernetes' own place. */
  readonly directory?: string;
}

export interface TokenConnectionOptions {
  readonly server: string;
  readonly namespace: string;
  readonly tokenFile: string;
  readonly caFile: string;
  readonly clock: Clock;
}

const SERVICE_ACCOUNT_DIRECTORY = '/var/run/secrets/kubernetes.io/serviceaccount';
const TOKEN_MAX_AGE_MS = 60_000;

/** @returns undefined outside a pod. @throws UserError when the ServiceAccount's files are missing. */
export async function readInClusterConnection(options: InClusterOptions): Promise<KubeConnection | undefined> {
  const { host, port, clock, directory = SERVICE_ACCOUNT_DIRECTORY } = options;
  if (!host || !port) return undefined;
  const namespace = await readFile(path.join(directory, 'namespace'), 'utf8').catch((error: Error) => {
    const advice = 'set automountServiceAccountToken of the pod or of its ServiceAccount to true';
    throw new UserError(`the ServiceAccount is not mounted (${error.message}): ${advice}`, { cause: error });
  });
  return createTokenConnection({
    server: `https://${isIPv6(host) ? `[${host}]` : host}:${port}`,
    namespace: namespace.trim(),
    tokenFile: path.join(directory, 'token'),
    caFile: path.join(directory, 'ca.crt'),
    clock,
  });
}

/** A connection by bearer token and CA, both in files that may be replaced at any time. */
export function createTokenConnection(options: TokenConnectionOptions): KubeConnection {
  const { server, namespace, tokenFile, caFile, clock } = options;
  const token = createTokenSource(tokenFile, clock);
  return {
    server,
    namespace,
    authorization: async () => `Bearer ${await token.read()}`,
    tls: createCaSource(caFile),
    forget: token.forget,
  };
}

/** Keeps the last good token while the file cannot be read: a rotation may be half done. */
function createTokenSource(file: string, clock: Clock) {
  let token: string | undefined;
  let readAtMs = 0;
  return {
    async read(): Promise<string> {
      const now = clock.monotonicMs();
      if (token !== undefined && now - readAtMs < TOKEN_MAX_AGE_MS) return token;
      const fresh = await readFile(file, 'utf8').catch((error: unknown) => {
        if (token === undefined) throw error;
        return token;
      });
      token = fresh.trim() || token || '';
      readAtMs = now;
      return token;
    },
    forget(): void {
      readAtMs = Number.NEGATIVE_INFINITY;
    },
  };
}

function createCaSource(file: string): () => Promise<KubeTls> {
  let material: KubeTls | undefined;
  let modifiedMs = 0;
  return async () => {
    try {
      const { mtimeMs } = await stat(file);
      if (material === undefined || mtimeMs !== modifiedMs) {
        material = Object.freeze({ ca: await readFile(file) });
        modifiedMs = mtimeMs;
      }
    } catch (error) {
      if (material === undefined) throw error;
    }
    return material;
  };
}
