/** The owner's side of the reader: one call, one answer, in any number at a time up to a bound. */
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Clock } from '#lib/clock.ts';
import { KeptWorker } from '#lib/sqlite/kept-worker.ts';
import { closed, fromRefusal, fromSent, LogFolderError, type LogPlace, unavailable } from './errors.ts';
import type { FromReader, ReaderAnswers, ReaderRequest, ToReader } from './messages.ts';

/** Each may be a page of 1 MiB. */
const MAX_WAITING = 10_000;

interface Waiting {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

export class ReaderThread {
  readonly #kept: KeptWorker<FromReader>;
  readonly #waiting = new Map<number, Waiting>();
  /** Asked while no worker was ready. */
  #unsent: ToReader[] = [];
  #worker: Worker | undefined;
  #nextId = 1;

  private constructor(clock: Clock, place: LogPlace) {
    this.#kept = new KeptWorker({
      clock,
      what: 'event log',
      create: () => createWorker({ folder: place.folder, database: place.database }),
      refusalOf: (message) => (message.kind === 'refused' ? fromRefusal(message.refusal) : undefined),
      onMessage: (message, worker) => this.#receive(message, worker),
      onEnded: (error) => {
        this.#worker = undefined;
        this.#rejectAll(error);
      },
    });
  }

  /** @throws LogFolderError when the database cannot be read. */
  static async start(clock: Clock, place: LogPlace): Promise<ReaderThread> {
    const thread = new ReaderThread(clock, place);
    try {
      await thread.#kept.started;
      return thread;
    } catch (error) {
      await thread.stop();
      throw error;
    }
  }

  call<K extends ReaderRequest['kind']>(request: Extract<ReaderRequest, { kind: K }>): Promise<ReaderAnswers[K]> {
    if (this.#kept.isStopped) return Promise.reject(closed());
    if (this.#waiting.size >= MAX_WAITING) {
      return Promise.reject(unavailable('too many calls are waiting for the event log; try again'));
    }
    const { promise, resolve, reject } = Promise.withResolvers<ReaderAnswers[K]>();
    const id = this.#nextId++;
    this.#waiting.set(id, { resolve: resolve as Waiting['resolve'], reject });
    this.#send({ id, request });
    return promise;
  }

  /** Finishes what waits, then ends the worker. */
  async stop(): Promise<void> {
    this.#kept.stop();
    this.#send({ kind: 'stop' });
    await this.#kept.ended;
    this.#rejectAll(closed());
  }

  #send(message: ToReader): void {
    if (this.#worker === undefined) this.#unsent.push(message);
    else this.#worker.postMessage(message);
  }

  #receive(message: FromReader, worker: Worker): void {
    if (message.kind === 'refused') return;
    if (message.kind === 'opened') {
      this.#worker = worker;
      for (const unsent of this.#unsent.splice(0)) worker.postMessage(unsent);
      return;
    }
    const call = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if (message.kind === 'error') call?.reject(fromSent(message.error));
    else call?.resolve(message.value);
  }

  #rejectAll(error: Error): void {
    const reason = error instanceof LogFolderError ? unavailable(error.message, error) : error;
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    // The word to stop stays: the worker that comes next needs it.
    this.#unsent = this.#unsent.filter((message) => 'kind' in message);
    for (const { reject } of waiting) reject(reason);
  }
}

function createWorker(place: LogPlace): Worker {
  const entry = new URL(`./reader-worker${extname(import.meta.url)}`, import.meta.url);
  return new Worker(entry, { name: 'mcp2-log-reader', workerData: place });
}
