/** What SQLite's errors mean, by its result codes: https://www.sqlite.org/rescode.html. */

/** What was read is not what was written; the message names the place, with figures. */
export class DamagedError extends Error {
  constructor(detail: string) {
    super(detail);
    this.name = 'DamagedError';
  }
}

const SQLITE_BUSY = 5;
const SQLITE_CORRUPT = 11;
const SQLITE_FULL = 13;
const SQLITE_NOTADB = 26;
/** PERM, NOMEM, READONLY, IOERR, FULL, CANTOPEN: what the machine refuses; anything else at a start is in the file. */
const FROM_THE_MACHINE: ReadonlySet<number | undefined> = new Set([3, 7, 8, 10, SQLITE_FULL, 14]);

/** The primary result code (the low byte) of an error of SQLite; undefined for any other error. */
export function sqliteCode(error: unknown): number | undefined {
  const code = (error as { errcode?: unknown } | null)?.errcode;
  return typeof code === 'number' ? code & 0xff : undefined;
}

/** True when the machine refuses, and the file may be as it should. */
export function isFromTheMachine(error: unknown): boolean {
  return FROM_THE_MACHINE.has(sqliteCode(error));
}

export function isBusy(error: unknown): boolean {
  return sqliteCode(error) === SQLITE_BUSY;
}

export function isFull(error: unknown): boolean {
  return sqliteCode(error) === SQLITE_FULL;
}

export function isNoDatabase(error: unknown): boolean {
  return sqliteCode(error) === SQLITE_NOTADB;
}

export function isDamage(error: unknown): boolean {
  if (error instanceof DamagedError || sqliteCode(error) === SQLITE_CORRUPT || isNoDatabase(error)) return true;
  // An integer that nobody has written: node:sqlite refuses those above 2^53.
  return (error as { code?: unknown } | null)?.code === 'ERR_OUT_OF_RANGE';
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
