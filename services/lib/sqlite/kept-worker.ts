/**
 * A worker thread that is started again when it dies. What its death takes along is answers: its owner is told, and
 * rejects what it had asked.
 */
import type { Worker } from 'node:worker_threads';
import type { Clock } from '#lib/clock.ts';
import { ServiceError } from '#lib/errors.ts';

export interface KeptWorkerOptions<Message> {
  readonly clock: Clock;
  /** For sentences, for example "store". */
  readonly what: string;
  create(): Worker;
  /** @returns why the worker cannot serve; undefined for any other message. It ends after such a message. */
  refusalOf(message: Message): Error | undefined;
  /** The first one says that the worker has opened what it serves. */
  onMessage(message: Message, worker: Worker): void;
  /** The worker has ended, or refused. */
  onEnded(error: Error): void;
}

/** Before another try when a worker died without having opened what it serves. */
const RESTART_PAUSE_MS = 1_000;

export class KeptWorker<Message> {
  readonly #options: KeptWorkerOptions<Message>;
  readonly #stopped = new AbortController();
  readonly #firstStart = Promise.withResolvers<void>();
  readonly #running: Promise<void>;

  constructor(options: KeptWorkerOptions<Message>) {
    this.#options = options;
    this.#firstStart.promise.catch(() => undefined);
    this.#running = this.#run();
  }

  get isStopped(): boolean {
    return this.#stopped.signal.aborted;
  }

  /** Resolves after the first message. @throws why the first worker ended before it. */
  get started(): Promise<void> {
    return this.#firstStart.promise;
  }

  /** No other worker is started from now on; the owner sees to it that this one ends. */
  stop(): void {
    this.#stopped.abort();
  }

  /** Resolves after `stop`, when no worker is left. */
  get ended(): Promise<void> {
    return this.#running;
  }

  /** One worker after another until `stop`; never rejects. */
  async #run(): Promise<void> {
    const { signal } = this.#stopped;
    do {
      const { hasOpened, error } = await this.#runOne();
      this.#options.onEnded(error);
      // Without effect but for the first one.
      this.#firstStart.reject(error);
      if (!hasOpened) await this.#options.clock.sleep(RESTART_PAUSE_MS, signal).catch(() => undefined);
    } while (!signal.aborted);
  }

  /** Resolves when it has ended. @returns why, as the error for what waits. */
  #runOne(): Promise<{ hasOpened: boolean; error: Error }> {
    const { what, create, refusalOf, onMessage } = this.#options;
    const ended = Promise.withResolvers<{ hasOpened: boolean; error: Error }>();
    let hasOpened = false;
    let error: Error = unavailable(`the thread of the ${what} ended unexpectedly and is started again; try again`);
    const worker = create();
    worker.on('message', (message: Message) => {
      const refusal = refusalOf(message);
      if (refusal === undefined) {
        hasOpened = true;
        onMessage(message, worker);
        this.#firstStart.resolve();
      } else {
        error = refusal;
      }
    });
    worker.on('error', (cause) => {
      error = unavailable(`the thread of the ${what} failed and is started again; try again`, cause);
    });
    worker.on('exit', () => ended.resolve({ hasOpened, error }));
    return ended.promise;
  }
}

function unavailable(message: string, cause?: unknown): ServiceError {
  return new ServiceError('STORE_UNAVAILABLE', message, { cause });
}
