/**
 * The owner's side of the worker: hands it what waits, one group at a time, and settles every promise that it gave.
 *
 * A worker that dies takes nothing along but the answers: what it was asked, and what waited behind, is rejected with
 * STORE_UNAVAILABLE (a write may or may not have been applied), and another one is started.
 */
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Clock } from '#lib/clock.ts';
import { ServiceError } from '#lib/errors.ts';
import { KeptWorker } from '#lib/sqlite/kept-worker.ts';
import type { Entry } from '../store.ts';
import { fromSent, type SentRefusal, StoreFolderError, unavailable } from './errors.ts';
import type {
  Answer,
  Call,
  FromWorker,
  KnownLease,
  StoreAnswers,
  StoreRequest,
  ToWorker,
  WorkerSettings,
} from './requests.ts';

export interface StoreThreadOptions extends WorkerSettings {
  readonly clock: Clock;
  /** At every start of a worker: the leases that the database knows. */
  onOpened(leases: readonly KnownLease[]): void;
}

export interface CallOptions {
  /** What the request holds, for the bound on what waits. */
  readonly bytes?: number;
  /** Takes the entries of a listing. */
  onPart?(entries: readonly Entry[]): void;
}

/** Bounds on what waits for the worker; beyond them a call is refused at once. */
const MAX_WAITING_CALLS = 100_000;
const MAX_WAITING_BYTES = 64 * 1024 * 1024;
/** Bounds on one group. */
const GROUP_CALLS = 4_096;
const GROUP_BYTES = 8 * 1024 * 1024;

interface Waiting extends Call, CallOptions {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

export class StoreThread {
  readonly #options: StoreThreadOptions;
  readonly #worker: KeptWorker<FromWorker>;
  /** Not sent yet. */
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  /** The group that the worker is at. */
  readonly #sent = new Map<number, Waiting>();
  /** While it can take a group. */
  #idle: Worker | undefined;
  #nextId = 1;

  private constructor(options: StoreThreadOptions) {
    this.#options = options;
    const { clock, place, bounds } = options;
    this.#worker = new KeptWorker({
      clock,
      what: 'store',
      create: () => {
        const entry = new URL(`./worker${extname(import.meta.url)}`, import.meta.url);
        return new Worker(entry, { name: 'mcp2-store', workerData: { place, bounds } satisfies WorkerSettings });
      },
      refusalOf: (message) => (message.kind === 'refused' ? toError(message.refusal) : undefined),
      onMessage: (message, worker) => this.#receive(worker, message),
      onEnded: (error) => {
        this.#idle = undefined;
        this.#rejectAll(error);
      },
    });
  }

  /** @throws StoreFolderError when the database cannot be used. */
  static async start(options: StoreThreadOptions): Promise<StoreThread> {
    const thread = new StoreThread(options);
    try {
      await thread.#worker.started;
      return thread;
    } catch (error) {
      await thread.stop();
      throw error;
    }
  }

  call<K extends StoreRequest['kind']>(
    request: Extract<StoreRequest, { kind: K }>,
    options: CallOptions = {},
  ): Promise<StoreAnswers[K]> {
    if (this.#worker.isStopped) return Promise.reject(new ServiceError('SHUTTING_DOWN', 'the store is closed'));
    const { bytes = 0 } = options;
    if (this.#waiting.length >= MAX_WAITING_CALLS || this.#waitingBytes + bytes > MAX_WAITING_BYTES) {
      return Promise.reject(unavailable('too many calls are waiting for the store; try again'));
    }
    const { promise, resolve, reject } = Promise.withResolvers<StoreAnswers[K]>();
    this.#waiting.push({ id: this.#nextId++, request, ...options, resolve: resolve as Waiting['resolve'], reject });
    this.#waitingBytes += bytes;
    this.#sendGroup();
    return promise;
  }

  /** Finishes what waits, then ends the worker. */
  async stop(): Promise<void> {
    this.#worker.stop();
    this.#sendGroup();
    await this.#worker.ended;
    this.#rejectAll(new ServiceError('SHUTTING_DOWN', 'the store is closed'));
  }

  #receive(worker: Worker, message: FromWorker): void {
    if (message.kind === 'refused') return;
    if (message.kind === 'part') {
      this.#sent.get(message.id)?.onPart?.(message.entries);
      return;
    }
    if (message.kind === 'opened') {
      this.#options.onOpened(message.leases);
    } else {
      for (const answer of message.answers) this.#settle(answer);
      if (!message.isLast) return;
    }
    this.#idle = worker;
    this.#sendGroup();
  }

  #settle(answer: Answer): void {
    const call = this.#sent.get(answer.id);
    this.#sent.delete(answer.id);
    if ('error' in answer) call?.reject(fromSent(answer.error));
    else call?.resolve(answer.value);
  }

  /** Whatever waits, up to the bounds of a group; the word to stop when nothing does. */
  #sendGroup(): void {
    const worker = this.#idle;
    if (worker === undefined) return;
    if (this.#waiting.length === 0) {
      if (!this.#worker.isStopped) return;
      this.#idle = undefined;
      worker.postMessage({ kind: 'stop' } satisfies ToWorker);
      return;
    }
    this.#idle = undefined;
    const group = this.#takeGroup();
    for (const call of group) this.#sent.set(call.id, call);
    const calls = group.map(({ id, request }) => ({ id, request }));
    worker.postMessage({ kind: 'calls', calls } satisfies ToWorker);
  }

  #takeGroup(): Waiting[] {
    let count = 0;
    let bytes = 0;
    while (count < this.#waiting.length && count < GROUP_CALLS && bytes < GROUP_BYTES) {
      bytes += this.#waiting[count]?.bytes ?? 0;
      count += 1;
    }
    this.#waitingBytes -= bytes;
    return this.#waiting.splice(0, count);
  }

  #rejectAll(error: Error): void {
    const reason = error instanceof StoreFolderError ? unavailable(error.message, error) : error;
    const calls = [...this.#sent.values(), ...this.#waiting];
    this.#sent.clear();
    this.#waiting = [];
    this.#waitingBytes = 0;
    for (const call of calls) call.reject(reason);
  }
}

function toError({ message, detail, isInUse }: SentRefusal): StoreFolderError {
  return new StoreFolderError(message, new Error(detail), isInUse);
}
