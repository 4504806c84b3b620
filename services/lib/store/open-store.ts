/** The store that the settings name: etcd for a cluster, a folder for one process. */
import { openEmbeddedStore } from '#lib/store/embedded/open.ts';
import { connectEtcd, type EtcdDependencies } from '#lib/store/etcd/connect-files.ts';
import type { StoreConfig } from './settings.ts';
import type { Store } from './store.ts';

/** Asks nothing of etcd yet. @throws StoreFolderError, ServiceError ARGUMENT_INVALID, ConfigError. */
export async function openStore(config: StoreConfig, dependencies: EtcdDependencies): Promise<Store> {
  if (config.kind === 'etcd') return connectEtcd(config, dependencies);
  return openEmbeddedStore({ directory: config.directory, clock: dependencies.clock });
}
