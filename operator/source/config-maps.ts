/**
 * ConfigMaps that resources refer to, read when they are needed and kept for seconds: watching all ConfigMaps of a
 * cluster would cost more memory than everything else, and many servers refer to the same one.
 */
import { LRUCache } from 'lru-cache';
import type { KubeApi } from '#lib/kube/api.ts';
import { isNotFound, KubeApiError } from '#lib/kube/api-error.ts';
import { CONFIG_MAPS, type KubeObject } from '#lib/kube/object.ts';
import { ReferenceNotPermitted, type References } from './source.ts';

interface ConfigMap extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

/** What stands under one key; undefined when nothing does. */
interface Found {
  readonly text: string | undefined;
}

const CACHE = {
  /** Shorter than any wait before a resource is looked at again, so that a look again sees what changed. */
  ttl: 5_000,
  /** Characters: a ConfigMap has up to a million, and anybody with a namespace can make a thousand. */
  maxSize: 16 * 1024 * 1024,
  sizeCalculation: ({ text = '' }: Found) => text.length + 256,
} as const;

export function createConfigMapReader(api: Pick<KubeApi, 'get'>): References['configMapText'] {
  const cache = new LRUCache<string, Found>(CACHE);
  return async function configMapText(namespace, name, key, signal) {
    const place = `${namespace}/${name}/${key}`;
    const known = cache.get(place);
    if (known !== undefined) return known.text;
    try {
      const { data } = await api.get<ConfigMap>(CONFIG_MAPS, { namespace, name }, { signal });
      const text = data !== undefined && Object.hasOwn(data, key) ? data[key] : undefined;
      cache.set(place, { text });
      return text;
    } catch (error) {
      if (isNotFound(error)) return undefined;
      const isForbidden = error instanceof KubeApiError && error.code === 403;
      if (isForbidden) throw new ReferenceNotPermitted(`ConfigMap "${name}"`);
      throw error;
    }
  };
}
