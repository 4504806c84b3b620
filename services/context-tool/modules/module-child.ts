/**
 * One child process with one module in it, as its parent sees it: started, loaded, then one call at a time until something
 * ends it. Whatever that is, it ends one call at most, and says why.
 *
 * A call that ran too long, holds too much or is not wanted any more ends with the process (SIGKILL): nothing else stops
 * JavaScript that does not return. The caller's promise does not wait for that.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { realpathSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Clock } from '#lib/clock.ts';
import type { ServiceError } from '#lib/errors.ts';
import type { Call, JsonObject, ToolAnswer } from '#sdk/server/declaration.ts';
import { MAX_ANSWER_BYTES } from './child/encode-answer.ts';
import { childCommand } from './command.ts';
import { answerTooLarge, type FailureCause, ModuleError, moduleFailed, moduleTimeout } from './failures.ts';
import { MemoryWatch } from './memory-watch.ts';
import type { Failure, FromChild, SentError, ToChild } from './messages.ts';
import type { ModuleLines } from './module-lines.ts';
import type { ProcessLimits } from './process-limits.ts';

export interface ChildOptions {
  /** For people: "pricing.mjs". */
  readonly name: string;
  readonly file: string;
  readonly memoryBytes: number;
  readonly native: boolean;
  readonly limits: ProcessLimits;
  readonly clock: Clock;
  readonly lines: ModuleLines;
  /** From the start of the process to a loaded module. */
  readonly loadTimeoutMs: number;
  /** How long a cancelled call may take to end by itself. */
  readonly graceMs: number;
  /** It can take a call: the module is loaded, or a call ended. */
  readonly onIdle: (child: ModuleChild) => void;
  /** The process is gone. Called once. */
  readonly onEnd: (child: ModuleChild, end: ChildEnd) => void;
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

/** Between the end of a process and of its pipes: what it said last still counts. */
const LAST_WORDS_MS = 500;
/** Above everything else of the container: when memory ends, the kernel takes a child and not the server. */
const OOM_SCORE = '1000';
/** V8's and Node's last line when the heap is full; the signal alone does not tell it from `process.abort()`. */
const PLACE_IN_FILE = /^file:\/\/\S*\/([^/\s]+:\d+)$/;
const OUT_OF_MEMORY = /^(?:FATAL ERROR|# Fatal).*(?:out of memory|allocation failed)/i;

interface Running {
  readonly id: number;
  readonly call: Call;
  readonly resolve: (answer: ToolAnswer) => void;
  readonly reject: (error: unknown) => void;
  /** Stops what watches the call. */
  readonly finished: AbortController;
  readonly onAbort: () => void;
}

export class ModuleChild {
  readonly #options: ChildOptions;
  readonly #loading = new AbortController();
  #process: ChildProcess | undefined;
  #memory: MemoryWatch | undefined;
  #exports: readonly string[] | undefined;
  #running: Running | undefined;
  #nextId = 1;
  /** Why we end it, once that is decided. */
  #fate: { readonly cause: EndCause; readonly error: ServiceError } | undefined;
  #wasTold = false;
  #sawOutOfMemory = false;
  /** "pricing.mjs:3", of a mistake of syntax. */
  #place: string | undefined;
  #unloadable: SentError | undefined;
  #isOver = false;
  /** Monotonic. */
  idleSinceMs = 0;

  constructor(options: ChildOptions) {
    this.#options = options;
    try {
      this.#start(realpathSync(options.file));
    } catch (error) {
      this.#fate = { cause: 'load', error: this.#failed('load', error as Error) };
      queueMicrotask(() => this.#over(null, null));
    }
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** Names of the functions that the module exports; undefined until it is loaded. */
  get exports(): readonly string[] | undefined {
    return this.#exports;
  }

  /** False from the moment on at which its end is known, which is before the process is gone. */
  get isUsable(): boolean {
    return this.#fate === undefined && this.#process?.exitCode === null && this.#process.signalCode === null;
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
    const overrun = () => this.#kill('timeout', moduleTimeout(this.#options.name, timeoutMs));
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
    if (this.#memory !== undefined && this.#memory.heldBytes > memoryBytes)
      this.#kill('memory', this.#failed('memory'));
  }

  /** @param error For the call that runs, if one does. */
  end(cause: 'idle' | 'replaced', error: ServiceError = this.#failed('exit')): void {
    this.#kill(cause, error);
  }

  #start(file: string): void {
    const { command, args } = childCommand({ ...this.#options, file });
    const child = spawn(command, args, {
      cwd: dirname(file),
      env: {},
      // A session of its own: Ctrl-C goes to the server, which then ends its children in order.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      serialization: 'advanced',
    });
    this.#process = child;
    child.on('message', (message) => this.#hear(message as FromChild, file));
    child.on('error', (error) => this.#fail('load', error));
    child.on('disconnect', () => this.#disconnected());
    child.on('exit', (code, signal) => this.#exited(code, signal));
    this.#follow(child);
    this.#limitLoading();
    if (child.pid === undefined) child.once('error', () => this.#over(null, null));
    else this.#offerToKernel(child.pid);
  }

  #follow({ stdout, stderr }: ChildProcess): void {
    const { lines } = this.#options;
    if (stdout !== null) lines.follow(stdout, 'info');
    if (stderr === null) return;
    lines.follow(stderr, 'warn', (text) => {
      this.#sawOutOfMemory ||= OUT_OF_MEMORY.test(text);
      if (this.#exports === undefined) this.#place ??= PLACE_IN_FILE.exec(text)?.[1];
    });
  }

  #limitLoading(): void {
    const { clock, loadTimeoutMs } = this.#options;
    const error = new Error(`it was not loaded within ${loadTimeoutMs / 1000} s`);
    clock.sleep(loadTimeoutMs, this.#loading.signal).then(() => this.#fail('load', error), ignore);
  }

  #offerToKernel(pid: number): void {
    const { procfs } = this.#options.limits;
    if (procfs === undefined) return;
    try {
      writeFileSync(`${procfs}/${pid}/oom_score_adj`, OOM_SCORE);
    } catch {
      // It has ended already, or a sandbox has no such file: the kernel then chooses by size.
    }
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
    const { lines, limits, onIdle } = this.#options;
    if (message.kind === 'log') {
      const isOfRunning = message.id !== undefined && message.id === this.#running?.id;
      lines.write(message, isOfRunning ? this.#running?.call.log : undefined);
    } else if (message.kind === 'ready') {
      const { pid } = this;
      if (limits.procfs !== undefined && pid !== undefined) this.#memory = MemoryWatch.open(limits.procfs, pid);
      this.#send({ kind: 'load', url: pathToFileURL(file).href });
    } else if (message.kind === 'loaded') {
      this.#loading.abort();
      this.#exports = message.exports;
      onIdle(this);
    } else if (message.kind === 'unloadable') {
      this.#endsUnloaded(message.error);
    } else if (message.kind === 'dying') {
      this.#fail(message.cause, new ModuleError(message.error));
    } else {
      this.#settle(message);
    }
  }

  /** It ends by itself, and says first where a mistake of syntax stands. */
  #endsUnloaded(error: SentError): void {
    this.#unloadable = error;
    this.#options.clock.sleep(LAST_WORDS_MS, this.#loading.signal).then(() => this.#process?.kill('SIGKILL'), ignore);
  }

  #settle(message: Extract<FromChild, { kind: 'answer' | 'failed' }>): void {
    this.#options.lines.dropped(message.dropped);
    const running = this.#running;
    if (running === undefined || message.id !== running.id) return;
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
    return this.#failed(failure.cause, new ModuleError(failure.error satisfies SentError));
  }

  /** Nobody waits for the answer: the module may end by itself, so that the child can be used again. */
  #cancel(running: Running): void {
    running.reject(running.call.signal.reason);
    this.#wasTold = true;
    this.#send({ kind: 'abort', id: running.id });
    const { clock, graceMs } = this.#options;
    const error = this.#failed('exit');
    clock.sleep(graceMs, running.finished.signal).then(() => this.#kill('cancelled', error), ignore);
  }

  #release({ finished, call, onAbort }: Running): void {
    this.#running = undefined;
    finished.abort();
    call.signal.removeEventListener('abort', onAbort);
  }

  #fail(cause: FailureCause, error: Error): void {
    this.#kill(cause, this.#failed(cause, error));
  }

  /** The first cause stays. */
  #kill(cause: EndCause, error: ServiceError): void {
    if (this.#fate !== undefined) return;
    this.#fate = { cause, error };
    this.#tell(error);
    this.#process?.kill('SIGKILL');
  }

  #tell(error: ServiceError): void {
    const running = this.#running;
    if (running === undefined) return;
    this.#release(running);
    this.#wasTold = true;
    running.reject(error);
  }

  /** The module closed the channel; a process that has ended says so by itself. */
  #disconnected(): void {
    const { exitCode = null, signalCode = null } = this.#process ?? {};
    if (exitCode !== null || signalCode !== null) return;
    const { clock } = this.#options;
    const error = new Error('the channel to its process was closed');
    clock.sleep(LAST_WORDS_MS).then(() => this.#fail('crash', error), ignore);
  }

  #exited(code: number | null, signal: string | null): void {
    this.#memory?.close();
    this.#memory = undefined;
    const over = () => this.#over(code, signal);
    this.#process?.once('close', over);
    this.#options.clock.sleep(LAST_WORDS_MS).then(over, ignore);
  }

  #over(code: number | null, signal: string | null): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#loading.abort();
    this.#fate ??= this.#fateOf(code, signal);
    const { cause, error } = this.#fate;
    this.#tell(error);
    this.#options.onEnd(this, { cause, error, wasTold: this.#wasTold, exitCode: code, signal });
  }

  /** It ended by itself. */
  #fateOf(exitCode: number | null, signal: string | null): { cause: FailureCause; error: ServiceError } {
    if (this.#unloadable !== undefined) {
      const error = new ModuleError(
        this.#unloadable,
        this.#unloadable.name === 'SyntaxError' ? this.#place : undefined,
      );
      return { cause: 'load', error: this.#failed('load', error) };
    }
    const own = exitCode === null ? 'crash' : 'exit';
    const cause = this.#exports === undefined ? 'load' : this.#sawOutOfMemory ? 'memory' : own;
    const details = { exitCode: exitCode ?? undefined, signal: signal ?? undefined };
    return { cause, error: moduleFailed(this.#options.name, cause, details) };
  }

  #failed(cause: FailureCause, error?: Error): ServiceError {
    return moduleFailed(this.#options.name, cause, { error });
  }

  #send(message: ToChild): void {
    // What cannot be sent goes to a process that is gone, and its end is told by the process.
    this.#process?.send(message, ignore);
  }
}

function ignore(): void {}
