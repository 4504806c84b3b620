/**
 * Transport security of servers and clients: plaintext, TLS and mTLS from files.
 *
 * The files are watched: a new certificate, key or CA is used for the connections made after it, without a restart.
 * grpc-js' own file watcher is not used: it drops all credentials, and with them every new connection, as soon as one
 * file cannot be read. Here a rotation that is half done or wrong keeps the last good files and is logged.
 * Its hook for certificate providers is experimental; it is used in this file alone.
 */
import { ChannelCredentials, experimental, ServerCredentials } from '@grpc/grpc-js';
import type { Clock } from '../clock.ts';
import { type ClientTlsFiles, type ServerTlsFiles, type TlsMaterial, watchTlsFiles } from '../config/tls-files.ts';
import type { WatchedFiles } from '../config/watched-file.ts';
import type { Logger } from '../logger.ts';

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
  const watched = await watchTlsFiles({ certificateFile, keyFile, caFile: clientCaFile }, options);
  const provider = new WatchedProvider(watched);
  const clientCa = clientCaFile === undefined ? null : provider;
  return tlsCredentials(watched, experimental.createCertificateProviderServerCredentials(provider, clientCa, true));
}

/** @throws when a file cannot be read, is no PEM, or certificate and key do not belong together. */
export async function tlsClient(
  files: ClientTlsFiles,
  options: TlsOptions,
): Promise<TlsCredentials<ChannelCredentials>> {
  const watched = await watchTlsFiles(files, options);
  const provider = new WatchedProvider(watched);
  const identity = files.certificateFile === undefined ? null : provider;
  const credentials = experimental.createCertificateProviderChannelCredentials(provider, identity);
  return tlsCredentials(watched, credentials);
}

function tlsCredentials<Credentials>(
  watched: WatchedFiles<TlsMaterial>,
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
  readonly #watched: WatchedFiles<TlsMaterial>;
  readonly #caListeners = new Set<experimental.CaCertificateUpdateListener>();
  readonly #identityListeners = new Set<experimental.IdentityCertificateUpdateListener>();

  constructor(watched: WatchedFiles<TlsMaterial>) {
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
