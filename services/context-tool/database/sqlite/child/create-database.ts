/**
 * Makes a database from its init scripts, all in one transaction, in a file of another name that gets its own when it is
 * complete: a half-made database never stands under the name, whatever ends the process.
 */
import { randomUUID } from 'node:crypto';
import { closeSync, fsyncSync, linkSync, openSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { ForeignFileError, readForeignFileSync } from '#lib/foreign-file.ts';
import type { CreateRequest, InitProblem } from '../messages.ts';
import { isAllowed } from './authorizer.ts';
import { messageOf, sqliteCode } from './failures.ts';

/** Of one script. */
const MAX_SCRIPT_BYTES = 64 * 1024 * 1024;
/** What a process that was killed left behind is taken away after this; no creation takes so long. */
const STALE_MS = 3_600_000;

/** @returns what is wrong with a script. @throws SQLite's error or the file system's when the machine is in the way */
export function createDatabase(file: string, { init, nowMs }: CreateRequest): InitProblem | undefined {
  removeStale(file, nowMs);
  const next = `${file}${MARK}${randomUUID()}`;
  try {
    closeSync(openSync(next, 'wx', 0o600));
    const problem = fill(next, init);
    if (problem !== undefined) return problem;
    publish(next, file);
    return undefined;
  } finally {
    for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(`${next}${suffix}`, { force: true });
  }
}

const MARK = '.new-';

function fill(file: string, init: readonly string[]): InitProblem | undefined {
  const sqlite = new DatabaseSync(file, { allowExtension: false, defensive: true });
  try {
    let isOurs = true;
    sqlite.setAuthorizer((action, ...subject) => (isAllowed(isOurs ? 'own' : 'init', action, subject) ? 0 : 1));
    sqlite.exec('BEGIN IMMEDIATE');
    isOurs = false;
    for (const script of init) {
      const problem = runScript(sqlite, script);
      if (problem !== undefined) return problem;
    }
    isOurs = true;
    sqlite.exec('COMMIT; PRAGMA journal_mode = WAL');
    return undefined;
  } finally {
    sqlite.close();
  }
}

function runScript(sqlite: DatabaseSync, script: string): InitProblem | undefined {
  const text = readScript(script);
  if (typeof text !== 'string') return text;
  let offset = 0;
  try {
    for (;;) {
      const rest = text.slice(offset);
      if (isBlank(rest)) return undefined;
      const statement = sqlite.prepare(rest);
      const { length } = statement.sourceSQL;
      // Rows that a SELECT gives are of no use here.
      for (const _row of statement.iterate());
      offset += length;
    }
  } catch (error) {
    if (isBlankError(error)) return undefined;
    return explain(error, { file: script, text, offset });
  }
}

function readScript(script: string): string | InitProblem {
  try {
    return readForeignFileSync(script, { maxBytes: MAX_SCRIPT_BYTES })
      .toString()
      .replace(/^\ufeff/, '');
  } catch (error) {
    if (!(error instanceof ForeignFileError)) throw error;
    return { file: script, line: 1, column: 1, message: `the file cannot be read: ${error.message}` };
  }
}

function isBlank(text: string): boolean {
  return text.trim() === '';
}

/** What node:sqlite says of comments alone. */
function isBlankError(error: unknown): boolean {
  return (error as { code?: unknown } | null)?.code === 'ERR_INVALID_ARG_VALUE';
}

/** @throws the error when it says nothing about the script */
function explain(error: unknown, { file, text, offset }: { file: string; text: string; offset: number }): InitProblem {
  const code = sqliteCode(error);
  if (code === undefined || !/^SQLITE_(?:ERROR|CONSTRAINT|MISMATCH|TOOBIG|AUTH|RANGE)/.test(code)) throw error;
  const leading = /^(?:\s|--[^\n]*(?:\n|$)|\/\*.*?\*\/|;)*/s.exec(text.slice(offset))?.[0].length ?? 0;
  const before = text.slice(0, offset + leading);
  const place = { line: before.split('\n').length, column: [...before.slice(before.lastIndexOf('\n') + 1)].length + 1 };
  const message =
    code === 'SQLITE_AUTH'
      ? 'the scripts run in one transaction and in one file: take BEGIN, COMMIT, SAVEPOINT and ATTACH out'
      : `the statement that begins here was refused: ${messageOf(error)}`;
  return { file, ...place, message };
}

/** Never over a file that another process has made meanwhile: theirs is as complete as ours. */
function publish(next: string, file: string): void {
  try {
    linkSync(next, file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return;
    // A file system without links: then the last look is all there is.
    if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'ENOSYS') throw error;
    if (statSync(file, { throwIfNoEntry: false }) === undefined) renameSync(next, file);
  }
  syncFolder(dirname(file));
}

function syncFolder(path: string): void {
  const folder = openSync(path, 'r');
  try {
    fsyncSync(folder);
  } catch {
    // Not every file system can be asked; the content is whole in either case.
  } finally {
    closeSync(folder);
  }
}

function removeStale(file: string, nowMs: number): void {
  const folder = dirname(file);
  for (const name of readdirSync(folder)) {
    if (!name.startsWith(`${basename(file)}${MARK}`)) continue;
    const path = join(folder, name);
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats !== undefined && nowMs - stats.mtimeMs > STALE_MS) rmSync(path, { force: true });
  }
}
