/**
 * A file that takes a little space as long as there is plenty, and gives it back when the log is opened on a disk that is
 * full to the last byte: SQLite needs room for the index of its write-ahead log before it can even read.
 */
import { closeSync, fsyncSync, openSync, rmSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { readDiskSpace } from './disk-space.ts';

export const SPARE_FILE = 'spare';
const SPARE_BYTES = 1024 * 1024;

/** Before the log is opened. */
export function releaseSpare(folder: string): void {
  if (readDiskSpace(folder, undefined).freeBytes < SPARE_BYTES) rmSync(join(folder, SPARE_FILE), { force: true });
}

/** While there is space; harmless when it is there already. A disk that refuses is asked again with the next call. */
export function keepSpare(folder: string, freeBytes: number): void {
  const path = join(folder, SPARE_FILE);
  if (freeBytes < 4 * SPARE_BYTES || statSync(path, { throwIfNoEntry: false })?.size === SPARE_BYTES) return;
  try {
    const file = openSync(path, 'w', 0o600);
    try {
      writeSync(file, Buffer.alloc(SPARE_BYTES));
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
  } catch {
    rmSync(path, { force: true });
  }
}
