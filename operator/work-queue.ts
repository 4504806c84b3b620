/**
 * A queue of keys, each in it at most once, each worked on by at most one worker.
 *
 * It is level-triggered: a key says "look again", never what happened, so adding twice is the same as once and a
 * key added during its own work is worked on once more afterwards (the semantics of client-go's workqueue). Urgent
 * keys overtake: deletes and user changes, then the first list, then routine checks. Retries wait by what went
 * wrong, and while a gate is closed nothing is handed out at all. Its size is bounded by the number of resources.
 */
import { backoffMs } from '#lib/backoff.ts';
import type { Clock } from '#lib/clock.ts';
import { DelayHeap } from './delay-heap.ts';
import type { DependencyGate } from './dependency-gate.ts';
import { RetryBucket } from './retry-bucket.ts';

/** Higher goes first. */
export const Priority = { Resync: 0, Initial: 1, Change: 2 } as const;
export type Priority = (typeof Priority)[keyof typeof Priority];

/**
 * `error`: may pass, 50 ms doubling to 60 s. `terminal`: will not pass by itself, up to 5 min.
 * `conflict`: somebody else wrote first; 20-70 ms, and no mark against the key.
 */
export type RetryKind = 'error' | 'terminal' | 'conflict';

export interface WorkQueueMetrics {
  added(): void;
  /** Keys ready to be taken. */
  depth(keys: number): void;
  taken(waitedSeconds: number): void;
  finished(workedSeconds: number): void;
  retried(): void;
  /** Keys behind a closed gate. */
  parked(keys: number): void;
}

export interface WorkQueueOptions {
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly gates?: readonly DependencyGate[];
  readonly metrics?: WorkQueueMetrics;
}

const RETRY_BASE_MS = 50;
const RETRY_CAP_MS = { error: 60_000, terminal: 300_000 } as const;
const CONFLICT_MIN_MS = 20;
const CONFLICT_SPREAD_MS = 50;
const RETRY_BUCKET = { ratePerSecond: 20, burst: 200, maxWaitMs: 300_000 } as const;
/** Parked keys come back within this, spread so that the dependency is not hit by all at once. */
const UNPARK_SPREAD_MS = 300;
/** setTimeout's own limit is 24 days; a longer wait is slept in parts. */
const MAX_SLEEP_MS = 3_600_000;
const PRIORITIES = [Priority.Change, Priority.Initial, Priority.Resync] as const;

interface InWork {
  readonly startedMs: number;
  readonly priority: Priority;
}

export class WorkQueue {
  readonly #options: WorkQueueOptions;
  readonly #gates: readonly DependencyGate[];
  /** Key to the time it was added, a map for each priority; maps keep the order of insertion. */
  readonly #ready = new Map<Priority, Map<string, number>>(PRIORITIES.map((priority) => [priority, new Map()]));
  readonly #inWork = new Map<string, InWork>();
  /** Added again while in work. */
  readonly #dirty = new Map<string, Priority>();
  readonly #parked = new Map<string, Priority>();
  readonly #delayed = new DelayHeap();
  readonly #failures = new Map<string, number>();
  readonly #bucket = new RetryBucket(RETRY_BUCKET);
  readonly #takers: ((key: string | undefined) => void)[] = [];
  readonly #drained = Promise.withResolvers<void>();
  #timer: { readonly dueMs: number; readonly cancel: AbortController } | undefined;
  #isDraining = false;

  constructor(options: WorkQueueOptions) {
    this.#options = options;
    this.#gates = options.gates ?? [];
    for (const gate of this.#gates) gate.onOpen(() => this.#unpark());
  }

  /** Keys ready to be taken. */
  get depth(): number {
    let depth = 0;
    for (const keys of this.#ready.values()) depth += keys.size;
    return depth;
  }

  /** Keys that wait for a reconcile: ready, parked or added again during their own. Not those that are due later. */
  *pendingKeys(): IterableIterator<string> {
    for (const keys of this.#ready.values()) yield* keys.keys();
    yield* this.#parked.keys();
    yield* this.#dirty.keys();
  }

  /** How long each key in work has been there. */
  inWorkSeconds(): readonly number[] {
    const nowMs = this.#options.clock.monotonicMs();
    return [...this.#inWork.values()].map(({ startedMs }) => (nowMs - startedMs) / 1000);
  }

  /** How long the oldest key has waited, ready or behind a gate; 0 when none does. */
  oldestSeconds(): number {
    const nowMs = this.#options.clock.monotonicMs();
    let sinceMs = nowMs;
    for (const keys of this.#ready.values()) for (const addedMs of keys.values()) sinceMs = Math.min(sinceMs, addedMs);
    if (this.#parked.size > 0) {
      for (const { closedAtMs = nowMs } of this.#gates) sinceMs = Math.min(sinceMs, closedAtMs);
    }
    return (nowMs - sinceMs) / 1000;
  }

  /** Failures in a row of this key. */
  failuresOf(key: string): number {
    return this.#failures.get(key) ?? 0;
  }

  add(key: string, priority: Priority = Priority.Change): void {
    if (this.#isDraining) return;
    if (this.#inWork.has(key)) {
      this.#dirty.set(key, higher(priority, this.#dirty.get(key)));
      return;
    }
    const parked = this.#parked.get(key);
    if (this.#parked.delete(key)) this.#options.metrics?.parked(this.#parked.size);
    this.#makeReady(key, higher(priority, parked));
    this.#serve();
  }

  /** Adds the key after a while. Whatever takes the key earlier makes this void: its result decides anew. */
  addAfter(key: string, delayMs: number, priority: Priority = Priority.Resync): void {
    if (this.#isDraining) return;
    if (delayMs <= 0) {
      this.add(key, priority);
      return;
    }
    this.#delayed.add({ key, dueMs: this.#options.clock.monotonicMs() + delayMs, priority });
    this.#arm();
  }

  /** Adds the key after the wait that this kind of failure and its history ask for. */
  retry(key: string, kind: RetryKind): void {
    const { clock, random, metrics } = this.#options;
    const ownMs =
      kind === 'conflict' ? CONFLICT_MIN_MS + random() * CONFLICT_SPREAD_MS : this.#nextBackoffMs(key, kind);
    const delayMs = Math.max(1, ownMs, this.#bucket.reserveMs(clock.monotonicMs()));
    metrics?.retried();
    this.addAfter(key, delayMs, this.#inWork.get(key)?.priority ?? Priority.Change);
  }

  /** Closes the gate, and keeps the key until it opens. */
  park(key: string, gateName: string, cause: unknown): void {
    const gate = this.#gates.find(({ name }) => name === gateName);
    if (gate === undefined) throw new Error(`there is no gate "${gateName}"`);
    if (this.#isDraining) return;
    this.#parked.set(key, higher(this.#inWork.get(key)?.priority ?? Priority.Change, this.#parked.get(key)));
    this.#options.metrics?.parked(this.#parked.size);
    gate.close(cause);
  }

  /** Drops what is remembered of the key's failures: it succeeded, or is gone. */
  forget(key: string): void {
    this.#failures.delete(key);
  }

  /** The next key, to be given back with `done`; undefined once the queue drains. */
  take(): Promise<string | undefined> {
    return new Promise((resolve) => {
      this.#takers.push(resolve);
      this.#serve();
    });
  }

  /** The work on a taken key ended. Call after `retry`, `addAfter` or `park`. */
  done(key: string): void {
    const work = this.#inWork.get(key);
    if (work === undefined) return;
    this.#inWork.delete(key);
    this.#options.metrics?.finished((this.#options.clock.monotonicMs() - work.startedMs) / 1000);
    const again = this.#dirty.get(key);
    this.#dirty.delete(key);
    if (again !== undefined) this.add(key, again);
    if (this.#isDraining && this.#inWork.size === 0) this.#drained.resolve();
  }

  /**
   * Hands out nothing more. Resolves when the keys in work are done; the rest is dropped, because whoever works
   * next lists everything anyway.
   */
  drain(): Promise<void> {
    this.#isDraining = true;
    this.#timer?.cancel.abort();
    this.#timer = undefined;
    this.#delayed.clear();
    this.#parked.clear();
    this.#dirty.clear();
    for (const keys of this.#ready.values()) keys.clear();
    for (const resolve of this.#takers.splice(0)) resolve(undefined);
    if (this.#inWork.size === 0) this.#drained.resolve();
    return this.#drained.promise;
  }

  #makeReady(key: string, priority: Priority): void {
    const { clock, metrics } = this.#options;
    let addedMs = clock.monotonicMs();
    for (const [known, keys] of this.#ready) {
      const since = keys.get(key);
      if (since === undefined) continue;
      if (known >= priority) return;
      keys.delete(key);
      addedMs = since;
    }
    this.#ready.get(priority)?.set(key, addedMs);
    metrics?.added();
    metrics?.depth(this.depth);
  }

  #serve(): void {
    if (this.#isDraining) {
      for (const resolve of this.#takers.splice(0)) resolve(undefined);
      return;
    }
    while (this.#takers.length > 0 && !this.#gates.some(({ isClosed }) => isClosed)) {
      const key = this.#takeReady();
      if (key === undefined) return;
      this.#takers.shift()?.(key);
    }
  }

  #takeReady(): string | undefined {
    const { clock, metrics } = this.#options;
    for (const priority of PRIORITIES) {
      const keys = this.#ready.get(priority);
      const first = keys?.entries().next();
      if (keys === undefined || first === undefined || first.done) continue;
      const [key, addedMs] = first.value;
      keys.delete(key);
      this.#delayed.delete(key);
      const startedMs = clock.monotonicMs();
      this.#inWork.set(key, { startedMs, priority });
      metrics?.taken((startedMs - addedMs) / 1000);
      metrics?.depth(this.depth);
      return key;
    }
    return undefined;
  }

  #nextBackoffMs(key: string, kind: 'error' | 'terminal'): number {
    const failures = this.failuresOf(key);
    this.#failures.set(key, failures + 1);
    return backoffMs(failures, { baseMs: RETRY_BASE_MS, capMs: RETRY_CAP_MS[kind], random: this.#options.random });
  }

  #unpark(): void {
    if (this.#gates.some(({ isClosed }) => isClosed)) return;
    for (const [key, priority] of this.#parked) {
      this.addAfter(key, this.#options.random() * UNPARK_SPREAD_MS, priority);
    }
    this.#parked.clear();
    this.#options.metrics?.parked(0);
    this.#serve();
  }

  /** Sleeps until the next delayed key is due; an earlier one shortens the sleep. */
  #arm(): void {
    const dueMs = this.#delayed.nextDueMs;
    if (dueMs === undefined || (this.#timer !== undefined && this.#timer.dueMs <= dueMs)) return;
    this.#timer?.cancel.abort();
    const timer = { dueMs, cancel: new AbortController() };
    this.#timer = timer;
    const sleepMs = Math.min(MAX_SLEEP_MS, Math.max(0, Math.ceil(dueMs - this.#options.clock.monotonicMs())));
    this.#options.clock.sleep(sleepMs, timer.cancel.signal).then(
      () => this.#wake(timer),
      () => undefined,
    );
  }

  #wake(timer: object): void {
    if (this.#timer !== timer) return;
    this.#timer = undefined;
    for (;;) {
      const due = this.#delayed.takeDue(this.#options.clock.monotonicMs());
      if (due === undefined) break;
      this.add(due.key, due.priority as Priority);
    }
    this.#arm();
  }
}

function higher(a: Priority, b: Priority | undefined): Priority {
  return b !== undefined && b > a ? b : a;
}
