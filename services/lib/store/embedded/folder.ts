/**
 * The folder of the embedded store: who may use it, and whether what lies in it is ours.
 *
 * One process at a time: the database has an exclusive lock of its own; the folder's is held also while no worker runs,
 * and by `mcp2 up --etcd`, which has no database.
 */
import { accessSync, constants, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolder } from '#lib/make-folder.ts';
import { isBusy, isNoDatabase, messageOf } from '#lib/sqlite/errors.ts';
import { LOCK_FILE, LOCK_FILES, lockFolder } from '#lib/sqlite/folder-lock.ts';
import { inUse, restoreOrMoveAway, StoreFolderError, type StorePlace, unusable } from './errors.ts';
import { FORMAT, MARKER, type Marker, NEW_MARKER, parseMarker, writeMarker } from './marker.ts';

export interface ClaimedFolder extends StorePlace {
  release(): void;
}

const DATABASE = 'store.sqlite';
/** What a start that was cut short may have made. */
const OURS_BEFORE_THE_MARKER: ReadonlySet<string> = new Set([...LOCK_FILES, NEW_MARKER]);
/** What the store before SQLite left behind. */
const LMDB_FILES = ['data.mdb', 'lock.mdb'];

/**
 * Makes the folder when it does not exist (mode 0700), and claims it until `release`.
 *
 * @throws StoreFolderError
 */
export function claimFolder(folder: string): ClaimedFolder {
  const marker = prepare(folder);
  const release = lock(folder);
  try {
    // On a full disk a store that is there opens all the same: then nothing is written here.
    if (marker?.format !== FORMAT) attempt(folder, () => writeMarker(folder, 0));
    const database = join(folder, DATABASE);
    checkDatabase({ folder, database }, marker?.revision ?? 0);
    return { folder, database, release };
  } catch (error) {
    release();
    throw error;
  }
}

/** What the marker says now: a worker that starts again must not find less. @throws StoreFolderError */
export function readMarker(folder: string): Marker {
  const marker = parseMarker(attempt(folder, () => readFileSync(join(folder, MARKER), 'utf8')));
  if (marker !== undefined) return marker;
  throw new StoreFolderError(`${join(folder, MARKER)} is damaged: ${restoreOrMoveAway(folder)}`);
}

/** @returns the marker, undefined in a folder that is new. */
function prepare(folder: string): Marker | undefined {
  const names = attempt(folder, () => {
    makeFolder(folder, 0o700);
    return readdirSync(folder);
  });
  if (names.includes(MARKER)) return readKnownMarker(folder, names);
  const foreign = names.find((name) => !OURS_BEFORE_THE_MARKER.has(name));
  if (foreign === undefined) return undefined;
  throw new StoreFolderError(
    `${folder} holds files that do not belong to an mcp2 store (for example "${foreign}"): name another folder, or an empty one`,
  );
}

function readKnownMarker(folder: string, names: readonly string[]): Marker {
  const marker = readMarker(folder);
  if (marker.format > FORMAT) {
    throw new StoreFolderError(
      `${folder} was written by a newer mcp2 (store format ${marker.format}, this one reads ${FORMAT}): start that version, or name another folder`,
    );
  }
  const left = LMDB_FILES.find((name) => names.includes(name));
  // `mcp2 up --etcd` of that time made a folder with a marker and no database.
  if (marker.format === FORMAT || (left === undefined && marker.databaseBytes === 0)) return marker;
  throw new StoreFolderError(
    `${folder} holds a store of an earlier mcp2 (${left ?? LMDB_FILES[0]}, made by LMDB), which this version cannot read: remove the folder (servers register again by themselves), or name another one`,
  );
}

function lock(folder: string): () => void {
  try {
    return lockFolder(folder);
  } catch (error) {
    throw lockError(folder, error);
  }
}

function lockError(folder: string, error: unknown): StoreFolderError {
  if (isBusy(error)) return new StoreFolderError(inUse(folder), error, true);
  if (!isNoDatabase(error)) return new StoreFolderError(unusable(folder, messageOf(error)), error);
  return new StoreFolderError(`${join(folder, LOCK_FILE)} is damaged: delete that file and start again`, error);
}

/** SQLite would make a database that is missing, and open one that it may not write for reading alone. */
function checkDatabase({ folder, database }: StorePlace, wanted: number): void {
  const stats = attempt(folder, () => statSync(database, { throwIfNoEntry: false }));
  if (stats !== undefined && !stats.isFile()) {
    throw new StoreFolderError(unusable(folder, `${DATABASE} is not a regular file`));
  }
  if ((stats === undefined || stats.size === 0) && wanted > 0) {
    const state = stats === undefined ? 'is missing' : 'is empty';
    throw new StoreFolderError(`${database} ${state} (revision ${wanted} was written): ${restoreOrMoveAway(folder)}`);
  }
  if (stats !== undefined) attempt(folder, () => accessSync(database, constants.R_OK | constants.W_OK));
}

function attempt<T>(folder: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw new StoreFolderError(unusable(folder, messageOf(error)), error);
  }
}
