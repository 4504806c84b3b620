/**
 * The objects of one kind as a reflector last saw them, by key and by index.
 *
 * Readers share these objects and never change them. What was removed leaves a short-lived memory behind, so that
 * a reconcile can tell an object whose deletion it was told of from one that a list merely stopped showing: an
 * empty answer from a confused API server must delete nothing.
 */
import { type KubeObject, keyOf } from './object.ts';

/** From an object to the values it is found under, for example a slice to the key of its service. */
export type IndexFunction<T> = (object: T) => readonly string[];

export interface RemovedObject<T> {
  /** As last seen; not necessarily its final state. */
  readonly object: T;
  /** True when no DELETED event came: a list did not show it any more. */
  readonly isFinalStateUnknown: boolean;
}

export interface ObjectReader<T extends KubeObject> {
  readonly size: number;
  get(key: string): T | undefined;
  all(): IterableIterator<T>;
  /** @throws Error when there is no such index. */
  byIndex(index: string, value: string): readonly T[];
  /** What is known of an object that is not in the store (any more). */
  removed(key: string): RemovedObject<T> | undefined;
}

export interface ObjectStoreOptions<T> {
  readonly indexes?: Readonly<Record<string, IndexFunction<T>>>;
  /** How many removed objects are remembered, the oldest forgotten first. Default 10,000. */
  readonly maxRemoved?: number;
}

export class ObjectStore<T extends KubeObject> implements ObjectReader<T> {
  readonly #objects = new Map<string, T>();
  readonly #removed = new Map<string, RemovedObject<T>>();
  readonly #indexes: ReadonlyMap<string, Index<T>>;
  readonly #maxRemoved: number;

  constructor({ indexes = {}, maxRemoved = 10_000 }: ObjectStoreOptions<T> = {}) {
    this.#indexes = new Map(Object.entries(indexes).map(([name, valuesOf]) => [name, new Index(valuesOf)]));
    this.#maxRemoved = maxRemoved;
  }

  get size(): number {
    return this.#objects.size;
  }

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  all(): IterableIterator<T> {
    return this.#objects.values();
  }

  keys(): IterableIterator<string> {
    return this.#objects.keys();
  }

  byIndex(name: string, value: string): readonly T[] {
    const index = this.#indexes.get(name);
    if (index === undefined) throw new Error(`there is no index "${name}"`);
    const objects: T[] = [];
    for (const key of index.keys(value)) {
      const object = this.#objects.get(key);
      if (object !== undefined) objects.push(object);
    }
    return objects;
  }

  removed(key: string): RemovedObject<T> | undefined {
    return this.#removed.get(key);
  }

  /** @returns what was there before. */
  put(object: T): T | undefined {
    const key = keyOf(object);
    const before = this.#objects.get(key);
    this.#objects.set(key, object);
    this.#removed.delete(key);
    for (const index of this.#indexes.values()) index.replace(key, before, object);
    return before;
  }

  /** @returns what was there; undefined when there was nothing to remove. */
  remove(key: string, { isFinalStateUnknown, last }: { isFinalStateUnknown: boolean; last?: T }): T | undefined {
    const before = this.#objects.get(key);
    if (before === undefined) return undefined;
    this.#objects.delete(key);
    for (const index of this.#indexes.values()) index.replace(key, before, undefined);
    this.#remember(key, { object: last ?? before, isFinalStateUnknown });
    return before;
  }

  #remember(key: string, removed: RemovedObject<T>): void {
    this.#removed.set(key, removed);
    if (this.#removed.size <= this.#maxRemoved) return;
    const oldest = this.#removed.keys().next();
    if (!oldest.done) this.#removed.delete(oldest.value);
  }
}

class Index<T> {
  readonly #valuesOf: IndexFunction<T>;
  readonly #keysByValue = new Map<string, Set<string>>();

  constructor(valuesOf: IndexFunction<T>) {
    this.#valuesOf = valuesOf;
  }

  keys(value: string): Iterable<string> {
    return this.#keysByValue.get(value) ?? [];
  }

  replace(key: string, before: T | undefined, after: T | undefined): void {
    const values = after === undefined ? [] : this.#valuesOf(after);
    if (before !== undefined) {
      for (const value of this.#valuesOf(before)) if (!values.includes(value)) this.#drop(value, key);
    }
    for (const value of values) {
      const keys = this.#keysByValue.get(value);
      if (keys === undefined) this.#keysByValue.set(value, new Set([key]));
      else keys.add(key);
    }
  }

  #drop(value: string, key: string): void {
    const keys = this.#keysByValue.get(value);
    keys?.delete(key);
    if (keys?.size === 0) this.#keysByValue.delete(value);
  }
}
