/**
 * The store on etcd, from settings that name files. The files are read again when they change: a certificate that was
 * renewed is used without a restart and without a failed call.
 */
import type { Clock } from '#lib/clock.ts';
import type { EtcdSettings } from '#lib/config/common-settings.ts';
import { ConfigError } from '#lib/config/env-reader.ts';
import { type ClientTlsFiles, type TlsMaterial, watchTlsFiles } from '#lib/config/tls-files.ts';
import type { Logger } from '#lib/logger.ts';
import type { Store } from '../store.ts';
import { connectEtcdStore } from './connect.ts';
import type { EtcdTls } from './members.ts';

export interface EtcdDependencies {
  readonly clock: Clock;
  /** Uniform in [0, 1), for jitter. */
  readonly random: () => number;
  readonly log: Logger;
  /** How often to look at the files. Default 10 000. */
  readonly pollMs?: number;
}

/** Asks nothing of etcd yet. @throws ServiceError ARGUMENT_INVALID, ConfigError for files that cannot be used. */
export async function connectEtcd({ endpoints, tls }: EtcdSettings, dependencies: EtcdDependencies): Promise<Store> {
  const { clock, random } = dependencies;
  if (tls === undefined) return connectEtcdStore({ endpoints, clock, random });
  return connectWithFiles(endpoints, tls, dependencies);
}

async function connectWithFiles(
  endpoints: readonly string[],
  files: ClientTlsFiles,
  { clock, random, log, pollMs }: EtcdDependencies,
): Promise<Store> {
  const watched = await watchTlsFiles(files, { clock, log, pollMs }).catch((error: Error) => {
    throw new ConfigError([`MCP2_ETCD_CA_FILE, _CERT_FILE or _KEY_FILE cannot be used: ${error.message}`]);
  });
  const onTlsRefused = (error: unknown) =>
    log.warn({ err: error }, 'etcd does not answer with the new TLS files yet; open connections stay in use');
  try {
    return connectEtcdStore({
      endpoints,
      clock,
      random,
      tls: toEtcdTls(watched.value),
      onTlsRefused,
      renewals: {
        onChange: (listener) => watched.onChange((material) => listener(toEtcdTls(material))),
        close: () => watched.close(),
      },
    });
  } catch (error) {
    watched.close();
    throw error;
  }
}

function toEtcdTls({ ca, certificate, privateKey }: TlsMaterial): EtcdTls {
  if (ca === undefined) throw new Error('TLS to etcd needs the file of its CA');
  return certificate === undefined || privateKey === undefined ? { ca } : { ca, certificate, key: privateKey };
}
