/** The store that the settings name: etcd for a cluster, a folder for one process. */
import { readFileSync } from 'node:fs';
import type { Clock } from '#lib/clock.ts';
import { openEmbeddedStore } from '#lib/store/embedded.ts';
import { connectEtcdStore } from '#lib/store/etcd.ts';
import type { EtcdTls } from '#lib/store/etcd-members.ts';
import type { Store } from '#lib/store/store.ts';
import type { EtcdTlsConfig, StoreConfig } from './config.ts';

export interface OpenStoreDependencies {
  readonly clock: Clock;
  /** Uniform in [0, 1), for jitter. */
  readonly random: () => number;
}

/** Asks nothing of etcd yet. @throws StoreFolderError, ServiceError ARGUMENT_INVALID, or that of an unreadable file. */
export function openStore(config: StoreConfig, { clock, random }: OpenStoreDependencies): Store {
  if (config.kind === 'embedded') return openEmbeddedStore({ directory: config.directory, clock });
  const { endpoints, tls } = config;
  return connectEtcdStore({ endpoints, clock, random, ...(tls === undefined ? {} : { tls: readTls(tls) }) });
}

function readTls({ caFile, certificateFile, keyFile }: EtcdTlsConfig): EtcdTls {
  const ca = readFileSync(caFile);
  if (certificateFile === undefined || keyFile === undefined) return { ca };
  return { ca, certificate: readFileSync(certificateFile), key: readFileSync(keyFile) };
}
