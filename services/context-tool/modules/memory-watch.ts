/**
 * What a child process holds beyond what it held before its module was loaded.
 *
 * Private pages alone (`RssAnon`): the program text of Node that gets mapped in as it is used is nobody's budget. From
 * /proc/<pid>/status, which counts in kB; statm counts in pages, whose size Node does not tell. An open file names the
 * process itself, so that a number which the kernel gives away again is never asked.
 */
import { closeSync, openSync, readSync } from 'node:fs';

const BUFFER_BYTES = 4_096;
/** Sandboxes that imitate /proc may have the second alone. */
const HELD = /^RssAnon:\s+(\d+) kB/m;
const HELD_OR_MAPPED = /^VmRSS:\s+(\d+) kB/m;

export class MemoryWatch {
  readonly #file: number;
  readonly #buffer = Buffer.allocUnsafe(BUFFER_BYTES);
  readonly #baseBytes: number;

  private constructor(file: number) {
    this.#file = file;
    this.#baseBytes = this.#read() ?? 0;
  }

  /** From now on. @returns undefined where the kernel does not tell. */
  static open(procfs: string, pid: number): MemoryWatch | undefined {
    try {
      return new MemoryWatch(openSync(`${procfs}/${pid}/status`, 'r'));
    } catch {
      return undefined;
    }
  }

  /** In bytes; 0 once the process is gone. */
  get heldBytes(): number {
    return Math.max(0, (this.#read() ?? 0) - this.#baseBytes);
  }

  close(): void {
    closeSync(this.#file);
  }

  #read(): number | undefined {
    try {
      const length = readSync(this.#file, this.#buffer, 0, BUFFER_BYTES, 0);
      const text = this.#buffer.toString('latin1', 0, length);
      const kilobytes = (HELD.exec(text) ?? HELD_OR_MAPPED.exec(text))?.[1];
      return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
    } catch {
      return undefined;
    }
  }
}
