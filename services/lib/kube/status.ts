/**
 * Writes the status of our resources by server-side apply, and only when it differs from what is stored.
 *
 * Apply leaves other owners' conditions alone. A write that changes nothing would still cost the API server more
 * than most reads, and one computed from a stale copy would move transition times for no reason: so the last answer
 * of the API server counts until the watch has caught up with it.
 */
import { LRUCache } from 'lru-cache';
import { canonicalJson } from '#lib/canonical-json.ts';
import type { KubeApi } from './api.ts';
import { isConflict, isNotFound, KubeApiError } from './api-error.ts';
import { compareResourceVersions, type KubeObject, keyOf, type ResourceType } from './object.ts';

/** A metav1.Condition; the rest of it is its owner's business. */
export interface TypedCondition {
  readonly type: string;
}

export interface StatusFields {
  /** A list keyed by type, in which each owner has its own entries. */
  readonly conditions?: readonly TypedCondition[];
  readonly [field: string]: unknown;
}

export interface WithStatus extends KubeObject {
  readonly status?: StatusFields;
}

/** `gone`: the object does not exist any more, or another one has its name; which is no error. */
export type StatusOutcome = 'unchanged' | 'written' | 'gone';

export interface StatusWriterOptions {
  readonly api: Pick<KubeApi, 'serverSideApply' | 'get'>;
  readonly resource: ResourceType;
  /** "mcp2-operator". */
  readonly fieldManager: string;
  /** The members of status that are ours; others may belong to somebody else. Default: what is wanted names them. */
  readonly ownFields?: readonly string[];
  /** Awaited before each write, to hold back a storm. */
  readonly beforeWrite?: (signal: AbortSignal) => Promise<void>;
}

interface Written {
  readonly uid: string | undefined;
  readonly resourceVersion: string;
  readonly status: StatusFields | undefined;
}

/** Answers that the watch has not delivered yet; more would only cost a write that changes nothing. */
const MAX_REMEMBERED = 2_000;

export class StatusWriter {
  readonly #options: StatusWriterOptions;
  readonly #written = new LRUCache<string, Written>({ max: MAX_REMEMBERED });

  constructor(options: StatusWriterOptions) {
    this.#options = options;
  }

  /** The newest status known: the store's, or that of our own last write when the store is behind it. */
  latest(object: WithStatus): StatusFields | undefined {
    const key = keyOf(object);
    const written = this.#written.get(key);
    if (written === undefined) return object.status;
    const order = compareResourceVersions(object.metadata.resourceVersion ?? '', written.resourceVersion);
    const isBehind = written.uid === object.metadata.uid && order !== undefined && order < 0;
    if (isBehind) return written.status;
    this.#written.delete(key);
    return object.status;
  }

  /**
   * @param wanted Computed from `latest(object)`, so that unchanged conditions keep their times.
   * @throws KubeApiError.
   */
  async write(object: WithStatus, wanted: StatusFields, signal: AbortSignal): Promise<StatusOutcome> {
    const { api, resource, fieldManager, ownFields, beforeWrite } = this.#options;
    if (isCurrent(wanted, this.latest(object), ownFields ?? Object.keys(wanted))) return 'unchanged';
    await beforeWrite?.(signal);
    const { name, namespace, uid } = object.metadata;
    const metadata = { name, ...(namespace === undefined ? {} : { namespace }), ...(uid === undefined ? {} : { uid }) };
    try {
      const body: WithStatus = { metadata, status: wanted };
      const options = { fieldManager, force: true, subresource: 'status', signal } as const;
      const { metadata: now, status } = await api.serverSideApply<WithStatus>(resource, body, options);
      this.#written.set(keyOf(object), { uid: now.uid, resourceVersion: now.resourceVersion ?? '', status });
      return 'written';
    } catch (error) {
      // With a uid in the body the API server answers 409 for an object that is gone, and 422 for a replaced one.
      const mayBeGone = isConflict(error) || (error instanceof KubeApiError && error.code === 422);
      if (isNotFound(error) || (mayBeGone && (await this.#isGone(object, signal)))) return 'gone';
      throw error;
    }
  }

  async #isGone({ metadata: { name, namespace, uid } }: WithStatus, signal: AbortSignal): Promise<boolean> {
    const { api, resource } = this.#options;
    try {
      return (await api.get(resource, { name, namespace }, { signal })).metadata.uid !== uid;
    } catch (error) {
      if (isNotFound(error)) return true;
      throw error;
    }
  }
}

/** Whether `stored` says all that is wanted. Conditions of other types are other owners'. Pure. */
export function isCurrent(
  wanted: StatusFields,
  stored: StatusFields | undefined,
  ownFields: readonly string[],
): boolean {
  return ownFields.every((field) =>
    field === 'conditions'
      ? hasConditions(wanted.conditions ?? [], stored?.conditions ?? [])
      : canonicalJson(wanted[field] ?? null) === canonicalJson(stored?.[field] ?? null),
  );
}

function hasConditions(wanted: readonly TypedCondition[], stored: readonly TypedCondition[]): boolean {
  return wanted.every((condition) => {
    const same = stored.find(({ type }) => type === condition.type);
    return same !== undefined && canonicalJson(same) === canonicalJson(condition);
  });
}
