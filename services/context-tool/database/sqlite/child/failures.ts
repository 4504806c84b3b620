/**
 * What an error of SQLite means for the caller. Its text never reaches one; its code does, as metadata `sqlite_code`.
 *
 * BACKEND_REFUSED: the statement with these values will not do. BACKEND_UNAVAILABLE: the file, the disk or another process
 * is in the way (a full disk, too: nothing was written, and it may be free again), so that it may work later or elsewhere.
 */
import { ServiceError } from '#lib/errors.ts';
import type { SentError } from '../messages.ts';

/** Primary result codes, https://www.sqlite.org/rescode.html. */
const CODES: readonly string[] = [
  'OK ERROR INTERNAL PERM ABORT BUSY LOCKED NOMEM READONLY INTERRUPT IOERR CORRUPT NOTFOUND FULL CANTOPEN PROTOCOL',
  'EMPTY SCHEMA TOOBIG CONSTRAINT MISMATCH MISUSE NOLFS AUTH FORMAT RANGE NOTADB',
]
  .join(' ')
  .split(' ');

/** SQLITE_CONSTRAINT | n << 8: what a caller can do something about. */
const CONSTRAINTS: readonly string[] =
  ' CHECK COMMITHOOK FOREIGNKEY FUNCTION NOTNULL PRIMARYKEY TRIGGER UNIQUE VTAB ROWID PINNED DATATYPE'.split(' ');

/** In words for the caller. What is not here is a refusal. */
const UNAVAILABLE: Readonly<Record<string, string>> = Object.freeze({
  PERM: 'the database may not be used',
  BUSY: 'another process holds the database; try again',
  LOCKED: 'another process holds the database; try again',
  NOMEM: 'the database has no memory left',
  READONLY: 'the database cannot be written',
  IOERR: 'the database could not use its disk; nothing was written',
  CORRUPT: 'the database is damaged',
  NOTADB: 'the database is damaged',
  FULL: 'the disk of the database is full; nothing was written',
  CANTOPEN: 'the database cannot be opened',
  PROTOCOL: 'another process holds the database; try again',
  SCHEMA: 'the tables were changed meanwhile; try again',
});

/** "SQLITE_BUSY", "SQLITE_CONSTRAINT_UNIQUE"; undefined for what is no error of SQLite. */
export function sqliteCode(error: unknown): string | undefined {
  const code = (error as { errcode?: unknown } | null)?.errcode;
  if (typeof code !== 'number') return undefined;
  const name = CODES[code & 0xff] ?? String(code);
  const constraint = name === 'CONSTRAINT' ? CONSTRAINTS[code >> 8] : undefined;
  return `SQLITE_${name}${constraint ? `_${constraint}` : ''}`;
}

/** @throws `error` itself when it is neither an outcome of a call nor SQLite's: a mistake of ours ends the child. */
export function toSent(error: unknown): SentError {
  if (error instanceof ServiceError) {
    const { reason, message, metadata } = error;
    return { reason, message, metadata };
  }
  const code = sqliteCode(error);
  if (code === undefined) throw error;
  const base = { metadata: { sqlite_code: code }, detail: messageOf(error) };
  if (code === 'SQLITE_TOOBIG')
    return { reason: 'LIMIT_EXCEEDED', message: 'a value or row is larger than 16 MiB', ...base };
  const unavailable = UNAVAILABLE[code.slice('SQLITE_'.length)];
  if (unavailable !== undefined) return { reason: 'BACKEND_UNAVAILABLE', message: unavailable, ...base };
  return { reason: 'BACKEND_REFUSED', message: 'the database refused the statement; nothing was changed', ...base };
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
