/**
 * The log of the services of `mcp2 up`, in the state folder: the terminal stays for what a person has to know.
 *
 * Bounded: at 8 MiB the file becomes `<name>.1` and a new one begins, so a process that runs for weeks keeps 16 MiB.
 */
import { closeSync, fstatSync, openSync, renameSync, writeSync } from 'node:fs';
import { unusableState } from '../state/folder.ts';

export const MAX_LOG_BYTES = 8 * 1024 * 1024;

/** Lines before the file is opened; a start writes a few. */
const MAX_EARLY_LINES = 1_000;

/**
 * The log of a process that does not know yet whether the file is its own: lines wait until it is opened, and are dropped
 * when it never is, because the file is then that of the process which has the folder.
 */
export class LateLog {
  #file: LogFile | undefined;
  #early: string[] = [];

  /** @throws CommandFailed when the file cannot be written. */
  open(path: string): void {
    this.#file = new LogFile(path);
    for (const line of this.#early.splice(0)) this.#file.write(line);
  }

  write(line: string): void {
    if (this.#file !== undefined) this.#file.write(line);
    else if (this.#early.length < MAX_EARLY_LINES) this.#early.push(line);
  }

  close(): void {
    this.#file?.close();
  }
}

export class LogFile {
  readonly #path: string;
  readonly #maxBytes: number;
  #file: number;
  #bytes: number;
  #isClosed = false;

  /** Appends to what is there. @throws CommandFailed when the file cannot be written. */
  constructor(path: string, maxBytes = MAX_LOG_BYTES) {
    this.#path = path;
    this.#maxBytes = maxBytes;
    try {
      this.#file = openSync(path, 'a', 0o600);
      this.#bytes = fstatSync(this.#file).size;
    } catch (error) {
      throw unusableState(path, error);
    }
  }

  /** A full disk must not end the services: a line that cannot be written is lost. */
  write(line: string): void {
    if (this.#isClosed) return; // The number of the file may already be another file's.
    try {
      if (this.#bytes > this.#maxBytes) this.#rotate();
      this.#bytes += writeSync(this.#file, line);
    } catch {
      // There is nowhere left to say so.
    }
  }

  close(): void {
    this.#isClosed = true;
    closeSync(this.#file);
  }

  #rotate(): void {
    renameSync(this.#path, `${this.#path}.1`);
    closeSync(this.#file);
    this.#file = openSync(this.#path, 'a', 0o600);
    this.#bytes = 0;
  }
}
