/**
 * What a YAML document of a folder is for: a resource, as a cluster takes it, or the configuration of a runtime server, or
 * neither. Decided by what stands at its top alone, so that a file which is broken further down is still told as what it is.
 */
import { isObject } from './schema.ts';

export type DocumentKind = 'resource' | 'runtime' | 'other';

/** Any of them says that a resource was meant, also where the others are missing or misspelt. */
const OF_RESOURCES: readonly string[] = ['apiVersion', 'kind', 'metadata', 'spec'];
/** A runtime configuration that lacks its server is still one. */
const OF_RUNTIMES: readonly string[] = ['server', 'databases', 'contexts', 'tools'];

/** What is no map counts as a resource: whoever reads resources says what is wrong with it. */
export function kindOfDocument(value: unknown): DocumentKind {
  if (!isObject(value)) return 'resource';
  const has = (names: readonly string[]) => names.some((name) => Object.hasOwn(value, name));
  if (has(OF_RESOURCES)) return 'resource';
  return has(OF_RUNTIMES) ? 'runtime' : 'other';
}
