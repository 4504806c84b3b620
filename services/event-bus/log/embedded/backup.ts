/**
 * Backups of the embedded log, as the commands `mcp2 bus backup`, `restore` and `accept-loss` make and use them.
 *
 * A backup is one SQLite file without a write-ahead log. The row of its state says which epoch and how many events it has,
 * so that it needs no head beside it.
 */
import {
  closeSync,
  copyFileSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { backup, DatabaseSync } from 'node:sqlite';
import { makeFolder } from '#lib/make-folder.ts';
import { DamagedError, messageOf } from '#lib/sqlite/errors.ts';
import { UserError } from '#lib/user-error.ts';
import type { Offset } from '../event-log.ts';
import { LogFolderError, newer, unusable } from './errors.ts';
import { attempt, DATABASE_FILE, lock } from './folder.ts';
import { FORMAT, HEAD_FILE, readHead, syncFolder } from './head.ts';
import { LogConnection } from './log-connection.ts';
import { LogState } from './log-state.ts';
import { beginEpoch } from './new-epoch.ts';

export interface BackupOptions {
  /** Of a log, which may be in use. */
  readonly folder: string;
  /** Must not exist. */
  readonly file: string;
  /** How much is copied, from 0 to 1. */
  readonly onProgress?: (share: number) => void;
  readonly signal?: AbortSignal;
}

export interface BackupContent {
  /** 16 hex digits. */
  readonly epoch: string;
  readonly lastOffset: Offset;
  readonly events: number;
}

export interface RestoreOptions {
  readonly folder: string;
  readonly file: string;
  /** What is in the folder is moved aside. Default false: then a folder that holds a log is refused. */
  readonly force?: boolean;
}

export interface Restored {
  readonly events: number;
  readonly lastOffset: Offset;
  /** Where the log of before is now. */
  readonly movedTo: string | undefined;
}

export interface AcceptedLoss {
  /** Acknowledged events that are gone; undefined: the head does not say. */
  readonly lost: number | undefined;
  readonly events: number;
  readonly lastOffset: Offset;
}

/** Pages copied in one go; the thread pool does it, and the abort signal is looked at in between. */
const COPIED_PAGES = 2_000;

/**
 * Copies the log as it is at the start of the copy, while the bus goes on. The write-ahead log cannot shrink meanwhile.
 *
 * @throws UserError, LogFolderError, the signal's reason
 */
export async function backupLog({ folder, file, onProgress, signal }: BackupOptions): Promise<BackupContent> {
  if (existsSync(file)) throw new UserError(`${file} exists: name a file that does not, or remove it first`);
  const database = join(folder, DATABASE_FILE);
  if (!existsSync(database)) throw new LogFolderError(`${folder} holds no event log: name the folder of the bus' log`);
  const unfinished = `${file}.unfinished`;
  rmSync(unfinished, { force: true });
  try {
    await copyDatabase(database, unfinished, (share) => {
      signal?.throwIfAborted();
      onProgress?.(share);
    });
    const content = finishCopy(unfinished);
    renameSync(unfinished, file);
    onProgress?.(1);
    syncFolder(dirname(file));
    return content;
  } catch (error) {
    rmSync(unfinished, { force: true });
    if (error instanceof UserError || signal?.aborted === true) throw error;
    throw new UserError(`the log in ${folder} could not be copied to ${file} (${messageOf(error)})`, { cause: error });
  }
}

/** @throws UserError when the file is no sound backup. */
export function checkBackup(file: string): BackupContent {
  let connection: LogConnection | undefined;
  try {
    if (!existsSync(file)) throw new UserError(`${file} does not exist: name a file that "mcp2 bus backup" has made`);
    connection = LogConnection.openReader(file);
    const damage = connection.get<{ integrity_check: string }>('PRAGMA integrity_check(1)')?.integrity_check;
    if (damage !== 'ok') throw new DamagedError(String(damage).split('\n').at(-1) ?? '');
    return contentOf(connection);
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`${file} is no sound backup of an event log (${messageOf(error)}): use another one`, {
      cause: error,
    });
  } finally {
    connection?.close();
  }
}

/** Puts a backup in the place of a log that is not in use, under a new epoch. @throws UserError, LogFolderError */
export function restoreLog({ folder, file, force = false }: RestoreOptions): Restored {
  checkBackup(file);
  attempt(folder, () => makeFolder(folder, 0o700));
  const release = lock(folder);
  try {
    const names = attempt(folder, () => readdirSync(folder)).filter((name) => isOfLog(name));
    if (names.length > 0 && !force) {
      throw new LogFolderError(`${folder} holds a log already: name another folder, or have what is in it moved aside`);
    }
    const movedTo = names.length === 0 ? undefined : moveAside(folder, names);
    return { ...attempt(folder, () => putInPlace(folder, file)), movedTo };
  } finally {
    release();
  }
}

/**
 * Goes on with what is left of a log, under a new epoch.
 *
 * @throws LogFolderError when it is in use, or its structure is damaged so that nothing can be kept
 */
export function acceptLoss({ folder }: { readonly folder: string }): AcceptedLoss {
  const database = join(folder, DATABASE_FILE);
  if (!existsSync(database)) throw new LogFolderError(`${database} does not exist: there is no log to go on with`);
  const release = lock(folder);
  let connection: LogConnection | undefined;
  try {
    const head = readHead(folder);
    if (head !== undefined && head.format > FORMAT) throw new LogFolderError(newer(folder, head.format));
    connection = LogConnection.openWriter(database, () => {
      throw new DamagedError('it is empty');
    });
    const damage = connection.findDamage();
    if (damage !== undefined) throw new DamagedError(damage);
    const known = connection.number('SELECT coalesce(max(offset), 0) FROM events');
    const recorded = connection.get<{ last_offset: number }>('SELECT last_offset FROM meta')?.last_offset ?? 0;
    const lost = head && Math.max(0, head.lastOffset - Math.max(known, recorded));
    const content = beginEpoch(connection, folder, head?.lastOffset ?? 0);
    return { lost, ...content };
  } catch (error) {
    if (error instanceof UserError) throw error;
    if (error instanceof DamagedError) throw new LogFolderError(beyondRepair(folder, error), error);
    throw new LogFolderError(unusable(folder, messageOf(error)), error);
  } finally {
    connection?.close();
    release();
  }
}

async function copyDatabase(from: string, to: string, onProgress: (share: number) => void): Promise<void> {
  const source = new DatabaseSync(from, { readOnly: true });
  try {
    // With a snapshot of its own: without it every commit of the bus would make the copy begin anew.
    source.exec('BEGIN');
    source.prepare('SELECT last_offset FROM meta').get();
    onProgress(0);
    await backup(source, to, {
      rate: COPIED_PAGES,
      progress: ({ totalPages, remainingPages }) => onProgress(1 - remainingPages / totalPages),
    });
  } finally {
    source.close();
  }
}

/** One file, on the disk. @throws DamagedError */
function finishCopy(file: string): BackupContent {
  const copy = new DatabaseSync(file);
  copy.exec('PRAGMA journal_mode = DELETE');
  copy.close();
  syncFile(file);
  return checkBackup(file);
}

function contentOf(connection: LogConnection): BackupContent {
  const { epoch, figures } = new LogState(connection);
  return { epoch: Buffer.from(epoch).toString('hex'), lastOffset: figures.lastOffset, events: figures.events };
}

function putInPlace(folder: string, file: string): Omit<Restored, 'movedTo'> {
  const database = join(folder, DATABASE_FILE);
  copyFileSync(file, database);
  syncFile(database);
  const copy = new DatabaseSync(database);
  copy.exec('PRAGMA journal_mode = WAL');
  copy.close();
  const connection = LogConnection.openWriter(database, () => undefined);
  try {
    return beginEpoch(connection, folder, 0);
  } finally {
    connection.close();
  }
}

function moveAside(folder: string, names: readonly string[]): string {
  let number = 1;
  while (existsSync(join(folder, `before-restore-${number}`))) number += 1;
  const target = join(folder, `before-restore-${number}`);
  attempt(folder, () => {
    mkdirSync(target, { mode: 0o700 });
    for (const name of names) renameSync(join(folder, name), join(target, name));
    syncFolder(folder);
  });
  return target;
}

function isOfLog(name: string): boolean {
  return name === HEAD_FILE || name.startsWith(DATABASE_FILE);
}

function syncFile(path: string): void {
  const handle = openSync(path, 'r+');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

function beyondRepair(folder: string, error: DamagedError): string {
  return `the structure of the log in ${folder} is damaged (${error.message}), so that nothing of it can be used: put a backup in its place with "mcp2 bus restore", or move it away to start empty`;
}
