/**
 * The head: whose folder this is, and how far its log has got.
 *
 * Damage to the end of a write-ahead log is no error for SQLite: it opens as if the last commits had never been made. A
 * start that finds less than the head says is refused.
 */
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Offset } from '../event-log.ts';

export interface Head {
  readonly format: number;
  /** 16 hex digits. */
  readonly epoch: string;
  /** The log has at least this one; 0 before the first event. */
  readonly lastOffset: Offset;
  /** The process that wrote it has ended in order after it. */
  readonly isClean: boolean;
}

export const HEAD_FILE = 'head';
/** While it is being written. */
export const NEW_HEAD_FILE = `${HEAD_FILE}.new`;
/** Version of what the folder holds; a change that older code cannot read counts it up. */
export const FORMAT = 1;

const EPOCH = /^[0-9a-f]{16}$/;

/** @returns undefined when it is not a head. */
export function parseHead(text: string): Head | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null) return undefined;
    const { format, epoch, lastOffset, isClean } = value as Partial<Head>;
    if (!isCount(format) || format < 1) return undefined;
    // Of a newer one nothing else is known.
    if (format > FORMAT) return { format, epoch: '', lastOffset: 0, isClean: false };
    if (typeof epoch !== 'string' || !EPOCH.test(epoch)) return undefined;
    return isCount(lastOffset) ? { format, epoch, lastOffset, isClean: isClean === true } : undefined;
  } catch {
    return undefined;
  }
}

/** @returns undefined when there is none, or what is there is not a head. @throws the file system's error. */
export function readHead(folder: string): Head | undefined {
  try {
    return parseHead(readFileSync(join(folder, HEAD_FILE), 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * Replaces the head; the new one is on the disk before the old one goes. On a full disk the old one stays, which is still
 * true but for `isClean`.
 *
 * @throws the file system's error; nothing of the new head is left then.
 */
export function writeHead(folder: string, head: Omit<Head, 'format'>): void {
  const path = join(folder, NEW_HEAD_FILE);
  const { epoch, lastOffset, isClean } = head;
  try {
    const file = openSync(path, 'w', 0o600);
    try {
      writeSync(file, `${JSON.stringify({ format: FORMAT, epoch, lastOffset, isClean } satisfies Head)}\n`);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(path, join(folder, HEAD_FILE));
    syncFolder(folder);
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  }
}

/** So that the names in it are on the disk. */
export function syncFolder(folder: string): void {
  const handle = openSync(folder, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
