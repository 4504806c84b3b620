/**
 * One finalizer on one object: there, or not there, whoever else writes at the same time.
 *
 * The list is written as a whole (a merge patch cannot name one element), so each patch carries the resource version
 * it was computed from and is refused when anything changed: other people's finalizers are never lost or revived.
 */
import type { KubeApi } from './api.ts';
import { isConflict, isNotFound } from './api-error.ts';
import type { KubeObject, ResourceType } from './object.ts';

export interface FinalizerOptions<T extends KubeObject> {
  readonly api: Pick<KubeApi, 'get' | 'mergePatch'>;
  readonly resource: ResourceType;
  /** As last seen; may be stale. */
  readonly object: T;
  /** For example "mcp2.dev/registration". */
  readonly finalizer: string;
  readonly signal: AbortSignal;
}

const MAX_CONFLICTS = 5;

/**
 * Makes sure that the object has the finalizer. Writes nothing when it has, or when it is being deleted: then the
 * API server takes no more finalizers.
 *
 * @returns the object as it is now; undefined when it is gone or another one took its name.
 * @throws KubeApiError; 409 when others kept writing.
 */
export function addFinalizer<T extends KubeObject>(options: FinalizerOptions<T>): Promise<T | undefined> {
  const { finalizer } = options;
  return change(options, ({ finalizers = [], deletionTimestamp }) =>
    finalizers.includes(finalizer) || deletionTimestamp !== undefined ? undefined : [...finalizers, finalizer],
  );
}

/** Makes sure that the object does not have the finalizer. Otherwise as `addFinalizer`. */
export function removeFinalizer<T extends KubeObject>(options: FinalizerOptions<T>): Promise<T | undefined> {
  const { finalizer } = options;
  return change(options, ({ finalizers = [] }) =>
    finalizers.includes(finalizer) ? finalizers.filter((other) => other !== finalizer) : undefined,
  );
}

/** @param decide The new list; undefined when it is right as it is. */
async function change<T extends KubeObject>(
  { api, resource, object, signal }: FinalizerOptions<T>,
  decide: (metadata: T['metadata']) => readonly string[] | undefined,
): Promise<T | undefined> {
  let current = object;
  for (let conflicts = 0; ; conflicts += 1) {
    const finalizers = decide(current.metadata);
    if (finalizers === undefined) return current;
    const { name, namespace, resourceVersion } = current.metadata;
    try {
      const patch = { metadata: { resourceVersion, finalizers } };
      return await api.mergePatch<T>(resource, { name, namespace }, patch, { signal });
    } catch (error) {
      if (isNotFound(error)) return undefined;
      if (!isConflict(error) || conflicts >= MAX_CONFLICTS) throw error;
    }
    const live = await readAgain<T>(api, resource, { name, namespace, signal });
    if (live === undefined || live.metadata.uid !== object.metadata.uid) return undefined;
    current = live;
  }
}

async function readAgain<T extends KubeObject>(
  api: Pick<KubeApi, 'get'>,
  resource: ResourceType,
  { name, namespace, signal }: { name: string; namespace: string | undefined; signal: AbortSignal },
): Promise<T | undefined> {
  try {
    return await api.get<T>(resource, { name, namespace }, { signal });
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
