/**
 * What the embedded store keeps in SQLite: the entries, the log of changes that watches read, and the leases. Used by
 * the worker alone; everything here is synchronous.
 *
 * `synchronous=FULL` puts each commit on the disk before it returns. `locking_mode=EXCLUSIVE`, set before the first
 * access, also keeps the index of the write-ahead log in memory: as a mapped file it would end the process with SIGBUS
 * on a full disk. Entries have no rowid, so that the tree which is searched is the one whose rows carry checksums.
 */
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { DamagedError } from '#lib/sqlite/errors.ts';
import type { GroupDatabase } from '#lib/sqlite/group-commit.ts';
import { Statements } from '#lib/sqlite/statements.ts';
import type { Revision } from '../store.ts';
import {
  checksum,
  type EntryRow,
  entryChecksum,
  type LeaseRow,
  type LogRow,
  leaseChecksum,
  logChecksum,
  requireChecksum,
  requireEntry,
  requireLease,
  requireLog,
  SCHEMA,
  type StoredEntry,
  toStored,
} from './rows.ts';

export interface StoreState {
  /** Of the last change; 1 in a new store, as in etcd, so that a watch from the next one is always from 2 or more. */
  readonly revision: Revision;
  /** The log has everything after this one. */
  readonly compactedRevision: Revision;
  /** Size of the keys and values in the log. */
  readonly logBytes: number;
  /** Checksum of the log's last row, which the next row holds; 0 before the first. */
  readonly logChecksum: number;
  /** Entries and leases together. */
  readonly rows: number;
  /** Exclusive or of the checksums of all entries and leases: a row that is gone, or an older one, shows. */
  readonly digest: number;
}

const NEW_STORE: StoreState = Object.freeze({
  revision: 1,
  compactedRevision: 1,
  logBytes: 0,
  logChecksum: 0,
  rows: 0,
  digest: 0,
});

export class EmbeddedDatabase implements GroupDatabase {
  readonly #sqlite: DatabaseSync;
  readonly #statements: Statements;
  #state: StoreState = NEW_STORE;
  #saved: StoreState = NEW_STORE;
  #written: StoreState = NEW_STORE;

  /** @throws SQLite's error, or DamagedError. Nothing is written into a file that is not ours. */
  constructor(path: string) {
    this.#sqlite = new DatabaseSync(path);
    this.#statements = new Statements(this.#sqlite);
    try {
      this.#sqlite.exec(
        'PRAGMA locking_mode = EXCLUSIVE; PRAGMA mmap_size = 0; PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY; PRAGMA page_size = 8192; PRAGMA cache_size = -8192',
      );
      this.#prepare();
    } catch (error) {
      this.#sqlite.close();
      throw error;
    }
  }

  /** As of all changes so far, those of an open transaction included. */
  get state(): StoreState {
    return this.#state;
  }

  get isTransaction(): boolean {
    return this.#sqlite.isTransaction;
  }

  begin(): void {
    this.statement('BEGIN IMMEDIATE').run();
  }

  savepoint(): void {
    this.statement('SAVEPOINT one').run();
    this.#saved = this.#state;
  }

  releaseSavepoint(): void {
    this.statement('RELEASE one').run();
  }

  rollbackToSavepoint(): void {
    this.#state = this.#saved;
    this.statement('ROLLBACK TO one').run();
    this.releaseSavepoint();
  }

  /** When it throws, ask `isTransaction`. */
  commit(): void {
    if (this.#state !== this.#written) this.#writeState();
    this.statement('COMMIT').run();
    this.#written = this.#state;
  }

  /** Also to be called when SQLite has ended the transaction by itself. */
  rollback(): void {
    this.#state = this.#written;
    if (this.isTransaction) this.#sqlite.exec('ROLLBACK');
  }

  getEntry(key: string): StoredEntry | undefined {
    const row = this.#findEntry(key);
    return row && toStored(row);
  }

  /** In key order. The caller reads to the end or stops; no change may come in between. */
  *entriesBelow(prefix: string): Generator<EntryRow> {
    // Keys are ASCII: DEL sorts behind everything below the prefix.
    const rows = this.statement('SELECT * FROM entries WHERE key >= ? AND key < ? ORDER BY key').iterate(
      prefix,
      `${prefix}\x7f`,
    );
    for (const row of rows as Iterable<unknown> as Iterable<EntryRow>) yield requireEntry(row);
  }

  keysOfLease(leaseId: string): string[] {
    const rows = this.statement('SELECT key FROM entries WHERE lease = ? ORDER BY key').all(leaseId);
    return rows.map(({ key }) => String(key));
  }

  putEntry(key: string, { value, modRevision, leaseId }: StoredEntry): void {
    this.#forget(this.#findEntry(key));
    const crc = entryChecksum({ key, value, revision: modRevision, lease: leaseId ?? null });
    this.statement('INSERT OR REPLACE INTO entries (key, value, revision, lease, crc) VALUES (?, ?, ?, ?, ?)').run(
      key,
      value,
      modRevision,
      leaseId ?? null,
      crc,
    );
    this.#remember(crc);
  }

  /** @returns whether there was one. */
  deleteEntry(key: string): boolean {
    const row = this.#findEntry(key);
    if (row === undefined) return false;
    this.#forget(row);
    this.statement('DELETE FROM entries WHERE key = ?').run(key);
    return true;
  }

  hasLease(id: string): boolean {
    return this.#findLease(id) !== undefined;
  }

  leases(): LeaseRow[] {
    return (this.statement('SELECT * FROM leases').all() as unknown[] as LeaseRow[]).map(requireLease);
  }

  putLease(id: string, ttl: number): void {
    const crc = leaseChecksum({ id, ttl });
    this.statement('INSERT INTO leases (id, ttl, crc) VALUES (?, ?, ?)').run(id, ttl, crc);
    this.#remember(crc);
  }

  deleteLease(id: string): void {
    this.#forget(this.#findLease(id));
    this.statement('DELETE FROM leases WHERE id = ?').run(id);
  }

  /** In order. The caller reads to the end or stops; no change may come in between. */
  *logFrom(revision: Revision): Generator<LogRow> {
    const rows = this.statement('SELECT * FROM log WHERE revision >= ? ORDER BY revision').iterate(revision);
    for (const row of rows as Iterable<unknown> as Iterable<LogRow>) yield requireLog(row);
  }

  /** The row follows the state's last revision. */
  appendLog(row: Pick<LogRow, 'revision' | 'bytes' | 'events'>): void {
    const previous = this.#state.logChecksum;
    const crc = logChecksum({ ...row, previous });
    this.statement('INSERT INTO log (revision, previous, bytes, events, crc) VALUES (?, ?, ?, ?, ?)').run(
      row.revision,
      previous,
      row.bytes,
      row.events,
      crc,
    );
    const logBytes = this.#state.logBytes + row.bytes;
    this.#state = { ...this.#state, revision: row.revision, logBytes, logChecksum: crc };
  }

  /** The oldest row of the log. */
  dropLog(revision: Revision): void {
    const row = this.statement('DELETE FROM log WHERE revision = ? RETURNING bytes').get(revision);
    if (row === undefined) throw new DamagedError(`the log lacks revision ${revision}`);
    const logBytes = this.#state.logBytes - Number(row.bytes);
    this.#state = { ...this.#state, compactedRevision: revision, logBytes };
  }

  /** Everything moves from the write-ahead log into the database. A full disk may refuse, which loses nothing. */
  checkpoint(): void {
    this.#sqlite.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  }

  close(): void {
    this.#sqlite.close();
  }

  /** Statements are compiled once. */
  statement(sql: string): StatementSync {
    return this.#statements.get(sql);
  }

  #prepare(): void {
    const tables = this.statement('SELECT count(*) AS n FROM sqlite_schema').get();
    if (tables?.n === 0) this.#create();
    // A file whose header says "no write-ahead log" would be read without it.
    const mode = this.statement('PRAGMA journal_mode').get()?.journal_mode;
    if (mode !== 'wal') throw new DamagedError(`its header says journal mode "${mode}", not "wal" as written`);
    this.#sqlite.exec(
      'PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 1000; PRAGMA journal_size_limit = 8388608',
    );
    const found = this.statement('SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name').all();
    const wanted = [...SCHEMA];
    if (
      found
        .map(({ sql }) => String(sql))
        .sort()
        .join() !== wanted.sort().join()
    ) {
      throw new DamagedError('its tables are not those of the store');
    }
    this.#state = this.#written = this.#readState();
  }

  #create(): void {
    this.#sqlite.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; BEGIN IMMEDIATE');
    for (const sql of SCHEMA) this.#sqlite.exec(sql);
    this.#writeState();
    this.#sqlite.exec('COMMIT');
  }

  #readState(): StoreState {
    const row = this.statement('SELECT * FROM state WHERE id = 1').get();
    if (row === undefined) throw new DamagedError('the row of its state is missing');
    const [revision, compactedRevision, logBytes, logChecksum, rows, digest] = [
      Number(row.revision),
      Number(row.compacted),
      Number(row.log_bytes),
      Number(row.log_crc),
      Number(row.row_count),
      Number(row.digest),
    ];
    const state = { revision, compactedRevision, logBytes, logChecksum, rows, digest };
    requireChecksum('the row of its state', Number(row.crc), checksum(...Object.values(state)));
    return state;
  }

  #writeState(): void {
    const { revision, compactedRevision, logBytes, logChecksum, rows, digest } = this.#state;
    const members = [revision, compactedRevision, logBytes, logChecksum, rows, digest];
    this.statement('INSERT OR REPLACE INTO state VALUES (1, ?, ?, ?, ?, ?, ?, ?)').run(
      ...members,
      checksum(...members),
    );
  }

  #findEntry(key: string): EntryRow | undefined {
    const row = this.statement('SELECT * FROM entries WHERE key = ?').get(key);
    return row && requireEntry(row as unknown as EntryRow);
  }

  #findLease(id: string): LeaseRow | undefined {
    const row = this.statement('SELECT * FROM leases WHERE id = ?').get(id);
    return row && requireLease(row as unknown as LeaseRow);
  }

  #remember(crc: number): void {
    const { rows, digest } = this.#state;
    this.#state = { ...this.#state, rows: rows + 1, digest: (digest ^ crc) >>> 0 };
  }

  #forget(row: { readonly crc: number } | undefined): void {
    if (row === undefined) return;
    const { rows, digest } = this.#state;
    this.#state = { ...this.#state, rows: rows - 1, digest: (digest ^ row.crc) >>> 0 };
  }
}
