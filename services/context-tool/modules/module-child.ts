/**
 * One child process with one module in it, as its parent sees it: started, loaded, then one call at a time until something
 * ends it. Whatever that is, it ends one call at most, and says why.
 *
 * A call that ran too long, holds too much or is not wanted any more ends with the process (SIGKILL): nothing else stops
 * JavaScript that does not return. The caller's promise does not wait for that.
 */
import { realpathSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import type { ServiceError } from '#lib/errors.ts';
import type { Call, JsonObject, ToolAnswer } from '#sdk/server/declaration.ts';
import { MAX_ANSWER_BYTES } from './child/encode-answer.ts';
import { LAST_WORDS_MS, ModuleProcess, type ProcessEnd, type ProcessOptions } from './child-process.ts';
import { answerTooLarge, type FailureCause, ModuleError, moduleFailed, moduleTimeout } from './failures.ts';
import type { Failure, FromChild, KeptModule, SentError, ToChild } from './messages.ts';

export interface ChildOptions extends Omit<ProcessOptions, 'onMessage' | 'onEnd'> {
  /** For people: "pricing.mjs". */
  readonly name: string;
  /** From the start of the process to a loaded module. */
  readonly loadTimeoutMs: number;
  /** How long a cancelled call may take to end by itself. */
  readonly graceMs: number;
  /** Undefined: what is on the disk. */
  readonly loaded: LoadedModule | undefined;
  /** It can take a call: the module is loaded, or a call ended. */
  readonly onIdle: (child: ModuleChild) => void;
  /** The process is gone. Called once. */
  readonly onEnd: (child: ModuleChild, end: ChildEnd) => void;
}

/** What the first process of a module loaded. */
export interface LoadedModule extends KeptModule {
  /** Without links. */
  readonly file: string;
}

export type EndCause = FailureCause | 'idle' | 'replaced' | 'timeout' | 'cancelled';

export interface ChildEnd {
  readonly cause: EndCause;
  /** What a call gets that it took along. */
  readonly error: ServiceError;
  /** True when a call heard of it. */
  readonly wasTold: boolean;
  readonly exitCode: number | null;
  readonly signal: string | null;
}

export interface ModuleRun {
  readonly export: string;
  readonly timeoutMs: number;
  readonly args: JsonObject;
  readonly call: Call;
}

interface Running {
  readonly id: number;
  readonly call: Call;
  readonly resolve: (answer: ToolAnswer) => void;
  readonly reject: (error: unknown) => void;
  /** Stops what watches the call. */
  readonly finished: AbortController;
  readonly onAbort: () => void;
}

interface Fate {
  readonly cause: EndCause;
  readonly error: ServiceError;
}

const NOT_STARTED = { exitCode: null, signal: null, ranOutOfMemory: false, place: undefined };

export class ModuleChild {
  readonly #options: ChildOptions;
  readonly #loading = new AbortController();
  #handle: ModuleProcess | undefined;
  #exports: readonly string[] | undefined;
  #loaded: LoadedModule | undefined;
  #files: readonly string[] = [];
  #unloadable: SentError | undefined;
  #running: Running | undefined;
  #nextId = 1;
  /** Why we end it, once that is decided. */
  #fate: Fate | undefined;
  #wasTold = false;
  /** Monotonic. */
  idleSinceMs = 0;

  constructor(options: ChildOptions) {
    this.#options = options;
    try {
      this.#start(options.loaded?.file ?? realpathSync(options.file));
    } catch (error) {
      queueMicrotask(() => this.#ended({ ...NOT_STARTED, error: error as Error }));
    }
  }

  /** Names of the functions that the module exports; undefined until it is loaded. */
  get exports(): readonly string[] | undefined {
    return this.#exports;
  }

  /** What it found on the disk, for those that are started later; undefined when that is too large, or was given. */
  get loaded(): LoadedModule | undefined {
    return this.#loaded;
  }

  /** URLs of what it read from the disk until it was loaded, or until that failed. */
  get files(): readonly string[] {
    return this.#files;
  }

  /** False from the moment on at which its end is known, which is before the process is gone. */
  get isUsable(): boolean {
    return this.#fate === undefined && this.#handle?.isRunning === true;
  }

  /** Only when idle. The promise settles when the call is decided, which may be before the child is free. */
  run({ export: name, timeoutMs, args, call }: ModuleRun): Promise<ToolAnswer> {
    const { promise, resolve, reject } = Promise.withResolvers<ToolAnswer>();
    const { clock } = this.#options;
    const finished = new AbortController();
    const id = this.#nextId++;
    const running: Running = { id, call, resolve, reject, finished, onAbort: () => this.#cancel(running) };
    this.#running = running;
    this.#wasTold = false;
    const overrun = () => this.#end('timeout', moduleTimeout(this.#options.name, timeoutMs));
    clock.sleep(timeoutMs, finished.signal).then(overrun, ignore);
    call.signal.addEventListener('abort', running.onAbort, { once: true });
    const { caller, deadlineMs, invocationId, idempotencyKey } = call;
    const facts = { caller: { iss: caller.iss, sub: caller.sub }, deadlineMs, invocationId, idempotencyKey };
    this.#send({ kind: 'call', id, export: name, args, call: facts });
    return promise;
  }

  /** Ends it when the module holds more than it may. */
  checkMemory(): void {
    const { memoryBytes } = this.#options;
    if (this.#handle !== undefined && this.#handle.heldBytes > memoryBytes) this.#fail('memory');
  }

  /** @param error For the call that runs, if one does. */
  end(cause: 'idle' | 'replaced', error: ServiceError = this.#failed('exit')): void {
    this.#end(cause, error);
  }

  #start(file: string): void {
    const { clock, loadTimeoutMs } = this.#options;
    this.#handle = new ModuleProcess({
      ...this.#options,
      file,
      onMessage: (message) => this.#hear(message, file),
      onEnd: (end) => this.#ended(end),
    });
    const late = new Error(`it was not loaded within ${loadTimeoutMs / 1000} s`);
    clock.sleep(loadTimeoutMs, this.#loading.signal).then(() => this.#fail('load', late), ignore);
  }

  /** Whatever a child says, it must not end its parent. */
  #hear(message: FromChild, file: string): void {
    if (this.#fate !== undefined) return;
    try {
      this.#receive(message, file);
    } catch (error) {
      this.#fail('crash', error as Error);
    }
  }

  #receive(message: FromChild, file: string): void {
    if (message.kind === 'log') {
      const isOfRunning = message.id !== undefined && message.id === this.#running?.id;
      this.#options.lines.write(message, isOfRunning ? this.#running?.call.log : undefined);
    } else if (message.kind === 'ready') {
      this.#handle?.watchMemory();
      this.#load(file);
    } else if (message.kind === 'loaded') {
      this.#loading.abort();
      this.#exports = message.exports;
      this.#files = message.files;
      this.#loaded = message.kept && { file, ...message.kept };
      this.#options.onIdle(this);
    } else if (message.kind === 'unloadable') {
      this.#files = message.files;
      this.#endsUnloaded(message.error);
    } else if (message.kind === 'dying') {
      this.#fail(message.cause, new ModuleError(message.error));
    } else {
      this.#settle(message);
    }
  }

  #load(file: string): void {
    const { loaded } = this.#options;
    const given = loaded && { files: loaded.files, links: loaded.links };
    this.#send({ kind: 'load', url: pathToFileURL(file).href, given });
  }

  /** It ends by itself, and says first where a mistake of syntax stands. */
  #endsUnloaded(error: SentError): void {
    this.#unloadable = error;
    this.#options.clock.sleep(LAST_WORDS_MS, this.#loading.signal).then(() => this.#handle?.kill(), ignore);
  }

  #settle(message: Extract<FromChild, { kind: 'answer' | 'failed' }>): void {
    this.#options.lines.dropped(message.dropped);
    const running = this.#running;
    if (running === undefined || message.id !== running.id) return;
    // What the call left is still held: the next one would be ended for it.
    if (message.kind === 'failed' && message.failure.cause === 'memory') {
      this.#end('memory', this.#failure(message.failure));
      return;
    }
    this.#release(running);
    if (message.kind === 'answer') {
      for (const warning of message.warnings) running.call.warn(warning);
      running.resolve(message.answer);
    } else {
      running.reject(this.#failure(message.failure));
    }
    this.#options.onIdle(this);
  }

  #failure(failure: Failure): ServiceError {
    if (failure.cause === 'limit') return answerTooLarge(this.#options.name, failure.bytes, MAX_ANSWER_BYTES);
    return this.#failed(failure.cause, new ModuleError(failure.error));
  }

  /** Nobody waits for the answer: the module may end by itself, so that the child can be used again. */
  #cancel({ id, call, reject, finished }: Running): void {
    reject(call.signal.reason);
    this.#wasTold = true;
    this.#send({ kind: 'abort', id });
    const { clock, graceMs } = this.#options;
    const error = this.#failed('exit');
    clock.sleep(graceMs, finished.signal).then(() => this.#end('cancelled', error), ignore);
  }

  #release({ finished, call, onAbort }: Running): void {
    this.#running = undefined;
    finished.abort();
    call.signal.removeEventListener('abort', onAbort);
  }

  #fail(cause: FailureCause, error?: Error): void {
    this.#end(cause, this.#failed(cause, error));
  }

  /** The first cause stays. */
  #end(cause: EndCause, error: ServiceError): void {
    if (this.#fate !== undefined) return;
    this.#fate = { cause, error };
    this.#tell(error);
    this.#handle?.kill();
  }

  #tell(error: ServiceError): void {
    const running = this.#running;
    if (running === undefined) return;
    this.#release(running);
    this.#wasTold = true;
    running.reject(error);
  }

  #ended(end: ProcessEnd): void {
    this.#loading.abort();
    this.#fate ??= this.#fateOf(end);
    const { cause, error } = this.#fate;
    this.#tell(error);
    const { exitCode, signal } = end;
    this.#options.onEnd(this, { cause, error, wasTold: this.#wasTold, exitCode, signal });
  }

  /** It ended by itself. */
  #fateOf({ exitCode, signal, ranOutOfMemory, place, error }: ProcessEnd): Fate {
    const own = exitCode === null ? 'crash' : 'exit';
    const cause = this.#exports === undefined ? 'load' : ranOutOfMemory ? 'memory' : own;
    const said = this.#unloadable;
    const reason = said === undefined ? error : new ModuleError(said, said.name === 'SyntaxError' ? place : undefined);
    const details = { exitCode: exitCode ?? undefined, signal: signal ?? undefined, error: reason };
    return { cause, error: moduleFailed(this.#options.name, cause, details) };
  }

  #failed(cause: FailureCause, error?: Error): ServiceError {
    return moduleFailed(this.#options.name, cause, { error });
  }

  #send(message: ToChild): void {
    this.#handle?.send(message);
  }
}

function ignore(): void {}
