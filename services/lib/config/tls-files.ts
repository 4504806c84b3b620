/**
 * TLS files that are read again when they change, and only taken when they can be used: OpenSSL must accept them, and
 * the key must be the certificate's. A rotation that is half done or wrong keeps the last good files and is logged.
 */
import { X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import type { Clock } from '../clock.ts';
import type { Logger } from '../logger.ts';
import { type WatchedFiles, watchFiles } from './watched-file.ts';

/** Of a server. */
export interface ServerTlsFiles {
  /** PEM: the server's certificate, then the intermediate ones. */
  readonly certificateFile: string;
  readonly keyFile: string;
  /** PEM: who signs client certificates. Set it for mTLS: clients without a valid certificate are then refused. */
  readonly clientCaFile?: string | undefined;
}

/** Of a client. */
export interface ClientTlsFiles {
  /** PEM: who signs server certificates. */
  readonly caFile: string;
  /** For mTLS; both or none. */
  readonly certificateFile?: string | undefined;
  readonly keyFile?: string | undefined;
}

export interface TlsFiles {
  /** Both or none. */
  readonly certificateFile?: string | undefined;
  readonly keyFile?: string | undefined;
  readonly caFile?: string | undefined;
}

/** PEM; undefined where no file is named. */
export interface TlsMaterial {
  readonly certificate: Buffer | undefined;
  readonly privateKey: Buffer | undefined;
  readonly ca: Buffer | undefined;
  /** Of the certificate, in Unix milliseconds. */
  readonly expiresAtMs: number | undefined;
}

export interface TlsFilesOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** How often to look at the files. Default 10 000. */
  readonly pollMs?: number | undefined;
}

/** @throws when a file cannot be read, is no PEM, or certificate and key do not belong together. */
export async function watchTlsFiles(
  { certificateFile, keyFile, caFile }: TlsFiles,
  { clock, log, pollMs }: TlsFilesOptions,
): Promise<WatchedFiles<TlsMaterial>> {
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
function checkMaterial(certificate?: Buffer, privateKey?: Buffer, ca?: Buffer): TlsMaterial {
  createSecureContext({ cert: certificate, key: privateKey, ca });
  if (ca !== undefined) new X509Certificate(ca); // OpenSSL takes a CA file without any certificate in silence
  const expiresAtMs = certificate === undefined ? undefined : new X509Certificate(certificate).validToDate.getTime();
  return { certificate, privateKey, ca, expiresAtMs };
}
