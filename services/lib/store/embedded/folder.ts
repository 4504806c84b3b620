/**
 * The folder of the embedded store: who may use it, and whether what lies in it is ours.
 *
 * LMDB itself asks none of this: it lets several processes open one folder, and it maps the file into memory without
 * checking it, so that a file that is no database, or half of one, ends the process with a segmentation fault.
 * Hence a marker file that says whose folder this is, and how large the database was (it never shrinks).
 *
 * One process at a time: Node has no flock, so the lock is an open transaction on an (empty) SQLite file. The
 * kernel drops it when the process ends in whatever way, and it works between containers that share a volume, where
 * process ids mean nothing.
 */
import {
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { makeFolder } from '#lib/make-folder.ts';
import { UserError } from '#lib/user-error.ts';

/** The folder cannot be used as a store; the message says why and what to do, for the person who starts the process. */
export class StoreFolderError extends UserError {
  /** True when only another process is in the way. */
  readonly isInUse: boolean;

  constructor(message: string, cause?: unknown, isInUse = false) {
    super(message, { cause });
    this.name = 'StoreFolderError';
    this.isInUse = isInUse;
  }
}

export interface ClaimedFolder {
  readonly path: string;
  /** Notes the size of the database, so that the next start can tell whether a part is missing. */
  recordSize(): void;
  release(): void;
}

const MARKER = 'mcp2-store.json';
const LOCK = 'in-use.sqlite';
const DATABASE = 'data.mdb';
/** LMDB's own. */
const READERS = 'lock.mdb';
/** Version of what the database holds; a change that older code cannot read counts it up. */
const FORMAT = 1;

/**
 * Makes the folder when it does not exist (mode 0700), and claims it until `release`.
 *
 * @throws StoreFolderError
 */
export function claimFolder(path: string): ClaimedFolder {
  const marker = prepare(path);
  const release = lock(path);
  try {
    checkDatabase(path, marker);
    const recordSize = () => writeMarker(path, databaseBytes(path) ?? 0);
    recordSize();
    return { path, recordSize, release };
  } catch (error) {
    release();
    throw error;
  }
}

interface Marker {
  readonly format: number;
  readonly databaseBytes: number;
}

/** @returns the marker, undefined in a folder that is new. */
function prepare(path: string): Marker | undefined {
  const names = attempt(path, () => {
    makeFolder(path, 0o700);
    return readdirSync(path);
  });
  if (names.includes(MARKER)) return readMarker(path);
  const foreign = names.find((name) => name !== LOCK && name !== `${MARKER}.new`);
  if (foreign === undefined) return undefined;
  throw new StoreFolderError(
    `${path} holds files that are no mcp2 store (for example "${foreign}"): name another folder, or an empty one`,
  );
}

function readMarker(path: string): Marker {
  const text = attempt(path, () => readFileSync(join(path, MARKER), 'utf8'));
  const marker = parseMarker(text);
  if (marker === undefined) {
    throw new StoreFolderError(`${join(path, MARKER)} is damaged: ${restoreOrMoveAway(path)}`);
  }
  if (marker.format > FORMAT) {
    throw new StoreFolderError(
      `${path} was written by a newer mcp2 (store format ${marker.format}, this one reads ${FORMAT}): start that version, or name another folder`,
    );
  }
  return marker;
}

function parseMarker(text: string): Marker | undefined {
  try {
    const { format, databaseBytes } = JSON.parse(text) as Partial<Marker>;
    return typeof format === 'number' && typeof databaseBytes === 'number' ? { format, databaseBytes } : undefined;
  } catch {
    return undefined;
  }
}

function writeMarker(path: string, databaseBytes: number): void {
  const temporary = join(path, `${MARKER}.new`);
  attempt(path, () => {
    writeFileSync(temporary, `${JSON.stringify({ format: FORMAT, databaseBytes } satisfies Marker)}\n`, {
      mode: 0o600,
    });
    renameSync(temporary, join(path, MARKER));
  });
}

function lock(path: string): () => void {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(join(path, LOCK));
    database.exec('BEGIN EXCLUSIVE');
    return () => database?.close();
  } catch (error) {
    database?.close();
    throw lockError(path, error);
  }
}

function lockError(path: string, error: unknown): StoreFolderError {
  // https://www.sqlite.org/rescode.html: the low byte is the primary result code.
  const code = Number((error as { errcode?: unknown }).errcode) & 0xff;
  if (code === SQLITE_BUSY) {
    return new StoreFolderError(
      `${path} is in use by another mcp2 process: stop that one, or name another folder for this one`,
      error,
      true,
    );
  }
  if (code === SQLITE_NOTADB) {
    return new StoreFolderError(`${join(path, LOCK)} is damaged: delete that file and start again`, error);
  }
  return unusable(path, error);
}
const SQLITE_BUSY = 5;
const SQLITE_NOTADB = 26;

function checkDatabase(path: string, marker: Marker | undefined): void {
  const bytes = databaseBytes(path);
  if (bytes === undefined || bytes === 0) {
    if (marker === undefined || marker.databaseBytes === 0) return;
    throw new StoreFolderError(`${join(path, DATABASE)} is missing: ${restoreOrMoveAway(path)}`);
  }
  if (bytes >= (marker?.databaseBytes ?? 0) && hasMagic(path)) return;
  throw new StoreFolderError(`${join(path, DATABASE)} is damaged or cut short: ${restoreOrMoveAway(path)}`);
}

function databaseBytes(path: string): number | undefined {
  const file = join(path, DATABASE);
  return attempt(path, () => {
    if (!existsSync(file)) return undefined;
    const { size } = statSync(file);
    closeSync(openSync(file, 'r+'));
    if (existsSync(join(path, READERS))) closeSync(openSync(join(path, READERS), 'r+'));
    return size;
  });
}

/** LMDB's first page: a header of 24 bytes (lmdb-js's layout), then the magic number 0xBEEFC0DE in machine order. */
function hasMagic(path: string): boolean {
  const head = Buffer.alloc(28);
  const file = openSync(join(path, DATABASE), 'r');
  try {
    readSync(file, head);
  } finally {
    closeSync(file);
  }
  return head.readUInt32LE(24) === 0xbeefc0de || head.readUInt32BE(24) === 0xbeefc0de;
}

function attempt<T>(path: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw unusable(path, error);
  }
}

function unusable(path: string, error: unknown): StoreFolderError {
  const why = error instanceof Error ? error.message : String(error);
  return new StoreFolderError(
    `${path} cannot be used as the folder of the store (${why}): make it a folder that this user can read and write, or name another one`,
    error,
  );
}

function restoreOrMoveAway(path: string): string {
  return `put a backup of ${path} in its place, or move it away to start empty (servers register again by themselves)`;
}
