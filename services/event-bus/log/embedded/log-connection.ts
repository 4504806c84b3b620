/**
 * A connection to the database of the embedded log, for the one thread that made it.
 *
 * `synchronous=FULL` puts each commit on the disk before it returns. `mmap_size=0`: a mapped file would end the process
 * with SIGBUS where the disk is full or damaged. `cell_size_check`: broken pages are found before they are used.
 */
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { DamagedError } from '#lib/sqlite/errors.ts';
import { Statements } from '#lib/sqlite/statements.ts';
import { SCHEMA } from './schema.ts';

const SAFE =
  'PRAGMA mmap_size = 0; PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF';
/** The writer's; in KiB, negative as SQLite wants it. */
const WRITER_CACHE = -32_768;
const READER_CACHE = -16_384;
/** Of the write-ahead log: when it is copied into the database, in pages, and to what it is cut, in bytes. */
const CHECKPOINT_PAGES = 2_000;
const WAL_KEPT_BYTES = 16 * 1024 * 1024;

export class LogConnection {
  readonly #sqlite: DatabaseSync;
  readonly #statements: Statements;

  private constructor(sqlite: DatabaseSync) {
    this.#sqlite = sqlite;
    this.#statements = new Statements(sqlite);
  }

  /** Makes the tables in a file that is new. @throws SQLite's error, or DamagedError. Nothing is written into a file that is not ours. */
  static openWriter(path: string, fill: (connection: LogConnection) => void): LogConnection {
    return LogConnection.#open(new DatabaseSync(path), (connection) => {
      connection.exec(`${SAFE}; PRAGMA cache_size = ${WRITER_CACHE}; PRAGMA busy_timeout = 5000`);
      if (connection.number('SELECT count(*) FROM sqlite_schema') === 0) connection.#create(fill);
      // A file whose header says "no write-ahead log" would be read without it.
      connection.#requireWal();
      connection.exec(
        `PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}; PRAGMA journal_size_limit = ${WAL_KEPT_BYTES}`,
      );
      connection.requireSchema();
    });
  }

  /** @throws SQLite's error, or DamagedError */
  static openReader(path: string): LogConnection {
    return LogConnection.#open(new DatabaseSync(path, { readOnly: true }), (connection) => {
      connection.exec(
        `${SAFE}; PRAGMA cache_size = ${READER_CACHE}; PRAGMA query_only = ON; PRAGMA busy_timeout = 5000`,
      );
      connection.requireSchema();
    });
  }

  static #open(sqlite: DatabaseSync, prepare: (connection: LogConnection) => void): LogConnection {
    const connection = new LogConnection(sqlite);
    try {
      prepare(connection);
      return connection;
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  get isTransaction(): boolean {
    return this.#sqlite.isTransaction;
  }

  exec(sql: string): void {
    this.#sqlite.exec(sql);
  }

  /** Statements are compiled once. */
  statement(sql: string): StatementSync {
    return this.#statements.get(sql);
  }

  all<Row>(sql: string, ...values: readonly (string | number | Uint8Array)[]): Row[] {
    return this.statement(sql).all(...values) as unknown as Row[];
  }

  get<Row>(sql: string, ...values: readonly (string | number | Uint8Array)[]): Row | undefined {
    return this.statement(sql).get(...values) as unknown as Row | undefined;
  }

  run(sql: string, ...values: readonly (string | number | Uint8Array)[]): number {
    return Number(this.statement(sql).run(...values).changes);
  }

  /** The first column of the first row. @throws DamagedError when it is no number. */
  number(sql: string, ...values: readonly (string | number)[]): number {
    const value = Object.values(this.statement(sql).get(...values) ?? {})[0];
    if (typeof value !== 'number') throw new DamagedError(`"${sql}" gave ${value}`);
    return value;
  }

  /** A flipped byte in the schema could give the tables another meaning. @throws DamagedError */
  requireSchema(): void {
    const found = this.all<{ sql: string }>('SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL');
    const texts = found.map(({ sql }) => String(sql)).sort();
    if (texts.join() !== [...SCHEMA].sort().join()) throw new DamagedError('its tables are not those of the event log');
  }

  /** Looks at the structure of the whole database, not at its indexes. @returns what is wrong; undefined when nothing is. */
  findDamage(): string | undefined {
    const result = this.get<{ quick_check: string }>('PRAGMA quick_check(1)')?.quick_check;
    // Before the line with the page and the cell comes one with the name of the database.
    return result === 'ok' ? undefined : (String(result).split('\n').at(-1) ?? '');
  }

  close(): void {
    this.#sqlite.close();
  }

  #create(fill: (connection: LogConnection) => void): void {
    // Both count only before the first table.
    this.exec(
      'PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; BEGIN IMMEDIATE',
    );
    for (const sql of SCHEMA) this.exec(sql);
    fill(this);
    this.exec('COMMIT');
  }

  #requireWal(): void {
    const mode = this.get<{ journal_mode: string }>('PRAGMA journal_mode')?.journal_mode;
    if (mode !== 'wal') throw new DamagedError(`its header says journal mode "${mode}", not "wal" as written`);
  }
}
