/**
 * This process's side of one child: hands it one request at a time, and ends it when it must.
 *
 * A child that was killed may have sent more than was read by then, so a run is over only when the channel is drained: else
 * a committed write would be reported as lost.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { endedWithParent } from '../../ended-with-parent.ts';
import type { ChildSettings, FromChild, SentError, SqliteRequest, ToChild } from './messages.ts';

export interface SqliteChildOptions extends ChildSettings {
  /** Path of util-linux' setpriv, where it works: then the kernel ends the child together with this process. */
  readonly setpriv: string | undefined;
}

export interface ChildAnswer {
  readonly value: unknown;
  readonly prepared: readonly string[];
}

/** The child ended before it answered. */
export class ChildEnded extends Error {
  /** A write may have been applied. */
  readonly wasCommitting: boolean;

  constructor(wasCommitting: boolean, detail: string) {
    super(`the process of the database ended: ${detail}`);
    this.name = 'ChildEnded';
    this.wasCommitting = wasCommitting;
  }
}

/** The child answered with an error. */
export class ChildFailed extends Error {
  readonly sent: SentError;

  constructor(sent: SentError) {
    super(sent.message);
    this.name = 'ChildFailed';
    this.sent = sent;
  }
}

interface Run {
  wasCommitting: boolean;
  readonly resolve: (answer: ChildAnswer) => void;
  readonly reject: (error: Error) => void;
}

/** Of what a child that crashes writes. */
const MAX_STDERR = 2_000;

export class SqliteChild {
  readonly #child: ChildProcess;
  readonly #ready = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<void>();
  #run: Run | undefined;
  #hasEnded = false;
  #exit = 'it could not be started';
  #stderr = '';

  constructor(options: SqliteChildOptions) {
    this.#child = start(options);
    // Who waits for it may have left.
    this.#ready.promise.catch(() => undefined);
    this.#child.on('message', (message: FromChild) => this.#receive(message));
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      this.#stderr = (this.#stderr + chunk.toString()).slice(-MAX_STDERR);
    });
    this.#child.on('error', (error) => {
      this.#exit = error.message;
      if (this.#child.pid === undefined) this.#end();
    });
    this.#child.on('exit', (code, signal) => {
      this.#exit = signal ?? `exit code ${code}`;
    });
    // After the exit, and after all that it had sent and written was read.
    this.#child.on('close', () => this.#end());
  }

  /** @throws ChildEnded */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** One at a time. @throws ChildFailed or ChildEnded */
  run(request: SqliteRequest): Promise<ChildAnswer> {
    if (this.#hasEnded) return Promise.reject(this.#toError());
    const { promise, resolve, reject } = Promise.withResolvers<ChildAnswer>();
    this.#run = { wasCommitting: false, resolve, reject };
    this.#post(request);
    return promise;
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  /** Closes its file in order. Resolves when it has ended. */
  async stop(): Promise<void> {
    // Not `disconnect()`: after it Node never says that the channel is drained.
    this.#post({ kind: 'stop' });
    await this.#ended.promise;
  }

  /** Resolves when it has ended. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  #post(message: ToChild): void {
    // When the channel is broken the end of the child follows.
    if (this.#child.connected) this.#child.send(message, () => undefined);
  }

  #receive(message: FromChild): void {
    if (message.kind === 'ready') {
      this.#ready.resolve();
      return;
    }
    const run = this.#run;
    if (run === undefined) return;
    if (message.kind === 'committing') {
      run.wasCommitting = true;
      return;
    }
    this.#run = undefined;
    if (message.kind === 'answer') run.resolve(message);
    else run.reject(new ChildFailed(message.error));
  }

  #end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    const error = this.#toError();
    this.#ready.reject(error);
    this.#run?.reject(error);
    this.#run = undefined;
    this.#ended.resolve();
  }

  #toError(): ChildEnded {
    const said = this.#stderr.trim();
    return new ChildEnded(this.#run?.wasCommitting ?? false, said === '' ? this.#exit : `${this.#exit}; ${said}`);
  }
}

/** Of JavaScript's values: rows pass one by one, and an answer is at most 4 MiB. */
const HEAP_MIB = 96;

function start({ file, access, setpriv }: SqliteChildOptions): ChildProcess {
  const entry = fileURLToPath(new URL(`./child/main${extname(import.meta.url)}`, import.meta.url));
  const settings: ChildSettings = { file, access };
  const node = [process.execPath, `--max-old-space-size=${HEAP_MIB}`, entry, JSON.stringify(settings)];
  const [command = process.execPath, ...args] = endedWithParent(node, setpriv);
  return spawn(command, args, { env: {}, serialization: 'advanced', stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
}
