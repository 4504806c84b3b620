/**
 * What a change does to the tables of the embedded store. Every function here runs inside `EmbeddedDatabase.change`:
 * it sees all earlier changes, and nobody sees a half of it.
 */

import {
  type Entry,
  LeaseGoneError,
  type Revision,
  type StoreEvent,
  type Transaction,
  type TransactionResult,
  type WriteOperation,
} from '../store.ts';
import { readState, type StoredEntry, type Tables } from './database.ts';
import { appendToLog, type LogBounds } from './log.ts';

/** @throws LeaseGoneError */
export function applyTransaction(tables: Tables, transaction: Transaction, bounds: LogBounds): TransactionResult {
  const { revision } = readState(tables);
  const { compares, writes, readOnFailure = [] } = transaction;
  if (!compares.every(({ key, modRevision }) => (tables.entries.get(key)?.modRevision ?? 0) === modRevision)) {
    const current = readOnFailure.flatMap((key) => readEntry(tables, key) ?? []);
    return { succeeded: false, revision, current: new Map(current.map((entry) => [entry.key, entry])) };
  }
  const leases = new Set(writes.flatMap((write) => (write.kind === 'put' ? (write.leaseId ?? []) : [])));
  for (const leaseId of leases) {
    if (!tables.leases.doesExist(leaseId)) throw new LeaseGoneError();
  }
  const events = writes.flatMap((write) => applyWrite(tables, write, revision + 1) ?? []);
  return { succeeded: true, revision: appendToLog(tables, events, bounds) };
}

export function addLease(tables: Tables, leaseId: string, ttlSeconds: number): void {
  void tables.leases.put(leaseId, ttlSeconds);
}

/** Removes the lease and what is bound to it. @returns whether any entry went. */
export function removeLease(tables: Tables, leaseId: string, bounds: LogBounds): boolean {
  if (!tables.leases.doesExist(leaseId)) return false;
  const next = readState(tables).revision + 1;
  // Keys are ASCII paths: all of them lie between "" and DEL.
  const bound = [...tables.leasedKeys.getKeys({ start: [leaseId, ''], end: [leaseId, '\x7f'] })];
  const events = bound.flatMap(([, key]) => applyWrite(tables, { kind: 'delete', key }, next) ?? []);
  void tables.leases.remove(leaseId);
  appendToLog(tables, events, bounds);
  return events.length > 0;
}

export function readEntry(tables: Tables, key: string): Entry | undefined {
  const stored = tables.entries.get(key);
  return stored && toEntry(key, stored);
}

export function toEntry(key: string, { value, modRevision, leaseId }: StoredEntry): Entry {
  return leaseId === undefined ? { key, value, modRevision } : { key, value, modRevision, leaseId };
}

/** @returns undefined when nothing changed: there was nothing to delete. */
function applyWrite(tables: Tables, write: WriteOperation, modRevision: Revision): StoreEvent | undefined {
  const { key } = write;
  const before = tables.entries.get(key);
  if (before?.leaseId !== undefined) void tables.leasedKeys.remove([before.leaseId, key]);
  if (write.kind === 'delete') {
    if (before === undefined) return undefined;
    void tables.entries.remove(key);
    return { kind: 'delete', key, modRevision };
  }
  const { value, leaseId } = write;
  const stored = leaseId === undefined ? { value, modRevision } : { value, modRevision, leaseId };
  if (leaseId !== undefined) void tables.leasedKeys.put([leaseId, key], true);
  void tables.entries.put(key, stored);
  return { kind: 'put', entry: toEntry(key, stored) };
}
