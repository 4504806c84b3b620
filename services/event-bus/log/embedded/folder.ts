/** The folder of the embedded log: who may use it, and whether what lies in it is ours. */
import { randomBytes } from 'node:crypto';
import { accessSync, constants, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolder } from '#lib/make-folder.ts';
import { isBusy, isNoDatabase, messageOf } from '#lib/sqlite/errors.ts';
import { LOCK_FILE, LOCK_FILES, lockFolder } from '#lib/sqlite/folder-lock.ts';
import { inUse, LogFolderError, type LogPlace, newer, restore, unusable } from './errors.ts';
import { FORMAT, HEAD_FILE, type Head, NEW_HEAD_FILE, readHead, writeHead } from './head.ts';

export interface ClaimedFolder extends LogPlace {
  /** As the last process left it. */
  readonly head: Head;
  release(): void;
}

export const DATABASE_FILE = 'log.db';
/** What a start that was cut short may have made. */
const BEFORE_THE_HEAD: ReadonlySet<string> = new Set([...LOCK_FILES, NEW_HEAD_FILE, 'lost+found']);

/**
 * Makes the folder when it does not exist (mode 0700), and claims it until `release`.
 *
 * @throws LogFolderError
 */
export function claimFolder(folder: string): ClaimedFolder {
  const names = attempt(folder, () => {
    makeFolder(folder, 0o700);
    return readdirSync(folder);
  });
  refuseForeign(folder, names);
  const release = lock(folder);
  try {
    const head = knownHead(folder) ?? newHead(folder);
    const database = join(folder, DATABASE_FILE);
    checkDatabaseFile({ folder, database }, head);
    return { folder, database, head, release };
  } catch (error) {
    release();
    throw error;
  }
}

/** @throws LogFolderError. @returns what releases it. */
export function lock(folder: string): () => void {
  try {
    return lockFolder(folder);
  } catch (error) {
    if (isBusy(error)) throw new LogFolderError(inUse(folder), error, true);
    if (!isNoDatabase(error)) throw new LogFolderError(unusable(folder, messageOf(error)), error);
    throw new LogFolderError(`${join(folder, LOCK_FILE)} is damaged: delete that file and start again`, error);
  }
}

export function attempt<T>(folder: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (error instanceof LogFolderError) throw error;
    throw new LogFolderError(unusable(folder, messageOf(error)), error);
  }
}

function refuseForeign(folder: string, names: readonly string[]): void {
  if (names.includes(HEAD_FILE) || names.includes(DATABASE_FILE)) return;
  const foreign = names.find((name) => !BEFORE_THE_HEAD.has(name));
  if (foreign === undefined) return;
  throw new LogFolderError(
    `${folder} holds files that do not belong to an mcp2 event log (for example "${foreign}"): name another folder, or an empty one`,
  );
}

/** @returns undefined in a folder that is new. */
function knownHead(folder: string): Head | undefined {
  const names = attempt(folder, () => readdirSync(folder));
  const head = attempt(folder, () => readHead(folder));
  if (head === undefined) {
    if (!names.includes(HEAD_FILE) && !names.includes(DATABASE_FILE)) return undefined;
    const state = names.includes(HEAD_FILE) ? 'is damaged' : 'is missing';
    throw new LogFolderError(
      `${join(folder, HEAD_FILE)} ${state}, so that nobody can tell how many events the log had: ${restore()}`,
    );
  }
  if (head.format > FORMAT) {
    throw new LogFolderError(newer(folder, head.format));
  }
  return head;
}

/** Before the database, so that a start that is cut short leaves what the next one knows as ours. */
function newHead(folder: string): Head {
  const head = { epoch: randomBytes(8).toString('hex'), lastOffset: 0, isClean: true };
  attempt(folder, () => writeHead(folder, head));
  return { format: FORMAT, ...head };
}

/** SQLite would make a database that is missing, and open one that it may not write for reading alone. */
function checkDatabaseFile({ folder, database }: LogPlace, { lastOffset }: Head): void {
  const stats = attempt(folder, () => statSync(database, { throwIfNoEntry: false }));
  if (stats !== undefined && !stats.isFile()) {
    throw new LogFolderError(unusable(folder, `${DATABASE_FILE} is not a regular file`));
  }
  if ((stats === undefined || stats.size === 0) && lastOffset > 0) {
    const state = stats === undefined ? 'is missing' : 'is empty';
    throw new LogFolderError(`${database} ${state} (it had ${lastOffset} events): ${restore()}`);
  }
  if (stats !== undefined) attempt(folder, () => accessSync(database, constants.R_OK | constants.W_OK));
}
