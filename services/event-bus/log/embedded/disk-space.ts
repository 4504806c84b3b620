/**
 * Space on the disk of the log. A full disk would stop the cure too, since removing rows needs the write-ahead log: below
 * a reserve nothing is published, while removals, settlements and positions go on.
 */
import { statfsSync } from 'node:fs';

const MAX_RESERVE_BYTES = 64 * 1024 * 1024;
const RESERVE_SHARE = 0.02;
/** A row is written into the write-ahead log, into the table and into an index. */
const WRITTEN_PER_BYTE = 3;

export interface DiskSpace {
  readonly freeBytes: number;
  readonly reserveBytes: number;
}

/** @param reserveBytes Default: 64 MiB or 2 % of the disk, whichever is less. @throws the file system's error. */
export function readDiskSpace(folder: string, reserveBytes: number | undefined): DiskSpace {
  const { bavail, blocks, bsize } = statfsSync(folder);
  const reserve = Math.min(MAX_RESERVE_BYTES, blocks * bsize * RESERVE_SHARE);
  return { freeBytes: bavail * bsize, reserveBytes: reserveBytes ?? reserve };
}

/** @param bytes What is about to be published. */
export function isFullFor({ freeBytes, reserveBytes }: DiskSpace, bytes: number): boolean {
  return freeBytes - bytes * WRITTEN_PER_BYTE < reserveBytes;
}
