/**
 * Starts, stops, kills, pauses and restarts a real process (etcd, kube-apiserver, one of our own services) that a
 * test needs, with its output in a file.
 *
 * A process leads a process group of its own, so that Ctrl-C does not reach it before the test has ended and a
 * signal reaches its children too. POSIX only. The guard (`process-guard.ts`) ends it when this process dies.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ProcessGuard, startGuard } from './process-guard.ts';

export interface ProcessOptions {
  /** Names the folder and the log file. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** Default: the environment of this process. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  /** Who runs it. Default: who runs the tests. */
  readonly user?: ProcessUser | undefined;
  /** Says whether the process serves. An error counts as "not yet". Default: it does as soon as it runs. */
  readonly ready?: () => Promise<boolean>;
  /** Default 60,000. */
  readonly readyTimeoutMs?: number;
}

export interface ProcessUser {
  readonly uid: number;
  readonly gid: number;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A folder for one process's files; removed when this process ends. */
export interface Workspace {
  readonly folder: string;
  readonly guard: ProcessGuard;
}

/** The folder that holds the workspaces of one test worker. */
export function workspacesFolder(): string {
  return join(tmpdir(), `mcp2-test-${process.pid}`);
}

export function createWorkspace(name: string): Workspace {
  const parent = workspacesFolder();
  // Processes that run as somebody else pass through it; what lies in it is 0700.
  mkdirSync(parent, { recursive: true, mode: 0o711 });
  const folder = mkdtempSync(join(parent, `${name}-`));
  return { folder, guard: startGuard(folder, parent) };
}

export class ManagedProcess implements AsyncDisposable {
  readonly name: string;
  readonly folder: string;
  readonly logFile: string;
  readonly #options: ProcessOptions;
  readonly #guard: ProcessGuard;
  #child: ChildProcess | undefined;
  #exited: Promise<Exit> = Promise.resolve({ code: null, signal: null });

  constructor(options: ProcessOptions, workspace = createWorkspace(options.name)) {
    this.name = options.name;
    this.folder = workspace.folder;
    this.logFile = join(workspace.folder, `${options.name}.log`);
    this.#options = options;
    this.#guard = workspace.guard;
  }

  /** Undefined while it does not run. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Settles when the running process ends, for whatever reason. */
  get exited(): Promise<Exit> {
    return this.#exited;
  }

  /** Starts it and waits until it is ready. @throws Error with the end of its log when it ends or is too slow. */
  async start(): Promise<void> {
    if (this.#child !== undefined) throw new Error(`${this.name} runs already`);
    this.#spawn();
    try {
      await this.#untilReady();
    } catch (error) {
      await this.kill();
      throw error;
    }
  }

  /** SIGTERM, and SIGKILL when it has not ended after `graceMs`. Does nothing when it does not run. */
  async stop(graceMs = 10_000): Promise<Exit> {
    const exited = this.#exited;
    this.#child?.ref();
    this.#signal('SIGTERM');
    // A paused process gets SIGTERM only when it goes on.
    this.#signal('SIGCONT');
    const timer = setTimeout(() => this.#signal('SIGKILL'), graceMs);
    try {
      return await exited;
    } finally {
      clearTimeout(timer);
    }
  }

  /** SIGKILL, as a crash. */
  async kill(): Promise<Exit> {
    const exited = this.#exited;
    this.#child?.ref();
    this.#signal('SIGKILL');
    return exited;
  }

  /** A signal that ends it, to itself and not to what it started. @returns how it ended. */
  async send(signal: NodeJS.Signals): Promise<Exit> {
    const exited = this.#exited;
    this.#child?.ref();
    if (this.pid !== undefined) process.kill(this.pid, signal);
    return exited;
  }

  /** SIGSTOP: it keeps its connections and answers nothing. */
  pause(): void {
    this.#signal('SIGSTOP');
  }

  resume(): void {
    this.#signal('SIGCONT');
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /** What it printed so far, over all its starts. */
  async log(): Promise<string> {
    return readFile(this.logFile, 'utf8').catch(() => '');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  #spawn(): void {
    const { command, args, env, cwd, user } = this.#options;
    // The process writes its file itself: a pipe to a test that is busy would block it.
    const log = openSync(this.logFile, 'a', 0o600);
    const stdio = ['ignore', log, log] as const;
    const child = spawn(command, args, { cwd, env: env ?? process.env, detached: true, stdio: [...stdio], ...user });
    closeSync(log);
    if (child.pid !== undefined) this.#guard.watch(child.pid);
    this.#child = child;
    this.#exited = new Promise((resolve, reject) => {
      const gone = () => {
        this.#guard.forget();
        if (this.#child === child) this.#child = undefined;
      };
      child.once('error', (error) => {
        gone();
        reject(new Error(`${this.name}: ${command} could not be started: ${error.message}`, { cause: error }));
      });
      child.once('exit', (code, signal) => {
        gone();
        resolve({ code, signal });
      });
    });
    this.#exited.catch(() => {});
    // A test that forgot to stop it still ends; stop() and kill() wait for it again.
    child.unref();
  }

  async #untilReady(): Promise<void> {
    const { ready, readyTimeoutMs = 60_000 } = this.#options;
    let exit: Exit | undefined;
    const ended = this.#exited.then((how) => {
      exit = how;
    });
    const deadlineMs = performance.now() + readyTimeoutMs;
    while (ready !== undefined && !(await Promise.race([ready().catch(() => false), ended.then(() => false)]))) {
      if (exit !== undefined)
        throw new Error(`${this.name} ended (${describe(exit)}) before it was ready. ${await this.#tail()}`);
      if (performance.now() > deadlineMs) {
        throw new Error(`${this.name} was not ready within ${readyTimeoutMs} ms. ${await this.#tail()}`);
      }
      await sleep(20);
    }
    // A command that does not exist is reported in the next turn of the event loop.
    if (ready === undefined) await Promise.race([ended, sleep(0)]);
  }

  #signal(signal: NodeJS.Signals): void {
    const pid = this.#child?.pid;
    if (pid === undefined) return;
    try {
      process.kill(-pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }

  async #tail(): Promise<string> {
    const lines = (await this.log()).trimEnd().split('\n');
    return `The end of its log:\n${lines.slice(-40).join('\n').slice(-8_000)}`;
  }
}

export async function startProcess(options: ProcessOptions): Promise<ManagedProcess> {
  const managed = new ManagedProcess(options);
  await managed.start();
  return managed;
}

function describe({ code, signal }: Exit): string {
  return signal ?? `exit code ${code}`;
}
