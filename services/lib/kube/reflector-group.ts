/**
 * One kind in all namespaces, or in some: then a reflector for each, into one store, because there is no list of
 * "these namespaces", and a right to list all of them is what whoever names some does not want to give.
 */
import type { KubeObject } from './object.ts';
import { Reflector, type ReflectorOptions } from './reflector.ts';

export class ReflectorGroup<T extends KubeObject> {
  readonly #reflectors: readonly Reflector<T>[];

  /** @param namespaces Empty = all. */
  constructor(options: Omit<ReflectorOptions<T>, 'namespace'>, namespaces: readonly string[]) {
    const scopes = namespaces.length === 0 ? [undefined] : namespaces;
    this.#reflectors = scopes.map((namespace) => new Reflector<T>({ ...options, namespace }));
  }

  /** True once all of it was listed. */
  get hasSynced(): boolean {
    return this.#reflectors.every(({ hasSynced }) => hasSynced);
  }

  /** Of the part that has been silent for longest; undefined while one was never listed. */
  get freshAtMs(): number | undefined {
    const times = this.#reflectors.map(({ freshAtMs }) => freshAtMs);
    return times.every((time) => time !== undefined) ? Math.min(...times) : undefined;
  }

  /** Resolves when the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#reflectors.map((reflector) => reflector.run(signal)));
  }
}
