/**
 * Reads files of resources in a thread of its own, each within a time limit: a file that somebody else wrote must not
 * hold up the calls that this process serves, nor its end.
 *
 * The limits of `readYaml` make the work small; the thread is there for what nobody thought of. A file whose time is up
 * ends the thread; the next request gets a new one.
 */
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { ReadOptions, ReadResources } from '../resource-file.ts';
import type { ReaderData, ReaderMessage, ReaderRequest } from './messages.ts';
import type { FileAnswer, FileRequest, Known } from './read-file.ts';

/** Where a folder of files is read. */
export interface FolderReader {
  /** The *.yaml and *.yml files, sorted. @throws Error with a sentence that says what to do */
  list(directory: string): Promise<readonly string[]>;
  /** @returns undefined when the file is gone */
  readFile(request: FileRequest): Promise<FileAnswer | undefined>;
  /** What is under way is given up. */
  close(): Promise<void>;
}

export interface ResourceReaderOptions extends ReaderData {
  /** For one file. Default 5,000: the limits let a file of 1 MiB take about one second. */
  readonly timeLimitMs?: number;
}

const TIME_LIMIT_MS = 5_000;
/** From the start of the thread to its first word, on a machine that is busy. */
const START_LIMIT_MS = 60_000;
/** A file of 1 MiB becomes some 100 MiB of documents. */
const MAX_HEAP_MB = 512;

type Outcome = ReaderMessage | { readonly overran: Known | undefined };

interface Thread {
  readonly worker: Worker;
  /** The next message that is not `began`; rejects when the thread ends. */
  next(limitMs: number): Promise<Outcome>;
}

export class ResourceReader implements FolderReader {
  readonly #options: ResourceReaderOptions;
  #thread: Promise<Thread> | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  constructor(options: ResourceReaderOptions) {
    this.#options = options;
  }

  async list(directory: string): Promise<readonly string[]> {
    const outcome = await this.#ask({ list: directory });
    if ('names' in outcome) return outcome.names;
    const why = 'failed' in outcome ? outcome.failed : `the folder of resources ${directory} gives no answer`;
    throw new Error(why);
  }

  async readFile(request: FileRequest): Promise<FileAnswer | undefined> {
    const outcome = await this.#ask({ file: request });
    if ('answer' in outcome) return outcome.answer;
    const { message, known } = this.#problemOf(outcome);
    const read = { problems: [{ file: request.name, line: 1, message }] };
    return { signature: known?.signature, digest: known?.digest ?? message, read };
  }

  async readText(name: string, text: string, options: ReadOptions): Promise<ReadResources> {
    const outcome = await this.#ask({ text: { name, text, options } });
    if ('read' in outcome) return outcome.read;
    return { problems: [{ file: name, line: 1, message: this.#problemOf(outcome).message }] };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#end();
  }

  /** One at a time. @throws Error when the reader is closed */
  #ask(request: ReaderRequest): Promise<Outcome> {
    const answer = this.#last.then(() => this.#run(request));
    this.#last = answer.catch(() => undefined);
    return answer;
  }

  async #run(request: ReaderRequest): Promise<Outcome> {
    if (this.#isClosed) throw new Error('the reader of files is closed');
    try {
      this.#thread ??= startThread(this.#options);
      const { worker, next } = await this.#thread;
      // Only a request keeps the process alive.
      worker.ref();
      worker.postMessage(request);
      const outcome = await next(this.#options.timeLimitMs ?? TIME_LIMIT_MS);
      worker.unref();
      if ('overran' in outcome) await this.#end();
      return outcome;
    } catch (error) {
      await this.#end();
      if (this.#isClosed) throw error;
      return { failed: error instanceof Error ? error.message : String(error) };
    }
  }

  async #end(): Promise<void> {
    const thread = this.#thread;
    this.#thread = undefined;
    await thread?.then(({ worker }) => worker.terminate()).catch(() => undefined);
  }

  #problemOf(outcome: Outcome): { readonly message: string; readonly known: Known | undefined } {
    if ('overran' in outcome) {
      const seconds = (this.#options.timeLimitMs ?? TIME_LIMIT_MS) / 1000;
      return { message: `takes longer than ${seconds} s to read; split it`, known: outcome.overran };
    }
    const why = 'failed' in outcome ? outcome.failed : 'an answer that does not fit';
    return { message: `cannot be read (${why}); split it, or remove it`, known: undefined };
  }
}

/** The entry file has the extension of this one: in the published package it is emitted JavaScript. */
async function startThread({ definition }: ResourceReaderOptions): Promise<Thread> {
  const entry = new URL(`./main${extname(import.meta.url)}`, import.meta.url);
  const worker = new Worker(entry, {
    workerData: { definition } satisfies ReaderData,
    resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB },
  });
  // A thread that fails while nobody waits must not end the process; the next request meets its end.
  worker.on('error', () => undefined);
  const thread = { worker, next: (limitMs: number) => nextMessage(worker, limitMs) };
  const outcome = await thread.next(START_LIMIT_MS);
  if ('ready' in outcome) return thread;
  await worker.terminate();
  throw new Error('the thread that reads files did not start');
}

function nextMessage(worker: Worker, limitMs: number): Promise<Outcome> {
  const { promise, resolve, reject } = Promise.withResolvers<Outcome>();
  let began: Known | undefined;
  const onMessage = (message: ReaderMessage) => {
    if ('began' in message) began = message.began;
    else resolve(message);
  };
  const onError = (error: Error) => reject(error);
  const onExit = () => reject(new Error('the thread that reads files ended'));
  const timer = setTimeout(() => resolve({ overran: began }), limitMs);
  worker.on('message', onMessage).on('error', onError).on('exit', onExit);
  return promise.finally(() => {
    clearTimeout(timer);
    worker.off('message', onMessage).off('error', onError).off('exit', onExit);
  });
}
