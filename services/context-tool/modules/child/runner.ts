/**
 * One tool module in a process of its own: loads it, runs one call at a time, and ends when its parent is gone.
 *
 * This and what lies beside it are the only files of the product that the process may read, so nothing else is imported
 * here but types.
 */
import { inspect } from 'node:util';
import type { ToolAnswer } from '#sdk/server/declaration.ts';
import type { Failure, FromChild, ToChild } from '../messages.ts';
import { describeError, isOutOfMemory } from './describe-error.ts';
import { AnswerTooLarge, encodeAnswer } from './encode-answer.ts';
import { cut } from './line-limit.ts';
import { ModuleFiles } from './module-files.ts';
import { ModuleLog } from './module-log.ts';

type LoadMessage = Extract<ToChild, { kind: 'load' }>;
type CallMessage = Extract<ToChild, { kind: 'call' }>;
type ModuleFunction = (args: unknown, call: unknown) => unknown;

const MAX_WARNINGS = 32;
const MAX_WARNING_BYTES = 1_024;
const MAX_ERROR_CODE_BYTES = 128;
const MAX_ERROR_MESSAGE_BYTES = 4 * 1_024;
/** For the last word of a process that ends by itself. */
const LAST_WORD_MS = 500;

/** @param host This process. @param exit Ends it. */
export function serveModule(host: NodeJS.Process, exit: (code: number) => void): void {
  if (host.send === undefined) throw new Error('this file is started by the context-tool and by nobody else');
  const write = host.send.bind(host);
  const runner = new Runner({
    send: (message, done = ignore) => write(message, done),
    exit,
    failUncaught: (error) => {
      host.removeAllListeners('uncaughtException');
      throw error;
    },
  });
  host.on('message', (message: ToChild) => runner.receive(message));
  host.on('disconnect', () => exit(0));
  host.on('uncaughtException', (error) => runner.die('crash', error));
  host.on('unhandledRejection', (error) => runner.die('rejection', error));
  // The channel is not the module's: an answer that it sent by itself would be taken for ours.
  delete host.send;
  globalThis.console = runner.console;
  runner.ready();
}

interface RunnerHost {
  /** @param done Called when it is written. */
  readonly send: (message: FromChild, done?: () => void) => void;
  readonly exit: (code: number) => void;
  /** Ends the process as an error does that nobody catches. */
  readonly failUncaught: (error: Error) => never;
}

class Runner {
  readonly console: Console;
  readonly #host: RunnerHost;
  readonly #log: ModuleLog;
  #functions: ReadonlyMap<string, ModuleFunction> = new Map();
  #running: { readonly id: number; readonly abort: AbortController } | undefined;

  constructor(host: RunnerHost) {
    this.#host = host;
    this.#log = new ModuleLog((line) => host.send({ kind: 'log', ...line }));
    this.console = this.#log.console(() => this.#running?.id);
  }

  ready(): void {
    this.#host.send({ kind: 'ready' });
  }

  receive(message: ToChild): void {
    if (message.kind === 'load') {
      const files = new ModuleFiles(message.given);
      this.#load(message, files).then(this.#host.send, (error: unknown) => this.#endUnloaded(error, files.urls));
    } else if (message.kind === 'call') {
      this.#run(message).then(this.#host.send, (error: unknown) => this.die('crash', error));
    } else if (message.id === this.#running?.id) {
      this.#running.abort.abort();
    }
  }

  /** What state the module is in now is unknown: the process says why and ends. */
  die(cause: 'crash' | 'rejection', error: unknown): void {
    const end = () => this.#host.exit(1);
    setTimeout(end, LAST_WORD_MS);
    this.#host.send(
      { kind: 'dying', cause: isOutOfMemory(error) ? 'memory' : cause, error: describeError(error) },
      end,
    );
  }

  /**
   * Where a mistake of syntax stands is in no member of its error: Node alone prints it, when nobody catches it. The parent
   * finds it there.
   */
  #endUnloaded(error: unknown, files: readonly string[]): void {
    const end = () => (error instanceof SyntaxError ? this.#host.failUncaught(error) : this.#host.exit(1));
    this.#host.send({ kind: 'unloadable', error: describeError(error), files }, () => setImmediate(end));
  }

  async #load({ url, given }: LoadMessage, files: ModuleFiles): Promise<FromChild> {
    try {
      const exports = Object.entries((await import(new URL(url).href)) as Record<string, unknown>);
      const functions = exports.filter((entry): entry is [string, ModuleFunction] => typeof entry[1] === 'function');
      this.#functions = new Map(functions);
      const kept = given === undefined ? files.kept : undefined;
      return { kind: 'loaded', exports: [...this.#functions.keys()], kept, files: files.urls };
    } finally {
      files.end();
    }
  }

  async #run(message: CallMessage): Promise<FromChild> {
    const { id } = message;
    const abort = new AbortController();
    const warnings: string[] = [];
    this.#running = { id, abort };
    try {
      const answer = await this.#answer(message, { abort, warnings });
      return { kind: 'answer', id, answer, warnings, dropped: this.#log.takeDropped() };
    } catch (error) {
      return { kind: 'failed', id, failure: failureOf(error), dropped: this.#log.takeDropped() };
    } finally {
      this.#running = undefined;
    }
  }

  async #answer(
    { id, export: name, args, call }: CallMessage,
    { abort, warnings }: { readonly abort: AbortController; readonly warnings: string[] },
  ): Promise<ToolAnswer> {
    const run = this.#functions.get(name);
    if (run === undefined) throw new TypeError(`the module exports no function ${JSON.stringify(name)}`);
    const warn = (warning: unknown) => {
      if (warnings.length < MAX_WARNINGS) warnings.push(cut(String(warning), MAX_WARNING_BYTES));
    };
    let value: unknown;
    try {
      value = await run(args, { ...call, signal: abort.signal, log: this.#log.logger(id), warn });
    } catch (error) {
      const failed = toolFailure(error);
      if (failed === undefined) throw error;
      return failed;
    }
    try {
      return encodeAnswer(value);
    } catch (error) {
      throw error instanceof AnswerTooLarge ? error : new ResultError(error);
    }
  }
}

function ignore(): void {}

/** What the module returned cannot be sent. */
class ResultError extends Error {
  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : inspect(cause), { cause });
    this.name = 'ResultError';
  }
}

/** By its name, so that a module needs no import: `throw { name: 'ToolFailed', code, message }`. */
function toolFailure(thrown: unknown): ToolAnswer | undefined {
  const { name, code, message } = (thrown ?? {}) as Partial<Record<'name' | 'code' | 'message', unknown>>;
  if (name !== 'ToolFailed') return undefined;
  const errorCode = typeof code === 'string' && code !== '' ? code : 'TOOL_FAILED';
  return {
    success: false,
    errorCode: cut(errorCode, MAX_ERROR_CODE_BYTES),
    message: cut(String(message ?? ''), MAX_ERROR_MESSAGE_BYTES),
  };
}

function failureOf(error: unknown): Failure {
  if (error instanceof AnswerTooLarge) return { cause: 'limit', bytes: error.bytes };
  if (error instanceof ResultError) return { cause: 'result', error: describeError(error) };
  return { cause: isOutOfMemory(error) ? 'memory' : 'rejection', error: describeError(error) };
}
