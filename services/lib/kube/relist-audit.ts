/**
 * Checks a running watch against a fresh list: what should the watch have told us and did not?
 *
 * The list shows the world at one resource version while the watch goes on. Objects that the watch spoke of since
 * the list was begun say nothing, and the rest can be judged once the watch has passed the list's version: from
 * then on every difference is an event that was lost, and none is a change that merely has not arrived yet.
 */
import type { WholeList } from './list-all.ts';
import { compareResourceVersions, type KubeObject } from './object.ts';
import type { ObjectStore } from './object-store.ts';

export type Difference<T> =
  /** The list shows another version, or an object that the store does not have. */
  | { readonly kind: 'put'; readonly object: T }
  /** The store has an object that the list does not show. */
  | { readonly kind: 'gone'; readonly key: string };

export class RelistAudit<T extends KubeObject> {
  readonly #store: Pick<ObjectStore<T>, 'get' | 'keys'>;
  #touched: Set<string> | undefined;
  #list: WholeList<T> | undefined;

  constructor(store: Pick<ObjectStore<T>, 'get' | 'keys'>) {
    this.#store = store;
  }

  /** Call before the list is asked for. An audit that is still open is given up. */
  begin(): void {
    this.#touched = new Set();
    this.#list = undefined;
  }

  /** The watch spoke of this object. */
  touch(key: string): void {
    this.#touched?.add(key);
  }

  /**
   * The list is here. Ignored when the audit was cancelled meanwhile.
   *
   * @param version What the watch has reached.
   * @returns what is certain at once: objects that were last written before that version, and that the store does
   *   not have. The rest takes `finish`; an idle watch reaches the list's version with its next bookmark.
   */
  offer(list: WholeList<T>, version: string): readonly Difference<T>[] {
    const touched = this.#touched;
    if (touched === undefined) return [];
    this.#list = list;
    return this.#compare(list.objects, touched).filter(
      (difference) => difference.kind === 'put' && isUpTo(difference.object.metadata.resourceVersion, version),
    );
  }

  /** The store was replaced as a whole: there is nothing left to compare. */
  cancel(): void {
    this.#touched = undefined;
    this.#list = undefined;
  }

  /**
   * The differences, once; undefined while the watch has not reached the list's version.
   *
   * @param version What the watch has reached.
   */
  finish(version: string): readonly Difference<T>[] | undefined {
    const [list, touched] = [this.#list, this.#touched];
    if (list === undefined || touched === undefined) return undefined;
    const order = compareResourceVersions(version, list.resourceVersion);
    if (order !== undefined && order < 0) return undefined;
    this.cancel();
    return order === undefined ? [] : this.#compare(list.objects, touched);
  }

  #compare(listed: ReadonlyMap<string, T>, touched: ReadonlySet<string>): Difference<T>[] {
    const differences: Difference<T>[] = [];
    for (const [key, object] of listed) {
      const isSame = this.#store.get(key)?.metadata.resourceVersion === object.metadata.resourceVersion;
      if (!isSame && !touched.has(key)) differences.push({ kind: 'put', object });
    }
    for (const key of this.#store.keys()) {
      if (!listed.has(key) && !touched.has(key)) differences.push({ kind: 'gone', key });
    }
    return differences;
  }
}

function isUpTo(version: string | undefined, limit: string): boolean {
  const order = compareResourceVersions(version ?? '', limit);
  return order !== undefined && order <= 0;
}
