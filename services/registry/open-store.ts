/** The store that the settings name: etcd for a cluster, a folder for one process. */
import { openEmbeddedStore } from '#lib/store/embedded.ts';
import { connectEtcd, type EtcdDependencies } from '#lib/store/etcd-files.ts';
import type { Store } from '#lib/store/store.ts';
import type { StoreConfig } from './config.ts';

/** Asks nothing of etcd yet. @throws StoreFolderError, ServiceError ARGUMENT_INVALID, ConfigError. */
export async function openStore(config: StoreConfig, dependencies: EtcdDependencies): Promise<Store> {
  if (config.kind === 'etcd') return connectEtcd(config, dependencies);
  return openEmbeddedStore({ directory: config.directory, clock: dependencies.clock });
}
