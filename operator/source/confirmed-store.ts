/**
 * Objects as a reflector lists them, and those that a list stopped showing although nobody said that they were
 * deleted: such an object counts as there until a live read says that it is gone.
 *
 * An empty or shortened list is more often a confused API server than an empty cluster. Believed at once, one such
 * answer would take every endpoint out of Discovery.
 */
import type { Clock } from '#lib/clock.ts';
import type { KubeApi } from '#lib/kube/api.ts';
import { isNotFound } from '#lib/kube/api-error.ts';
import { type KubeObject, keyOf, nameOfKey, type ResourceType } from '#lib/kube/object.ts';
import { type IndexFunction, ObjectStore } from '#lib/kube/object-store.ts';
import type { ChangeCause } from '#lib/kube/reflector.ts';
import type { Logger } from '#lib/logger.ts';

export interface ConfirmedStoreOptions<T> {
  readonly api: Pick<KubeApi, 'get'>;
  readonly resource: ResourceType;
  readonly clock: Clock;
  readonly log: Logger;
  /** One index: the value under which an object is found. */
  readonly indexOf?: IndexFunction<T>;
  /** A live read said that the object is gone. Must not throw. */
  readonly onGone: (object: T) => void;
}

const INDEX = 'value';
const MAX_CONCURRENT_READS = 8;
/** Between two looks at objects that are there and not listed; and at most 50 reads a second in the long run. */
const RECHECK_MS = 2_000;
const RECHECK_EACH_MS = 20;

export class ConfirmedStore<T extends KubeObject> {
  /** For the reflector alone. */
  readonly listed: ObjectStore<T>;
  readonly #options: ConfirmedStoreOptions<T>;
  readonly #doubtful = new Map<string, T>();
  #wake: () => void = () => {};

  constructor(options: ConfirmedStoreOptions<T>) {
    this.#options = options;
    this.listed = new ObjectStore<T>({ indexes: { [INDEX]: options.indexOf ?? (() => []) } });
  }

  /**
   * Call for each change that the reflector tells of.
   *
   * @returns true when the change counts now; a removal that has to be confirmed first does not.
   */
  note(key: string, cause: ChangeCause): boolean {
    const vanished = cause === 'vanished' ? this.listed.removed(key)?.object : undefined;
    if (vanished === undefined) {
      this.#doubtful.delete(key);
      return true;
    }
    this.#doubtful.set(key, vanished);
    this.#wake();
    return false;
  }

  get(key: string): T | undefined {
    return this.listed.get(key) ?? this.#doubtful.get(key);
  }

  all(): readonly T[] {
    return [...this.listed.all(), ...this.#doubtful.values()];
  }

  byIndex(value: string): readonly T[] {
    const { indexOf = () => [] } = this.#options;
    const doubtful = [...this.#doubtful.values()].filter((object) => indexOf(object).includes(value));
    return [...this.listed.byIndex(INDEX, value), ...doubtful];
  }

  /** Reads what is doubtful until it is known. Resolves when the signal aborts; never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    while (!signal.aborted) {
      if (this.#doubtful.size === 0) await this.#untilDoubt(signal);
      const keys = [...this.#doubtful.keys()];
      const workers = Array.from({ length: MAX_CONCURRENT_READS }, async () => {
        for (let key = keys.pop(); key !== undefined && !signal.aborted; key = keys.pop()) {
          await this.#confirm(key, signal);
        }
      });
      await Promise.all(workers);
      const waitMs = Math.max(RECHECK_MS, this.#doubtful.size * RECHECK_EACH_MS);
      if (this.#doubtful.size > 0) await clock.sleep(waitMs, signal).catch(() => undefined);
    }
  }

  async #confirm(key: string, signal: AbortSignal): Promise<void> {
    const { api, resource, log, onGone } = this.#options;
    const object = this.#doubtful.get(key);
    if (object === undefined) return;
    try {
      await api.get(resource, nameOfKey(keyOf(object)), { signal, maxAttempts: 1 });
    } catch (error) {
      if (signal.aborted) return;
      if (!isNotFound(error)) {
        log.warn({ err: error, resource: resource.plural, key }, 'cannot tell whether an object is gone; keeping it');
      } else if (this.#doubtful.get(key) === object) {
        this.#doubtful.delete(key);
        onGone(object);
      }
    }
  }

  #untilDoubt(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        signal.removeEventListener('abort', done);
        this.#wake = () => {};
        resolve();
      };
      this.#wake = done;
      signal.addEventListener('abort', done, { once: true });
    });
  }
}
