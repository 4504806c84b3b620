/**
 * The operator's files that are replaced while it runs: the key for probe tokens, the control plane's CA and the client
 * certificate for `tls.mode: Mutual`. The last good content stays in use while a file is missing or wrong.
 */
import type { Clock } from '#lib/clock.ts';
import { ConfigError } from '#lib/config/env-reader.ts';
import { type TlsMaterial, watchTlsFiles } from '#lib/config/tls-files.ts';
import { type WatchedFiles, watchFiles } from '#lib/config/watched-file.ts';
import type { Logger } from '#lib/logger.ts';
import { parseSigningKey, type SigningKey } from '#lib/token/signing-key.ts';
import type { OperatorConfig } from './config.ts';

export interface RotatingFiles {
  signingKey(): SigningKey;
  /** PEM; undefined = the system's roots. */
  controlPlaneCa(): string | undefined;
  readonly clientCertificate: (() => { readonly certificate: string; readonly key: string }) | undefined;
  onCaChange(listener: () => void): void;
  /** Stops looking at the files. */
  close(): void;
}

export interface RotatingFilesOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** How often to look at the files. Default 10 000. */
  readonly filePollMs?: number;
}

type Files = Pick<OperatorConfig, 'signingKeyFile' | 'caFile' | 'clientCertificateFile' | 'clientKeyFile'>;

/** @throws ConfigError, which shows nothing of a key. */
export async function openRotatingFiles(config: Files, options: RotatingFilesOptions): Promise<RotatingFiles> {
  const { clientCertificateFile, clientKeyFile, caFile } = config;
  const { clock, log, filePollMs: pollMs } = options;
  const tls = { clock, log, pollMs };
  const opened: { close(): void }[] = [];
  const open = async <T extends { close(): void }>(names: string, opening: Promise<T>): Promise<T> => {
    try {
      const watched = await opening;
      opened.push(watched);
      return watched;
    } catch (error) {
      for (const one of opened) one.close();
      throw new ConfigError([`${names} cannot be used: ${(error as Error).message}`]);
    }
  };
  const key = await open('MCP2_SIGNING_KEY_FILE', watchSigningKey(config.signingKeyFile, options));
  const ca = caFile === undefined ? undefined : await open('MCP2_CA_FILE', watchTlsFiles({ caFile }, tls));
  const own = { certificateFile: clientCertificateFile, keyFile: clientKeyFile };
  const ownNames = 'MCP2_CLIENT_CERT_FILE or MCP2_CLIENT_KEY_FILE';
  const client = clientCertificateFile === undefined ? undefined : await open(ownNames, watchTlsFiles(own, tls));
  return {
    signingKey: () => key.value,
    controlPlaneCa: () => ca?.value.ca?.toString(),
    clientCertificate: client && (() => pemOf(client.value)),
    onCaChange(listener) {
      ca?.onChange(listener);
    },
    close() {
      for (const one of opened) one.close();
    },
  };
}

function watchSigningKey(
  path: string,
  { clock, log, filePollMs }: RotatingFilesOptions,
): Promise<WatchedFiles<SigningKey>> {
  return watchFiles({
    paths: [path],
    clock,
    ...(filePollMs === undefined ? {} : { pollMs: filePollMs }),
    parse: ([content]) => parseSigningKey(String(content)),
    onProblem: (error) =>
      log.error({ err: error, path }, 'the signing key is not usable; the last good one stays in use'),
  });
}

function pemOf({ certificate, privateKey }: TlsMaterial) {
  return { certificate: String(certificate), key: String(privateKey) };
}
