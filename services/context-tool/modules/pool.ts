/**
 * The child processes of one module file: started when a call needs one, at most so many, each with one call at a time.
 * Calls beyond that wait, and beyond the waiting ones are refused at once.
 */
import { fileURLToPath } from 'node:url';
import { ServiceError } from '#lib/errors.ts';
import type { Logger } from '#lib/logger.ts';
import { abortable } from '#lib/time-limit.ts';
import type { ToolAnswer } from '#sdk/server/declaration.ts';
import { queueFull } from './failures.ts';
import type { ModuleMetrics } from './metrics.ts';
import { type ChildEnd, type ChildOptions, type LoadedModule, ModuleChild, type ModuleRun } from './module-child.ts';

export interface PoolOptions extends Omit<ChildOptions, 'loaded' | 'onIdle' | 'onEnd'> {
  /** Children at most. */
  readonly processes: number;
  /** A child that had no call for this long ends. */
  readonly idleMs: number;
  readonly log: Logger;
  readonly metrics: ModuleMetrics;
  /** Before a child is started. */
  readonly onStart: () => void;
}

export const MAX_WAITING = 64;

interface Waiting extends ModuleRun {
  readonly number: number;
  readonly resolve: (answer: Promise<ToolAnswer>) => void;
  readonly reject: (error: unknown) => void;
  readonly onAbort: () => void;
}

export class Pool {
  readonly #options: PoolOptions;
  /** With the number of their start. */
  readonly #children = new Map<ModuleChild, number>();
  /** The one that worked last stands last and works next, so that the others get idle. */
  #idle: ModuleChild[] = [];
  #waiting: Waiting[] = [];
  /** Of calls that wait and of starts, in one row: which came first. */
  #nextNumber = 1;
  /** URLs of what its children read from the disk. */
  readonly #files = new Set<string>();
  /** As the first child found it: all of them are of one making. */
  #loaded: LoadedModule | undefined;
  /** Those who wait for a loaded module without a call for it. */
  #checks: PromiseWithResolvers<readonly string[]>[] = [];
  #closed: PromiseWithResolvers<void> | undefined;
  #refusal: ServiceError | undefined;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  /** Children, whatever they do. */
  get size(): number {
    return this.#children.size;
  }

  /** Absolute paths of the module and what it imports, as far as it was loaded; without packages. */
  get files(): readonly string[] {
    const urls = [...this.#files].filter((url) => !url.includes('/node_modules/'));
    return urls.map((url) => fileURLToPath(url));
  }

  run(run: ModuleRun): Promise<ToolAnswer> {
    const { metrics, name } = this.#options;
    const answer = this.#run(run);
    answer.then(
      ({ success }) => metrics.called(name, success ? 'ok' : 'failed'),
      (error: unknown) => metrics.called(name, error instanceof ServiceError ? error.reason : 'cancelled'),
    );
    return answer;
  }

  /** The functions that the module exports. @throws ServiceError MODULE_FAILED with the reason as `cause` */
  async exports(signal: AbortSignal): Promise<readonly string[]> {
    for (const { exports } of this.#children.keys()) if (exports !== undefined) return exports;
    const check = Promise.withResolvers<readonly string[]>();
    this.#checks.push(check);
    if (this.#children.size === 0) this.#start();
    return abortable(check.promise, signal);
  }

  /** Every 100 ms while there are children. */
  tick(nowMs: number): void {
    for (const child of this.#children.keys()) child.checkMemory();
    const { idleMs, lines } = this.#options;
    for (const child of this.#idle.filter(({ idleSinceMs }) => nowMs - idleSinceMs >= idleMs)) this.#end(child, 'idle');
    lines.report();
  }

  /**
   * Another configuration took its place: children end as soon as nothing runs or waits. A call that began its way before
   * is still served.
   *
   * @param signal Ends the rest at once with SHUTTING_DOWN.
   */
  async close(signal?: AbortSignal): Promise<void> {
    this.#closed ??= Promise.withResolvers<void>();
    for (const child of this.#idle.slice()) this.#end(child, 'replaced');
    this.#closeWhenEmpty();
    const stop = () => this.#stop();
    if (signal?.aborted) stop();
    else signal?.addEventListener('abort', stop, { once: true });
    await this.#closed.promise;
    signal?.removeEventListener('abort', stop);
  }

  #run(run: ModuleRun): Promise<ToolAnswer> {
    const { signal } = run.call;
    if (signal.aborted) return Promise.reject(signal.reason);
    if (this.#refusal !== undefined) return Promise.reject(this.#refusal);
    const child = this.#takeIdle();
    if (child !== undefined) return child.run(run);
    const starting = this.#loadingCount();
    if (this.#waiting.length - starting >= MAX_WAITING) {
      return Promise.reject(queueFull(this.#options.name, this.#waiting.length));
    }
    return this.#wait(run);
  }

  #takeIdle(): ModuleChild | undefined {
    for (;;) {
      const child = this.#idle.pop();
      if (child === undefined || child.isUsable) return child;
    }
  }

  #wait(run: ModuleRun): Promise<ToolAnswer> {
    const { promise, resolve, reject } = Promise.withResolvers<ToolAnswer>();
    const { signal } = run.call;
    const waiting: Waiting = {
      ...run,
      number: this.#nextNumber++,
      resolve,
      reject,
      onAbort: () => {
        this.#waiting = this.#waiting.filter((other) => other !== waiting);
        this.#leaveQueue(waiting);
        reject(signal.reason);
      },
    };
    signal.addEventListener('abort', waiting.onAbort, { once: true });
    this.#waiting.push(waiting);
    this.#options.metrics.waiting(this.#options.name, 1);
    this.#fill();
    return promise;
  }

  #leaveQueue({ call, onAbort }: Waiting): void {
    call.signal.removeEventListener('abort', onAbort);
    this.#options.metrics.waiting(this.#options.name, -1);
  }

  /** A child for each call that waits and has none on its way. */
  #fill(): void {
    const { processes } = this.#options;
    while (this.#children.size < processes && this.#waiting.length > this.#loadingCount()) this.#start();
  }

  #loadingCount(): number {
    let count = 0;
    for (const { exports } of this.#children.keys()) if (exports === undefined) count += 1;
    return count;
  }

  #start(): void {
    const { metrics, name, onStart } = this.#options;
    onStart();
    metrics.started(name);
    const child = new ModuleChild({
      ...this.#options,
      loaded: this.#loaded,
      onIdle: (idle) => this.#idled(idle),
      onEnd: (ended, end) => this.#ended(ended, end),
    });
    this.#children.set(child, this.#nextNumber++);
  }

  #idled(child: ModuleChild): void {
    this.#loaded ??= child.loaded;
    for (const url of child.files) this.#files.add(url);
    for (const check of this.#checks.splice(0)) check.resolve(child.exports ?? []);
    const next = this.#waiting.shift();
    if (next !== undefined) {
      this.#leaveQueue(next);
      next.resolve(child.run(next));
      return;
    }
    child.idleSinceMs = this.#options.clock.monotonicMs();
    this.#idle.push(child);
    if (this.#closed !== undefined) this.#end(child, 'replaced');
  }

  #end(child: ModuleChild, cause: 'idle' | 'replaced'): void {
    this.#idle = this.#idle.filter((other) => other !== child);
    child.end(cause, this.#refusal);
  }

  #ended(child: ModuleChild, end: ChildEnd): void {
    const { metrics, name } = this.#options;
    const startNumber = this.#children.get(child) ?? 0;
    for (const url of child.files) this.#files.add(url);
    this.#children.delete(child);
    this.#idle = this.#idle.filter((other) => other !== child);
    metrics.ended(name, end.cause);
    this.#log(end);
    if (child.exports === undefined) this.#couldNotLoad(startNumber, end.error);
    this.#fill();
    this.#closeWhenEmpty();
  }

  /** Every other child would end the same way, one after another, while calls wait for them. A later call tries anew. */
  #couldNotLoad(startNumber: number, error: ServiceError): void {
    for (const check of this.#checks.splice(0)) check.reject(error);
    if ([...this.#children.keys()].some(({ exports }) => exports !== undefined)) return;
    const given = this.#waiting.filter(({ number }) => number < startNumber);
    this.#waiting = this.#waiting.filter(({ number }) => number > startNumber);
    this.#refuse(given, error);
  }

  #refuse(waitingCalls: readonly Waiting[], error: ServiceError): void {
    for (const waiting of waitingCalls) {
      this.#leaveQueue(waiting);
      waiting.reject(error);
    }
  }

  /** What a call was told is logged with the call, its stack too. */
  #log({ cause, error, wasTold, exitCode, signal }: ChildEnd): void {
    const { log } = this.#options;
    if (cause === 'idle' || cause === 'replaced') return;
    const what = { cause, exitCode, signal };
    if (wasTold || error.cause === undefined) log.warn(what, 'the process of a tool module ended');
    else log.warn({ ...what, err: error.cause }, 'the process of a tool module ended between calls');
  }

  #stop(): void {
    this.#refusal = new ServiceError('SHUTTING_DOWN', 'the server is being stopped');
    this.#refuse(this.#waiting.splice(0), this.#refusal);
    for (const child of this.#children.keys()) child.end('replaced', this.#refusal);
    this.#closeWhenEmpty();
  }

  #closeWhenEmpty(): void {
    if (this.#children.size === 0 && this.#waiting.length === 0) this.#closed?.resolve();
  }
}
