/**
 * A process for one tool module, without what is said over its channel: started with its limits, its output followed, and its
 * end told once, after everything that it said before.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { dirname, parse } from 'node:path';
import type { Clock } from '#lib/clock.ts';
import { type CommandOptions, childCommand } from './command.ts';
import { MemoryWatch } from './memory-watch.ts';
import type { FromChild, ToChild } from './messages.ts';
import type { ModuleLines } from './module-lines.ts';

export interface ProcessOptions extends CommandOptions {
  readonly clock: Clock;
  readonly lines: ModuleLines;
  readonly onMessage: (message: FromChild) => void;
  /** Called once. */
  readonly onEnd: (end: ProcessEnd) => void;
}

export interface ProcessEnd {
  readonly exitCode: number | null;
  readonly signal: string | null;
  /** V8 or Node said so at its end. */
  readonly ranOutOfMemory: boolean;
  /** "pricing.mjs:3": what Node prints first for a mistake of syntax. */
  readonly place: string | undefined;
  /** It did not start, or its channel was closed. */
  readonly error: Error | undefined;
}

/** Between the end of a process and of its pipes: what it said last still counts. */
export const LAST_WORDS_MS = 500;
/** Above everything else of the container: when memory ends, the kernel takes a child and not the server. */
const OOM_SCORE = '1000';
/** The last line when the heap is full; the signal alone does not tell it from `process.abort()`. */
const OUT_OF_MEMORY = /^(?:FATAL ERROR|# Fatal).*(?:out of memory|allocation failed)/i;
const PLACE_IN_FILE = /^file:\/\/\S*\/([^/\s]+:\d+)$/;

export class ModuleProcess {
  readonly #options: ProcessOptions;
  readonly #child: ChildProcess;
  #memory: MemoryWatch | undefined;
  #ranOutOfMemory = false;
  #place: string | undefined;
  #error: Error | undefined;
  #isOver = false;

  /** What does not start ends, as `onEnd` tells. */
  constructor(options: ProcessOptions) {
    this.#options = options;
    const { command, args } = childCommand(options);
    this.#child = spawn(command, args, {
      cwd: existingFolder(dirname(options.file)),
      env: {},
      // A session of its own: Ctrl-C goes to the server, which then ends its children in order.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      serialization: 'advanced',
    });
    this.#child.on('message', (message) => options.onMessage(message as FromChild));
    this.#child.on('error', (error) => this.#failed(error));
    this.#child.on('disconnect', () => this.#disconnected());
    this.#child.on('exit', () => this.#exited());
    this.#follow();
    this.#offerToKernel();
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null && this.#error === undefined;
  }

  /** Beyond what it held when `watchMemory` was called; 0 where the kernel does not tell. */
  get heldBytes(): number {
    return this.#memory?.heldBytes ?? 0;
  }

  watchMemory(): void {
    const { procfs } = this.#options.limits;
    const { pid } = this.#child;
    if (procfs !== undefined && pid !== undefined) this.#memory ??= MemoryWatch.open(procfs, pid);
  }

  /** What cannot be sent goes to a process that is gone, and its end is told anyway. */
  send(message: ToChild): void {
    this.#child.send(message, ignore);
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  #follow(): void {
    const { lines } = this.#options;
    const { stdout, stderr } = this.#child;
    if (stdout !== null) lines.follow(stdout, 'info');
    if (stderr === null) return;
    lines.follow(stderr, 'warn', (text) => {
      this.#ranOutOfMemory ||= OUT_OF_MEMORY.test(text);
      this.#place ??= PLACE_IN_FILE.exec(text)?.[1];
    });
  }

  #offerToKernel(): void {
    const { procfs } = this.#options.limits;
    if (procfs === undefined || this.#child.pid === undefined) return;
    try {
      writeFileSync(`${procfs}/${this.#child.pid}/oom_score_adj`, OOM_SCORE);
    } catch {
      // It has ended already, or a sandbox has no such file: the kernel then chooses by size.
    }
  }

  #failed(error: Error): void {
    this.#error ??= error;
    if (this.#child.pid === undefined) this.#over();
    else this.kill();
  }

  /** The module closed the channel, or the process has ended, which then says so by itself. */
  #disconnected(): void {
    const closed = () => {
      if (this.isRunning) this.#failed(new Error('the channel to the process was closed'));
    };
    this.#options.clock.sleep(LAST_WORDS_MS).then(closed, ignore);
  }

  #exited(): void {
    this.#memory?.close();
    this.#memory = undefined;
    const over = () => this.#over();
    this.#child.once('close', over);
    this.#options.clock.sleep(LAST_WORDS_MS).then(over, ignore);
  }

  #over(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const { exitCode, signalCode: signal } = this.#child;
    const [ranOutOfMemory, place, error] = [this.#ranOutOfMemory, this.#place, this.#error];
    this.#options.onEnd({ exitCode, signal, ranOutOfMemory, place, error });
  }
}

/** The folder may be gone, as that of a mounted ConfigMap is after its swap; the files of the module are still known. */
function existingFolder(folder: string): string {
  return existsSync(folder) ? folder : parse(folder).root;
}

function ignore(): void {}
