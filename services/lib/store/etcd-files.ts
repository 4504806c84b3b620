/** The store on etcd, from settings that name files. */
import { readFileSync } from 'node:fs';
import type { Clock } from '#lib/clock.ts';
import type { EtcdSettings, EtcdTlsFiles } from '#lib/config/common-settings.ts';
import { connectEtcdStore } from './etcd.ts';
import type { EtcdTls } from './etcd-members.ts';
import type { Store } from './store.ts';

export interface EtcdDependencies {
  readonly clock: Clock;
  /** Uniform in [0, 1), for jitter. */
  readonly random: () => number;
}

/** Asks nothing of etcd yet. @throws ServiceError ARGUMENT_INVALID, or the error of a file that cannot be read. */
export function connectEtcd({ endpoints, tls }: EtcdSettings, dependencies: EtcdDependencies): Store {
  return connectEtcdStore({ endpoints, ...dependencies, ...(tls === undefined ? {} : { tls: readTls(tls) }) });
}

function readTls({ caFile, certificateFile, keyFile }: EtcdTlsFiles): EtcdTls {
  const ca = readFileSync(caFile);
  if (certificateFile === undefined || keyFile === undefined) return { ca };
  return { ca, certificate: readFileSync(certificateFile), key: readFileSync(keyFile) };
}
