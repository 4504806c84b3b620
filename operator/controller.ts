/**
 * Runs workers over a queue: key → reconcile → done, later, or wrong in one of four ways. Knows no resource.
 *
 * Nothing a reconcile does can end a worker or become an unhandled rejection. One that overruns its time is told so
 * by its signal and then waited for: a second run of the same key beside it could undo what the first still writes.
 */
import type { Clock } from '#lib/clock.ts';
import type { Logger } from '#lib/logger.ts';
import { withDeadline } from '#lib/time-limit.ts';
import type { WorkQueue } from './work-queue.ts';

export interface ReconcileResult {
  /** Look again after this; absent = when something changes. */
  readonly requeueAfterMs?: number | undefined;
}

/** Idempotent; reads what the key stands for by itself. Ends soon after its signal aborts. */
export type Reconcile = (key: string, signal: AbortSignal) => Promise<ReconcileResult>;

/**
 * What a failure means for the key. `gate`: something that all keys need is away. `stop`: this process must not
 * work any more (another one leads).
 */
export type Failure =
  | { readonly kind: 'error' | 'terminal' | 'conflict' }
  | { readonly kind: 'gate'; readonly gate: string }
  | { readonly kind: 'stop' };

export type ReconcileOutcome = 'success' | 'requeue_after' | 'error' | 'terminal' | 'conflict' | 'parked' | 'stopped';

export interface ControllerMetrics {
  reconciled(outcome: ReconcileOutcome, seconds: number): void;
}

export interface ControllerOptions {
  /** For logs. */
  readonly name: string;
  readonly queue: WorkQueue;
  readonly reconcile: Reconcile;
  readonly classify: (error: unknown) => Failure;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics?: ControllerMetrics;
  /** A failure of kind `stop` came up. Called at most once. */
  readonly onStop?: (error: unknown) => void;
  /** Default 64: a reconcile mostly waits for others. */
  readonly concurrency?: number;
  /** Default 30,000. */
  readonly reconcileTimeoutMs?: number;
}

/** The reason of a reconcile's signal when its time is up. */
export class ReconcileTimeout extends Error {
  constructor(timeoutMs: number) {
    super(`the reconcile took longer than ${timeoutMs} ms`);
    this.name = 'ReconcileTimeout';
  }
}

export class Controller {
  readonly #options: ControllerOptions;
  readonly #abort = new AbortController();
  #workers: Promise<void> | undefined;

  constructor(options: ControllerOptions) {
    this.#options = options;
  }

  /** Starts the workers. @throws Error on a second call. */
  start(): void {
    if (this.#workers !== undefined) throw new Error(`controller "${this.#options.name}" was started before`);
    const workers = Array.from({ length: this.#options.concurrency ?? 64 }, () => this.#work());
    this.#workers = Promise.all(workers).then(() => undefined);
  }

  /**
   * Ends in order: takes no more keys, lets those in work finish for at most `timeoutMs`, then aborts them.
   * Resolves when every worker has ended.
   */
  async drain(timeoutMs: number): Promise<void> {
    const { clock, queue, name, log } = this.#options;
    const drained = new AbortController();
    clock.sleep(timeoutMs, drained.signal).then(
      () => {
        log.warn({ controller: name, timeoutMs }, 'draining took too long; work is aborted');
        this.abort(new Error('the operator is shutting down'));
      },
      () => undefined,
    );
    await queue.drain();
    drained.abort();
    await this.#workers;
  }

  /** Ends at once: aborts what is in work and takes no more keys. For lost leadership. */
  abort(reason: Error): void {
    this.#abort.abort(reason);
    const { queue, log } = this.#options;
    queue.drain().catch((error: unknown) => log.error({ err: error }, 'the queue was not drained'));
  }

  async #work(): Promise<void> {
    const { queue, metrics, clock } = this.#options;
    for (;;) {
      const key = await queue.take();
      if (key === undefined) return;
      const startedMs = clock.monotonicMs();
      const outcome = await this.#reconcileOne(key);
      metrics?.reconciled(outcome, (clock.monotonicMs() - startedMs) / 1000);
      queue.done(key);
    }
  }

  /** Never rejects. */
  async #reconcileOne(key: string): Promise<ReconcileOutcome> {
    const { clock, queue, reconcile, reconcileTimeoutMs: timeoutMs = 30_000 } = this.#options;
    const onTimeout = () => new ReconcileTimeout(timeoutMs);
    const limit = { clock, timeoutMs, signal: this.#abort.signal, onTimeout };
    try {
      // "async": a reconcile that throws before its first await is a failure like any other.
      const { requeueAfterMs } = await withDeadline(limit, async (signal) => reconcile(key, signal));
      queue.forget(key);
      if (requeueAfterMs === undefined) return 'success';
      queue.addAfter(key, requeueAfterMs);
      return 'requeue_after';
    } catch (error) {
      return this.#fail(key, error);
    }
  }

  #fail(key: string, error: unknown): ReconcileOutcome {
    const { classify, log, name, queue, onStop } = this.#options;
    if (this.#abort.signal.aborted) return 'stopped';
    const failure = error instanceof ReconcileTimeout ? ({ kind: 'error' } as const) : classify(error);
    if (failure.kind === 'stop') {
      this.abort(error instanceof Error ? error : new Error('stopped'));
      onStop?.(error);
      return 'stopped';
    }
    if (failure.kind === 'gate') {
      queue.park(key, failure.gate, error);
      return 'parked';
    }
    if (failure.kind === 'conflict') log.debug({ controller: name, key }, 'somebody else wrote first; trying again');
    else log.warn({ controller: name, key, err: error, failures: queue.failuresOf(key) + 1 }, 'a reconcile failed');
    queue.retry(key, failure.kind);
    return failure.kind;
  }
}
