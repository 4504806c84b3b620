/**
 * A disk that can be filled and freed: a small tmpfs, mounted for one test and unmounted at its end. Mounting needs
 * root, which CI has; without it the test fails, because a test that is left out shows nothing.
 */
import { execFileSync } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, rmdirSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The ballast is written in these steps; the last one is a page of tmpfs, so that not a byte stays free. */
const STEPS: readonly number[] = [256 * 1024, 4096];

export class SmallDisk implements Disposable {
  readonly path: string;
  readonly #ballast: string;

  /** @throws what `mount` says. */
  constructor(bytes: number) {
    this.path = mkdtempSync(join(tmpdir(), 'mcp2-small-disk-'));
    this.#ballast = join(this.path, 'ballast');
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes},mode=0700`, 'mcp2-test', this.path]);
  }

  get isFull(): boolean {
    return existsSync(this.#ballast);
  }

  /** Takes all the space that is left. */
  fill(): void {
    const file = openSync(this.#ballast, 'a');
    try {
      for (const step of STEPS) writeUntilFull(file, step);
    } finally {
      closeSync(file);
    }
  }

  /** Gives it back. */
  free(): void {
    rmSync(this.#ballast, { force: true });
  }

  [Symbol.dispose](): void {
    execFileSync('umount', ['--lazy', this.path]);
    rmdirSync(this.path);
  }
}

function writeUntilFull(file: number, step: number): void {
  const block = Buffer.alloc(step);
  try {
    for (;;) if (writeSync(file, block) < step) return;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  }
}
