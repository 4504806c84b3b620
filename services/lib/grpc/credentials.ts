/**
 * Transport security of servers and clients: plaintext, TLS and mTLS from files.
 *
 * The files are watched: a new certificate, key or CA is used for the connections made after it, without a restart.
 * grpc-js' own file watcher is not used: it drops all credentials, and with them every new connection, as soon as one
 * file cannot be read. Here a rotation that is half done or wrong keeps the last good files and is logged.
 * Its hook for certificate providers is experimental; it is used in this file alone.
 */
import { X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { ChannelCredentials, experimental, ServerCredentials } from '@grpc/grpc-js';
import type { Clock } from '../clock.ts';
import { type WatchedFiles, watchFiles } from '../config/watched-file.ts';
import type { Logger } from '../observe/logger.ts';

export interface ServerTlsFiles {
  /** PEM: the server's certificate, then the intermediate ones. */
  readonly certificateFile: string;
  readonly keyFile: string;
  /** PEM: who signs client certificates. Set it for mTLS: clients without a valid certificate are then refused. */
  readonly clientCaFile?: string | undefined;
}

export interface ClientTlsFiles {
  /** PEM: who signs server certificates. */
  readonly caFile: string;
  /** For mTLS; both or none. */
  readonly certificateFile?: string | undefined;
  readonly keyFile?: string | undefined;
}

export interface TlsOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** How often to look at the files. Default 10 000. */
  readonly pollMs?: number;
}

export interface TlsCredentials<Credentials> {
  readonly credentials: Credentials;
  /** When the certificate in use expires, in Unix milliseconds; undefined for a client without one. */
  expiresAtMs(): number | undefined;
  /** Looks at the files now. */
  refresh(): Promise<void>;
  /** Stops watching the files. */
  close(): void;
}

export function plaintextServer(): ServerCredentials {
  return ServerCredentials.createInsecure();
}

export function plaintextClient(): ChannelCredentials {
  return ChannelCredentials.createInsecure();
}

/** @throws when a file cannot be read, is no PEM, or certificate and key do not belong together. */
export async function tlsServer(
  { certificateFile, keyFile, clientCaFile }: ServerTlsFiles,
  options: TlsOptions,
): Promise<TlsCredentials<ServerCredentials>> {
  const watched = await watchMaterial({ certificateFile, keyFile, caFile: clientCaFile }, options);
  const provider = new WatchedProvider(watched);
  const clientCa = clientCaFile === undefined ? null : provider;
  return tlsCredentials(watched, experimental.createCertificateProviderServerCredentials(provider, clientCa, true));
}

/** @throws when a file cannot be read, is no PEM, or certificate and key do not belong together. */
export async function tlsClient(
  files: ClientTlsFiles,
  options: TlsOptions,
): Promise<TlsCredentials<ChannelCredentials>> {
  const watched = await watchMaterial(files, options);
  const provider = new WatchedProvider(watched);
  const identity = files.certificateFile === undefined ? null : provider;
  return tlsCredentials(watched, experimental.createCertificateProviderChannelCredentials(provider, identity));
}

interface MaterialFiles {
  readonly certificateFile?: string | undefined;
  readonly keyFile?: string | undefined;
  readonly caFile?: string | undefined;
}

interface Material {
  readonly certificate: Buffer | undefined;
  readonly privateKey: Buffer | undefined;
  readonly ca: Buffer | undefined;
  readonly expiresAtMs: number | undefined;
}

async function watchMaterial(
  files: MaterialFiles,
  { clock, log, pollMs }: TlsOptions,
): Promise<WatchedFiles<Material>> {
  const { certificateFile, keyFile, caFile } = files;
  if ((certificateFile === undefined) !== (keyFile === undefined)) {
    throw new Error('a certificate file and its key file must be set together');
  }
  const paths = [certificateFile, keyFile, caFile].filter((path) => path !== undefined);
  const watched = await watchFiles({
    paths,
    clock,
    ...(pollMs === undefined ? {} : { pollMs }),
    parse(contents) {
      const left = [...contents];
      const take = (path: string | undefined) => (path === undefined ? undefined : left.shift());
      return checkMaterial(take(certificateFile), take(keyFile), take(caFile));
    },
    onProblem: (error) => log.error({ err: error, paths }, 'TLS files are not usable; the last good ones stay in use'),
  });
  watched.onChange(({ expiresAtMs }) => log.info({ paths, expiresAtMs }, 'TLS files changed'));
  return watched;
}

/** @throws when OpenSSL refuses them, which includes a key that belongs to another certificate. */
function checkMaterial(certificate?: Buffer, privateKey?: Buffer, ca?: Buffer): Material {
  createSecureContext({ cert: certificate, key: privateKey, ca });
  if (ca !== undefined) new X509Certificate(ca); // OpenSSL takes a CA file without any certificate in silence
  const expiresAtMs = certificate === undefined ? undefined : new X509Certificate(certificate).validToDate.getTime();
  return { certificate, privateKey, ca, expiresAtMs };
}

function tlsCredentials<Credentials>(
  watched: WatchedFiles<Material>,
  credentials: Credentials,
): TlsCredentials<Credentials> {
  return {
    credentials,
    expiresAtMs: () => watched.value.expiresAtMs,
    refresh: () => watched.refresh(),
    close: () => watched.close(),
  };
}

/** Tells grpc-js of new files. Listeners must not be called while they are added: grpc-js is not ready for it yet. */
class WatchedProvider implements experimental.CertificateProvider {
  readonly #watched: WatchedFiles<Material>;
  readonly #caListeners = new Set<experimental.CaCertificateUpdateListener>();
  readonly #identityListeners = new Set<experimental.IdentityCertificateUpdateListener>();

  constructor(watched: WatchedFiles<Material>) {
    this.#watched = watched;
    watched.onChange(() => {
      for (const listener of this.#caListeners) this.#tellCa(listener);
      for (const listener of this.#identityListeners) this.#tellIdentity(listener);
    });
  }

  addCaCertificateListener(listener: experimental.CaCertificateUpdateListener): void {
    this.#caListeners.add(listener);
    process.nextTick(() => this.#tellCa(listener));
  }

  removeCaCertificateListener(listener: experimental.CaCertificateUpdateListener): void {
    this.#caListeners.delete(listener);
  }

  addIdentityCertificateListener(listener: experimental.IdentityCertificateUpdateListener): void {
    this.#identityListeners.add(listener);
    process.nextTick(() => this.#tellIdentity(listener));
  }

  removeIdentityCertificateListener(listener: experimental.IdentityCertificateUpdateListener): void {
    this.#identityListeners.delete(listener);
  }

  #tellCa(listener: experimental.CaCertificateUpdateListener): void {
    const { ca } = this.#watched.value;
    listener(ca === undefined ? null : { caCertificate: ca });
  }

  #tellIdentity(listener: experimental.IdentityCertificateUpdateListener): void {
    const { certificate, privateKey } = this.#watched.value;
    listener(certificate && privateKey ? { certificate, privateKey } : null);
  }
}
