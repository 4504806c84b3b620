/**
 * ConfigMaps that resources refer to, read when they are needed and kept for seconds: watching all ConfigMaps of a
 * cluster would cost more memory than everything else, and many servers refer to the same one.
 */
import { LRUCache } from 'lru-cache';
import type { KubeApi } from '../kube/api.ts';
import { isNotFound, KubeApiError } from '../kube/api-error.ts';
import { CONFIG_MAPS, type KubeObject } from '../kube/object.ts';
import { ReferenceNotPermitted, type References } from './source.ts';

interface ConfigMap extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

/** Shorter than any wait before a resource is looked at again, so that a look again sees what changed. */
const CACHE = { max: 1000, ttl: 5_000 } as const;

export function createConfigMapReader(api: Pick<KubeApi, 'get'>): References['configMapText'] {
  const cache = new LRUCache<string, ConfigMap>(CACHE);
  return async function configMapText(namespace, name, key, signal) {
    const cacheKey = `${namespace}/${name}`;
    try {
      const known = cache.get(cacheKey);
      const found = known ?? (await api.get<ConfigMap>(CONFIG_MAPS, { namespace, name }, { signal }));
      if (known === undefined) cache.set(cacheKey, found);
      return found.data?.[key];
    } catch (error) {
      if (isNotFound(error)) return undefined;
      const isForbidden = error instanceof KubeApiError && error.code === 403;
      if (isForbidden) throw new ReferenceNotPermitted(`ConfigMap "${name}"`);
      throw error;
    }
  };
}
