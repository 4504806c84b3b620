/**
 * The marker file: whose folder this is, and how far its database has got.
 *
 * Damage to the end of a write-ahead log is no error for SQLite: it opens as if the last commits had never been made.
 * A start that finds less than the marker says is refused.
 */
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Revision } from '../store.ts';

export interface Marker {
  readonly format: number;
  /** The database holds at least this revision; 0 before the first write. */
  readonly revision: Revision;
  /** What format 1 had instead: the size of an LMDB database. */
  readonly databaseBytes?: number;
}

export const MARKER = 'mcp2-store.json';
/** While it is being written. */
export const NEW_MARKER = `${MARKER}.new`;
/** Version of what the folder holds; a change that older code cannot read counts it up. 1 was LMDB. */
export const FORMAT = 2;

/** @returns undefined when it is not a marker. */
export function parseMarker(text: string): Marker | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null) return undefined;
    const { format, revision = 0, databaseBytes = 0 } = value as Partial<Marker>;
    if (![format, revision, databaseBytes].every(isCount)) return undefined;
    if (format === FORMAT && !('revision' in value)) return undefined;
    return { format: format as number, revision, databaseBytes };
  } catch {
    return undefined;
  }
}

/**
 * Replaces the marker; it is on the disk before the old one goes. On a full disk the old one stays, which is still true.
 *
 * @throws the file system's error; nothing of the new marker is left then.
 */
export function writeMarker(folder: string, revision: Revision): void {
  const path = join(folder, NEW_MARKER);
  try {
    const file = openSync(path, 'w', 0o600);
    try {
      writeSync(file, `${JSON.stringify({ format: FORMAT, revision } satisfies Marker)}\n`);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(path, join(folder, MARKER));
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  }
}

function isCount(value: unknown): boolean {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
