/**
 * One connection to the file, and the statements that it has compiled.
 *
 * It notices that its file is gone or another one: SQLite itself would go on in the file that no name leads to any more,
 * and whatever it wrote there would be lost.
 */
import { statSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import { ServiceError } from '#lib/errors.ts';
import type { Access } from '../messages.ts';
import { isAllowed, type Permission } from './authorizer.ts';
import { sqliteCode } from './failures.ts';

export interface ConnectionOptions {
  readonly file: string;
  readonly access: Access;
  readonly busyMs: number;
}

/** Of one value or row, so that a statement cannot take the machine's memory. */
export const MAX_VALUE_BYTES = 16 * 1024 * 1024;
/** More than a configuration has. */
const MAX_STATEMENTS = 500;

export class Connection {
  readonly sqlite: DatabaseSync;
  readonly #file: string;
  readonly #identity: string;
  readonly #statements = new Map<string, StatementSync>();
  #permission: Permission = 'own';
  #prepared: string[] = [];
  #busyMs: number;

  /** @throws ServiceError when there is no file, SQLite's error when it is no database or cannot be read. */
  constructor({ file, access, busyMs }: ConnectionOptions) {
    this.#file = file;
    this.#identity = requireIdentity(file);
    this.#busyMs = busyMs;
    this.sqlite = open(file, access, busyMs);
    try {
      this.sqlite.setAuthorizer((action, ...subject) => {
        const { SQLITE_DENY, SQLITE_OK } = AUTHORIZER_ANSWERS;
        return isAllowed(this.#permission, action, subject) ? SQLITE_OK : SQLITE_DENY;
      });
      // The first access: says whether this is a database.
      this.sqlite.prepare('SELECT count(*) FROM sqlite_schema').get();
      if (access === 'write') this.#prepareForWrites();
      if (identityOf(file) !== this.#identity) throw missing();
    } catch (error) {
      this.sqlite.close();
      throw error;
    }
  }

  /** False when the file was removed or replaced. */
  isCurrent(): boolean {
    return identityOf(this.#file) === this.#identity;
  }

  setBusyMs(busyMs: number): void {
    if (busyMs === this.#busyMs) return;
    this.sqlite.exec(`PRAGMA busy_timeout = ${Math.trunc(busyMs)}`);
    this.#busyMs = busyMs;
  }

  /** SQLite compiles again by itself when tables changed, so the permission holds while `work` runs, too. */
  as<T>(permission: Permission, work: () => T): T {
    const before = this.#permission;
    this.#permission = permission;
    try {
      return work();
    } finally {
      this.#permission = before;
    }
  }

  /** Compiled once. @throws SQLite's error */
  statement(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const statement = this.sqlite.prepare(sql);
    if (this.#statements.size >= MAX_STATEMENTS) this.#statements.clear();
    this.#statements.set(sql, statement);
    if (this.#permission !== 'own') this.#prepared.push(sql);
    return statement;
  }

  /** A statement that failed is compiled anew: node:sqlite would report its error again when it is used next. */
  use<T>(sql: string, work: (statement: StatementSync) => T): T {
    const statement = this.statement(sql);
    try {
      return work(statement);
    } catch (error) {
      this.#statements.delete(sql);
      throw error;
    }
  }

  /** Texts that were compiled since it was asked last. */
  takePrepared(): string[] {
    const taken = this.#prepared;
    this.#prepared = [];
    return taken;
  }

  close(): void {
    this.sqlite.close();
  }

  /** A database that others hold just now stays in the mode that it has. */
  #prepareForWrites(): void {
    try {
      this.sqlite.exec('PRAGMA busy_timeout = 200; PRAGMA journal_mode = WAL');
    } catch (error) {
      if (sqliteCode(error) !== 'SQLITE_BUSY') throw error;
    } finally {
      this.sqlite.exec(`PRAGMA busy_timeout = ${Math.trunc(this.#busyMs)}`);
    }
    this.sqlite.exec('PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 8388608');
  }
}

const AUTHORIZER_ANSWERS = { SQLITE_OK: 0, SQLITE_DENY: 1 } as const;

function open(file: string, access: Access, busyMs: number): DatabaseSync {
  const url = pathToFileURL(file);
  // Else SQLite makes a file that is missing.
  url.searchParams.set('mode', access === 'read' ? 'ro' : 'rw');
  const sqlite = new DatabaseSync(url, {
    readOnly: access === 'read',
    readBigInts: true,
    returnArrays: true,
    allowBareNamedParameters: false,
    allowExtension: false,
    defensive: true,
    timeout: busyMs,
    limits: { length: MAX_VALUE_BYTES, attach: 0, column: 2_000, functionArg: 100 },
  });
  sqlite.exec(`PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA query_only = ${access === 'read'}`);
  return sqlite;
}

function requireIdentity(file: string): string {
  const identity = identityOf(file);
  if (identity === undefined) throw missing();
  return identity;
}

function identityOf(file: string): string | undefined {
  const stats = statSync(file, { bigint: true, throwIfNoEntry: false });
  return stats?.isFile() ? `${stats.dev}:${stats.ino}` : undefined;
}

function missing(): ServiceError {
  return new ServiceError('BACKEND_UNAVAILABLE', 'the file of the database is not there');
}
