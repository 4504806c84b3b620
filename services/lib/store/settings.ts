/** Settings of the store: where it is, and the prefix, which all processes that use it must share. */
import { type EtcdSettings, readEtcd } from '../config/common-settings.ts';
import type { EnvReader } from '../config/env-reader.ts';
import { createKeys, DEFAULT_PREFIX } from './keys.ts';

export type StoreConfig =
  | ({ readonly kind: 'etcd' } & EtcdSettings)
  /** A folder of one process, instead of etcd. */
  | { readonly kind: 'embedded'; readonly directory: string };

/** MCP2_STORE_PREFIX. @returns the default when what is set cannot be, which is reported. */
export function readStorePrefix(read: EnvReader): string {
  const prefix = read.string('MCP2_STORE_PREFIX', { fallback: DEFAULT_PREFIX });
  try {
    return createKeys(prefix).root;
  } catch {
    read.problem(`MCP2_STORE_PREFIX must look like ${DEFAULT_PREFIX}`);
    return DEFAULT_PREFIX;
  }
}

/** @param folderVariable The process's own name for the folder of an embedded store. */
export function readStore(read: EnvReader, folderVariable: string): StoreConfig {
  const etcd = readEtcd(read);
  const directory = read.optional(folderVariable);
  if ((etcd !== undefined) === (directory !== undefined)) {
    read.problem(`set MCP2_ETCD_ENDPOINTS (a cluster) or ${folderVariable} (one process), one of them`);
  }
  if (directory !== undefined) return { kind: 'embedded', directory };
  return { kind: 'etcd', ...(etcd ?? { endpoints: [], tls: undefined }) };
}
