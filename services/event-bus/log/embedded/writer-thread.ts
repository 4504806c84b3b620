/**
 * The owner's side of the writer: hands over what was asked in one turn of the event loop, and settles every promise that
 * it gave. The writer answers in order, so that nothing needs a number.
 */
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Clock } from '#lib/clock.ts';
import { KeptWorker } from '#lib/sqlite/kept-worker.ts';
import type { Appended, NewEvent, StoredEvent } from '../event-log.ts';
import { closed, fromRefusal, fromSent, LogFolderError, type SentError, unavailable } from './errors.ts';
import {
  APPENDED,
  type Done,
  type FromWriter,
  RESULT_NUMBERS,
  type ToWriter,
  type WriterAnswers,
  type WriterCall,
  type WriterSettings,
} from './messages.ts';
import { AppendPacker } from './packed-appends.ts';

export type Opened = Extract<FromWriter, { kind: 'opened' }>;

export interface WriterThreadOptions {
  readonly clock: Clock;
  settings(): WriterSettings;
  /** At every start of a worker. What waits is sent once the promise has resolved. */
  onOpened(opened: Opened): Promise<void>;
  /** Of one transaction, before the promises of its appends resolve. */
  onCommitted(events: readonly StoredEvent[], done: Done): void;
  onWarning(message: string): void;
}

/** Bounds on what waits for the writer; beyond them an append is refused at once. */
const MAX_WAITING = 100_000;
const MAX_WAITING_BYTES = 64 * 1024 * 1024;
/** Of one message: the writer takes no more at once either. */
const MESSAGE_APPENDS = 1_024;
const MESSAGE_BYTES = 4 * 1024 * 1024;
/** Messages that the writer has and has not answered. */
const MESSAGES_AHEAD = 2;

/** Before the worker is started again that has opened and could not be used. */
const RESTART_PAUSE_MS = 1_000;

interface WaitingAppend {
  readonly event: NewEvent;
  resolve(appended: Appended | undefined): void;
  reject(error: Error): void;
}

interface WaitingCall {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

export class WriterThread {
  readonly #options: WriterThreadOptions;
  readonly #kept: KeptWorker<FromWriter>;
  readonly #packer = new AppendPacker();
  /** Asked and not answered, in order; those at the end are not sent yet. */
  #appends = new Queue<WaitingAppend>();
  #calls = new Queue<WaitingCall>();
  #unsentCalls: WriterCall[] = [];
  #waitingBytes = 0;
  #worker: Worker | undefined;
  /** How much is unanswered of each message that was sent, in order. */
  #sent: number[] = [];
  #isFlushPlanned = false;
  #isStopSent = false;

  private constructor(options: WriterThreadOptions) {
    this.#options = options;
    this.#kept = new KeptWorker({
      clock: options.clock,
      what: 'event log',
      create: () => createWorker(options.settings()),
      refusalOf: (message) => (message.kind === 'refused' ? fromRefusal(message.refusal) : undefined),
      onMessage: (message, worker) => this.#receive(message, worker),
      onEnded: (error) => {
        this.#worker = undefined;
        this.#rejectAll(error);
      },
    });
  }

  /** @throws LogFolderError when the database cannot be used. */
  static async start(options: WriterThreadOptions): Promise<WriterThread> {
    const thread = new WriterThread(options);
    try {
      await thread.#kept.started;
      return thread;
    } catch (error) {
      await thread.stop();
      throw error;
    }
  }

  append(event: NewEvent): Promise<Appended | undefined> {
    const refusal = this.#refusal(event.payload.length);
    if (refusal !== undefined) return Promise.reject(refusal);
    const { promise, resolve, reject } = Promise.withResolvers<Appended | undefined>();
    this.#appends.push({ event, resolve, reject });
    this.#packer.add(event);
    this.#waitingBytes += event.payload.length;
    if (this.#packer.count >= MESSAGE_APPENDS || this.#packer.bytes >= MESSAGE_BYTES) this.#flush();
    else this.#planFlush();
    return promise;
  }

  call<K extends WriterCall['kind']>(call: Extract<WriterCall, { kind: K }>): Promise<WriterAnswers[K]> {
    const refusal = this.#refusal(0);
    if (refusal !== undefined) return Promise.reject(refusal);
    const { promise, resolve, reject } = Promise.withResolvers<WriterAnswers[K]>();
    this.#calls.push({ resolve: resolve as WaitingCall['resolve'], reject });
    this.#unsentCalls.push(call);
    this.#planFlush();
    return promise;
  }

  /** Finishes what waits, then ends the worker. */
  async stop(): Promise<void> {
    this.#kept.stop();
    this.#flush();
    this.#sendStop();
    await this.#kept.ended;
    this.#rejectAll(closed());
  }

  #refusal(bytes: number): Error | undefined {
    if (this.#kept.isStopped) return closed();
    const isFull = this.#appends.length + this.#calls.length >= MAX_WAITING;
    if (!isFull && this.#waitingBytes + bytes <= MAX_WAITING_BYTES) return undefined;
    return unavailable('too much is waiting for the event log; try again');
  }

  /** Once a turn of the event loop: what came in one read of a socket is one message. */
  #planFlush(): void {
    if (this.#isFlushPlanned) return;
    this.#isFlushPlanned = true;
    setImmediate(() => {
      this.#isFlushPlanned = false;
      this.#flush();
    });
  }

  /** One message is being written, one lies ready for when it is: what comes meanwhile goes together into the next. */
  #flush(): void {
    const worker = this.#worker;
    if (worker === undefined || (this.#packer.count === 0 && this.#unsentCalls.length === 0)) return;
    const isLarge = this.#packer.count >= MESSAGE_APPENDS || this.#packer.bytes >= MESSAGE_BYTES;
    if (this.#sent.length >= MESSAGES_AHEAD && !isLarge && !this.#kept.isStopped) return;
    this.#sent.push(this.#packer.count + this.#unsentCalls.length);
    const { clock } = this.#options;
    const appends = this.#packer.take();
    const calls = this.#unsentCalls;
    this.#unsentCalls = [];
    const time = { nowMs: clock.nowMs(), monotonicMs: Math.floor(clock.monotonicMs()) };
    worker.postMessage({ kind: 'work', time, appends, calls } satisfies ToWriter, [appends.payloads.buffer]);
  }

  #sendStop(): void {
    if (this.#worker === undefined || this.#isStopSent) return;
    this.#isStopSent = true;
    this.#worker.postMessage({ kind: 'stop' } satisfies ToWriter);
  }

  #receive(message: FromWriter, worker: Worker): void {
    switch (message.kind) {
      case 'opened':
        this.#options.onOpened(message).then(
          () => this.#begin(worker),
          // It starts again, and this is tried again.
          () => this.#startAnew(worker),
        );
        return;
      case 'done':
        this.#settle(message);
        return;
      case 'warning':
        this.#options.onWarning(message.message);
        return;
    }
  }

  async #startAnew(worker: Worker): Promise<void> {
    await this.#options.clock.sleep(RESTART_PAUSE_MS).catch(() => undefined);
    await worker.terminate();
  }

  #begin(worker: Worker): void {
    this.#worker = worker;
    this.#flush();
    if (this.#kept.isStopped) this.#sendStop();
  }

  #settle(done: Done): void {
    const { results, errors, answers } = done;
    const appends = this.#appends.shift(results.length / RESULT_NUMBERS);
    const committed: StoredEvent[] = [];
    for (const [i, { event }] of appends.entries()) {
      this.#waitingBytes -= event.payload.length;
      const outcome = results[i * RESULT_NUMBERS] as number;
      if (outcome === APPENDED.known || outcome === APPENDED.newTopic) committed.push(toStored(event, results, i));
    }
    this.#options.onCommitted(committed, done);
    const refused = new Map(errors);
    for (const [i, append] of appends.entries()) settleAppend(append, results, i, refused.get(i));
    for (const [i, call] of this.#calls.shift(answers.length).entries()) {
      const answer = answers[i];
      if (answer !== undefined && 'error' in answer) call.reject(fromSent(answer.error));
      else call.resolve(answer?.value);
    }
    this.#answered(appends.length + answers.length);
  }

  /** One answer may be to parts of several messages. */
  #answered(count: number): void {
    for (let left = count; left > 0 && this.#sent.length > 0; ) {
      const first = this.#sent[0] as number;
      this.#sent[0] = Math.max(0, first - left);
      left -= first;
      if (this.#sent[0] === 0) this.#sent.shift();
    }
    if (this.#worker !== undefined) this.#flush();
  }

  #rejectAll(error: Error): void {
    const reason = error instanceof LogFolderError ? unavailable(error.message, error) : error;
    const waiting = [...this.#appends.shift(this.#appends.length), ...this.#calls.shift(this.#calls.length)];
    this.#packer.take();
    this.#unsentCalls = [];
    this.#sent = [];
    this.#waitingBytes = 0;
    for (const { reject } of waiting) reject(reason);
  }
}

/** First in, first out, many at a time. */
class Queue<T> {
  #items: T[] = [];

  get length(): number {
    return this.#items.length;
  }

  push(item: T): void {
    this.#items.push(item);
  }

  /** The first ones. */
  shift(count: number): T[] {
    if (count === 0) return [];
    if (count < this.#items.length) return this.#items.splice(0, count);
    const all = this.#items;
    this.#items = [];
    return all;
  }
}

function settleAppend(append: WaitingAppend, results: Float64Array, i: number, error: SentError | undefined): void {
  if (error !== undefined) {
    append.reject(fromSent(error));
    return;
  }
  const at = i * RESULT_NUMBERS;
  if (results[at] === APPENDED.nothing) {
    append.resolve(undefined);
    return;
  }
  append.resolve({
    offset: results[at + 1] as number,
    sequence: results[at + 2] as number,
    duplicate: results[at] === APPENDED.duplicate,
    isNewTopic: results[at] === APPENDED.newTopic,
  });
}

function toStored(event: NewEvent, results: Float64Array, i: number): StoredEvent {
  const at = i * RESULT_NUMBERS;
  const { topic, publisher, eventId, contentType, attributes, payload } = event;
  return {
    offset: results[at + 1] as number,
    topic,
    sequence: results[at + 2] as number,
    previous: results[at + 3] as number,
    publishedAtMs: results[at + 4] as number,
    publisher,
    eventId,
    contentType,
    attributes,
    payload,
  };
}

function createWorker(settings: WriterSettings): Worker {
  const entry = new URL(`./writer-worker${extname(import.meta.url)}`, import.meta.url);
  return new Worker(entry, { name: 'mcp2-log-writer', workerData: settings });
}
