/**
 * The tables of the embedded store, row by row, each with its CRC-32: a flipped byte inside a value is no error for
 * SQLite, whose own check (`quick_check`) looks at the structure alone.
 */
import { crc32 } from 'node:zlib';
import { DamagedError } from '#lib/sqlite/errors.ts';
import type { Revision } from '../store.ts';

export interface StoredEntry {
  readonly value: string;
  readonly modRevision: Revision;
  readonly leaseId?: string;
}

/** As the tables hold them. */
export interface EntryRow {
  readonly key: string;
  readonly value: string;
  readonly revision: Revision;
  readonly lease: string | null;
  readonly crc: number;
}

export interface LogRow {
  readonly revision: Revision;
  /** Checksum of the row before. */
  readonly previous: number;
  /** Size of the keys and values. */
  readonly bytes: number;
  /** JSON of StoreEvent[]. */
  readonly events: string;
  readonly crc: number;
}

export interface LeaseRow {
  readonly id: string;
  readonly ttl: number;
  readonly crc: number;
}

/** Compared with what the file says: a flipped byte in it could give the tables another meaning. */
export const SCHEMA: readonly string[] = [
  'CREATE TABLE entries (key TEXT PRIMARY KEY, value TEXT NOT NULL, revision INTEGER NOT NULL, lease TEXT, crc INTEGER NOT NULL) STRICT, WITHOUT ROWID',
  'CREATE INDEX entries_by_lease ON entries (lease, key) WHERE lease IS NOT NULL',
  'CREATE TABLE leases (id TEXT PRIMARY KEY, ttl INTEGER NOT NULL, crc INTEGER NOT NULL) STRICT, WITHOUT ROWID',
  'CREATE TABLE log (revision INTEGER PRIMARY KEY, previous INTEGER NOT NULL, bytes INTEGER NOT NULL, events TEXT NOT NULL, crc INTEGER NOT NULL) STRICT',
  'CREATE TABLE state (id INTEGER PRIMARY KEY, revision INTEGER NOT NULL, compacted INTEGER NOT NULL, log_bytes INTEGER NOT NULL, log_crc INTEGER NOT NULL, row_count INTEGER NOT NULL, digest INTEGER NOT NULL, crc INTEGER NOT NULL) STRICT',
];

/** Of the members in this order. None but the last may contain a NUL, which keys, numbers and lease ids never do. */
export function checksum(...members: readonly (string | number)[]): number {
  return crc32(members.join('\0'));
}

/** @throws DamagedError */
export function requireChecksum(what: string, stored: number, found: number): void {
  if (stored !== found) throw new DamagedError(`${what} has the checksum ${found}, not ${stored} as written`);
}

export function toStored({ value, revision, lease }: Omit<EntryRow, 'key' | 'crc'>): StoredEntry {
  return lease === null ? { value, modRevision: revision } : { value, modRevision: revision, leaseId: lease };
}

export function requireEntry(row: EntryRow): EntryRow {
  requireChecksum(`the entry ${JSON.stringify(row.key)}`, row.crc, entryChecksum(row));
  return row;
}

export function requireLease(row: LeaseRow): LeaseRow {
  requireChecksum(`the lease ${JSON.stringify(row.id)}`, row.crc, leaseChecksum(row));
  return row;
}

export function requireLog(row: LogRow): LogRow {
  requireChecksum(`revision ${row.revision} of the log`, row.crc, logChecksum(row));
  return row;
}

export function entryChecksum({ key, revision, lease, value }: Omit<EntryRow, 'crc'>): number {
  return checksum(key, revision, lease ?? '', value);
}

export function leaseChecksum({ id, ttl }: Omit<LeaseRow, 'crc'>): number {
  return checksum(id, ttl);
}

export function logChecksum({ revision, previous, bytes, events }: Omit<LogRow, 'crc'>): number {
  return checksum(revision, previous, bytes, events);
}
