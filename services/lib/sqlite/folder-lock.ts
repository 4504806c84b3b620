/**
 * One process at a time in a folder. Node has no flock, so the lock is an open transaction on an (empty) SQLite file. The
 * kernel drops it when the process ends in whatever way, and it works between containers that share a volume, where
 * process ids mean nothing.
 *
 * Once the folder's database is open nothing may open its files by itself: closing any descriptor of a file drops all
 * POSIX locks that the process has on it (https://www.sqlite.org/howtocorrupt.html, Section 2.2).
 */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

export const LOCK_FILE = 'in-use.sqlite';
/** What a start that was cut short may leave. */
export const LOCK_FILES: readonly string[] = [LOCK_FILE, `${LOCK_FILE}-journal`];

/** @returns what releases it. @throws SQLite's error: `isBusy` when another process has it, `isNoDatabase` for a damaged file. */
export function lockFolder(folder: string): () => void {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(join(folder, LOCK_FILE));
    // No journal file: it would take space, which a full disk has not.
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
    return () => database?.close();
  } catch (error) {
    database?.close();
    throw error;
  }
}
