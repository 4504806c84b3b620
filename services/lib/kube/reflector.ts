/**
 * Keeps a store equal to what the API server holds: list once, then watch, for ever.
 *
 * The promise is that no change is missed and no failure is final. The resource version advances only after an
 * event is in the store, so whatever ends a stream (an ERROR event, a bad status, silence, a torn line) costs
 * nothing but time; waits apply before listing again too, or a server that answers 410 would be listed to death.
 * The handler is only told keys: whoever acts on one reads the store, so an event that comes twice changes nothing.
 */
import { Backoff } from '#lib/backoff.ts';
import type { Clock } from '#lib/clock.ts';
import type { Logger } from '../logger.ts';
import type { KubeApi, Selection, WatchQuery } from './api.ts';
import { isGone, KubeApiError } from './api-error.ts';
import { listAll, type WholeList } from './list-all.ts';
import { type KubeObject, keyOf, type ResourceType } from './object.ts';
import type { ObjectStore } from './object-store.ts';
import { type Difference, RelistAudit } from './relist-audit.ts';
import type { WatchEvent } from './watch-stream.ts';

/**
 * `listed`: in the first list. `changed`: new or different. `deleted`: the server said so.
 * `vanished`: a later list did not show it; its final state is unknown, so it proves nothing.
 */
export type ChangeCause = 'listed' | 'changed' | 'deleted' | 'vanished';

export interface ReflectorMetrics {
  /** A whole list was read, for a start or after an error; the regular comparison does not count. */
  relisted(resource: string): void;
  /** The regular comparison found so many objects that the watch should have told of. */
  missed(resource: string, count: number): void;
  /** A list or watch ended with an error. */
  failed(resource: string, reason: string): void;
  /** The API server answered: a list, an opened watch, an event or a bookmark. */
  heard(resource: string): void;
}

export interface ReflectorTiming {
  /** Objects a page. Default 500. */
  readonly pageSize: number;
  /** Every list is compared with the store so often. Default 600,000. */
  readonly relistMs: number;
  /** A list that lost objects is compared with another one this soon: it may have been confused. Default 30,000. */
  readonly vanishedRelistMs: number;
  /** Longest silence of a watch; bookmarks come about once a minute. Default 75,000. */
  readonly idleTimeoutMs: number;
  /** A watch asks to be closed after this plus up to as much again, so that watches do not end together. Default 300. */
  readonly minWatchSeconds: number;
  /** Default 200; doubles up to `backoffCapMs`, 30,000. */
  readonly backoffBaseMs: number;
  readonly backoffCapMs: number;
  /** After so long without an error the wait starts small again. Default 120,000. */
  readonly healthyMs: number;
  /** Between two starts of a watch that the server closes cleanly. Default 250. */
  readonly minWatchIntervalMs: number;
  /** For each page of a list. Default 30,000. */
  readonly listDeadlineMs: number;
}

export interface ReflectorOptions<T extends KubeObject> extends Selection {
  readonly api: Pick<KubeApi, 'list' | 'watch'>;
  readonly resource: ResourceType;
  /** With `namespace`, others may share it: only what lies in that namespace is looked at. */
  readonly store: ObjectStore<T>;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly log: Logger;
  /** Enqueues the key, and nothing else: it must neither throw nor work. */
  readonly onKey: (key: string, cause: ChangeCause) => void;
  /** The keys that an object's change concerns. Default: its own. */
  readonly keysOf?: (object: T) => readonly string[];
  /** False when nobody needs to hear of this change, for example our own status write. Default: always true. */
  readonly isRelevant?: (before: T, after: T) => boolean;
  /** What is kept of an object. managedFields and the last-applied annotation are gone before it is called. */
  readonly transform?: (object: T) => T;
  readonly metrics?: ReflectorMetrics;
  readonly timing?: Partial<ReflectorTiming>;
}

export const DEFAULT_REFLECTOR_TIMING: ReflectorTiming = Object.freeze({
  pageSize: 500,
  relistMs: 600_000,
  vanishedRelistMs: 30_000,
  idleTimeoutMs: 75_000,
  minWatchSeconds: 300,
  backoffBaseMs: 200,
  backoffCapMs: 30_000,
  healthyMs: 120_000,
  minWatchIntervalMs: 250,
  listDeadlineMs: 30_000,
});

/** A watch that fails so often in a row without an event is replaced by a list: its version may be no good. */
const MAX_FRUITLESS_WATCHES = 5;

export class Reflector<T extends KubeObject> {
  readonly #options: ReflectorOptions<T>;
  readonly #timing: ReflectorTiming;
  readonly #backoff: Backoff;
  readonly #synced = Promise.withResolvers<void>();
  readonly #audit: RelistAudit<T>;
  /** For metrics and logs. */
  readonly #name: string;
  #isRunning = false;
  #hasSynced = false;
  #version: string | undefined;
  #freshAtMs: number | undefined;
  #healthySinceMs: number | undefined;
  #fruitlessWatches = 0;
  #auditSoon: (() => void) | undefined;

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
    this.#timing = { ...DEFAULT_REFLECTOR_TIMING, ...options.timing };
    const { backoffBaseMs: baseMs, backoffCapMs: capMs } = this.#timing;
    this.#backoff = new Backoff({ baseMs, capMs, random: options.random });
    const { resource, namespace, store } = options;
    this.#name = namespace === undefined ? resource.plural : `${resource.plural}/${namespace}`;
    this.#audit = new RelistAudit({ get: (key) => store.get(key), keys: () => this.#ownKeys() });
  }

  /** True once a whole list is in the store; stays true while the server is away. */
  get hasSynced(): boolean {
    return this.#hasSynced;
  }

  /** Resolves when `hasSynced` turns true. */
  get synced(): Promise<void> {
    return this.#synced.promise;
  }

  /** `clock.monotonicMs()` of the last list, event or bookmark; undefined before the first. */
  get freshAtMs(): number | undefined {
    return this.#freshAtMs;
  }

  /** Resolves when the signal aborts; never rejects for anything the server does. @throws Error on a second call. */
  async run(signal: AbortSignal): Promise<void> {
    if (this.#isRunning) throw new Error('this reflector was started before');
    this.#isRunning = true;
    await Promise.all([this.#follow(signal), this.#auditRegularly(signal)]);
  }

  async #follow(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        if (this.#version === undefined) await this.#list(signal);
        await this.#watch(signal);
      } catch (error) {
        if (signal.aborted) return;
        await this.#waitAfter(error, signal);
      }
    }
  }

  async #list(signal: AbortSignal): Promise<void> {
    const { clock, metrics } = this.#options;
    const startedMs = clock.monotonicMs();
    const list = await this.#read(signal);
    signal.throwIfAborted();
    this.#audit.cancel();
    this.#replace(list);
    this.#version = list.resourceVersion;
    this.#freshAtMs = startedMs;
    this.#fruitlessWatches = 0;
    this.#hasSynced = true;
    this.#synced.resolve();
    metrics?.heard(this.#name);
    metrics?.relisted(this.#name);
  }

  /** One attempt a page: the wait between attempts is ours, and must not multiply with the API client's. */
  #read(signal: AbortSignal): Promise<WholeList<T>> {
    const { api, resource, namespace, labelSelector, fieldSelector } = this.#options;
    const { pageSize, listDeadlineMs } = this.#timing;
    const call = { signal, deadlineMs: listDeadlineMs, maxAttempts: 1 };
    const transform = (object: T) => this.#trim(object);
    return listAll(api, { resource, namespace, labelSelector, fieldSelector, pageSize, transform, call });
  }

  /** Others may fill the rest of the store. */
  *#ownKeys(): IterableIterator<string> {
    const { store, namespace } = this.#options;
    const own = namespace === undefined ? '' : `${namespace}/`;
    for (const key of store.keys()) if (key.startsWith(own)) yield key;
  }

  #replace({ objects }: WholeList<T>): void {
    const { store } = this.#options;
    const cause = this.#hasSynced ? 'changed' : 'listed';
    for (const object of objects.values()) {
      const before = store.get(keyOf(object));
      if (before?.metadata.resourceVersion !== object.metadata.resourceVersion) this.#put(object, cause);
    }
    const vanished = [...this.#ownKeys()].filter((key) => !objects.has(key));
    for (const key of vanished) this.#remove(key, 'vanished');
    if (vanished.length > 0) this.#auditSoon?.();
  }

  /** One watch, from the current version to its end. Returns when the server closed it cleanly. */
  async #watch(signal: AbortSignal): Promise<void> {
    const { api, clock, resource } = this.#options;
    const startedMs = clock.monotonicMs();
    this.#healthySinceMs ??= startedMs;
    this.#fruitlessWatches += 1;
    for await (const event of api.watch<T>(resource, this.#watchQuery(), signal)) this.#apply(event);
    this.#fruitlessWatches = 0;
    const waitMs = startedMs + this.#timing.minWatchIntervalMs - clock.monotonicMs();
    if (waitMs > 0) await clock.sleep(waitMs, signal);
  }

  #watchQuery(): WatchQuery {
    const { namespace, labelSelector, fieldSelector, random, metrics } = this.#options;
    const { minWatchSeconds, idleTimeoutMs } = this.#timing;
    const timeoutSeconds = Math.ceil(minWatchSeconds * (1 + random()));
    const resourceVersion = this.#version ?? '';
    const onOpen = () => metrics?.heard(this.#name);
    return { namespace, labelSelector, fieldSelector, resourceVersion, timeoutSeconds, idleTimeoutMs, onOpen };
  }

  #apply({ type, object }: WatchEvent<T>): void {
    if (type === 'DELETED') {
      this.#audit.touch(keyOf(object));
      this.#remove(keyOf(object), 'deleted', this.#trim(object));
    } else if (type !== 'BOOKMARK') {
      this.#audit.touch(keyOf(object));
      this.#put(this.#trim(object), 'changed');
    }
    // Only now: an event that was not kept must be sent again.
    this.#version = object.metadata.resourceVersion;
    this.#freshAtMs = this.#options.clock.monotonicMs();
    this.#options.metrics?.heard(this.#options.resource.plural);
    this.#fruitlessWatches = 0;
    this.#finishAudit();
  }

  #put(object: T, cause: ChangeCause): void {
    const { store, isRelevant } = this.#options;
    const before = store.put(object);
    if (before === undefined) this.#tell(cause, object);
    else if (isRelevant?.(before, object) ?? true) this.#tell(cause, before, object);
  }

  #remove(key: string, cause: 'deleted' | 'vanished', last?: T): void {
    const isFinalStateUnknown = cause === 'vanished';
    const before = this.#options.store.remove(key, { isFinalStateUnknown, ...(last === undefined ? {} : { last }) });
    if (before !== undefined) this.#tell(cause, before);
  }

  /** Both sides of a change matter: a slice that moved to another service concerns the old one too. */
  #tell(cause: ChangeCause, ...objects: readonly T[]): void {
    const { keysOf = (object: T) => [keyOf(object)], onKey, log } = this.#options;
    try {
      for (const key of new Set(objects.flatMap((object) => keysOf(object)))) onKey(key, cause);
    } catch (error) {
      log.error({ err: error, resource: this.#name }, 'a change handler failed; its key was not enqueued');
    }
  }

  /** Drops what is large and nobody reads. */
  #trim(object: T): T {
    const { managedFields: _, ...metadata } = object.metadata;
    const { [LAST_APPLIED]: lastApplied, ...annotations } = metadata.annotations ?? {};
    const trimmed = { ...object, metadata: lastApplied === undefined ? metadata : { ...metadata, annotations } };
    return this.#options.transform?.(trimmed) ?? trimmed;
  }

  async #waitAfter(error: unknown, signal: AbortSignal): Promise<void> {
    const { clock, log, metrics } = this.#options;
    if (isGone(error) || this.#fruitlessWatches >= MAX_FRUITLESS_WATCHES) this.#version = undefined;
    const isHealthy =
      this.#healthySinceMs !== undefined && clock.monotonicMs() - this.#healthySinceMs >= this.#timing.healthyMs;
    const reason = error instanceof KubeApiError ? error.reason : 'Internal';
    // Silence limits itself, one watch in `idleTimeoutMs`; growing waits would make a quiet kind's next change late.
    if (isHealthy || reason === 'Idle') this.#backoff.reset();
    this.#healthySinceMs = undefined;
    const retryAfterMs = error instanceof KubeApiError ? (error.retryAfterMs ?? 0) : 0;
    const waitMs = Math.max(this.#backoff.nextMs(), retryAfterMs);
    metrics?.failed(this.#name, reason);
    const what = { resource: this.#name, reason, waitMs };
    // A kind of which nothing changes brings few bookmarks; silence is looked into, and is no failure.
    if (reason === 'Idle') log.debug(what, 'a watch fell silent; going on from where it was');
    else log.warn({ err: error, ...what }, 'a list or watch ended; going on from where it was');
    await clock.sleep(waitMs, signal).catch(() => undefined);
  }

  async #auditRegularly(signal: AbortSignal): Promise<void> {
    const { log, metrics } = this.#options;
    while (!signal.aborted) {
      await this.#untilAudit(signal);
      if (signal.aborted || this.#version === undefined) continue;
      try {
        this.#audit.begin();
        const list = await this.#read(signal);
        metrics?.heard(this.#name);
        if (this.#version !== undefined) this.#heal(this.#audit.offer(list, this.#version));
        this.#finishAudit();
      } catch (error) {
        if (!signal.aborted) log.warn({ err: error, resource: this.#name }, 'the regular list failed');
      }
    }
  }

  /** Sleeps for the regular time, or a short one when a list made objects vanish: was that true? */
  async #untilAudit(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    const { relistMs, vanishedRelistMs } = this.#timing;
    const soon = new AbortController();
    const cut = () => soon.abort();
    this.#auditSoon = cut;
    signal.addEventListener('abort', cut, { once: true });
    await clock.sleep(relistMs, soon.signal).catch(() => undefined);
    signal.removeEventListener('abort', cut);
    this.#auditSoon = undefined;
    if (!soon.signal.aborted) return;
    await clock.sleep(vanishedRelistMs, signal).catch(() => undefined);
  }

  #finishAudit(): void {
    if (this.#version !== undefined) this.#heal(this.#audit.finish(this.#version) ?? []);
  }

  #heal(differences: readonly Difference<T>[]): void {
    const { log, metrics } = this.#options;
    if (differences.length === 0) return;
    for (const difference of differences) {
      if (difference.kind === 'put') this.#put(difference.object, 'changed');
      else this.#remove(difference.key, 'vanished');
    }
    metrics?.missed(this.#name, differences.length);
    log.error({ resource: this.#name, count: differences.length }, 'the watch missed changes; the list healed them');
  }
}

const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';
