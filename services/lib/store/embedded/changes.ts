/**
 * What a change does to the tables of the embedded store. Every function here runs inside a transaction of the worker:
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
import type { EmbeddedDatabase } from './database.ts';
import { appendToLog } from './log.ts';
import type { StoredEntry } from './rows.ts';

/** @throws LeaseGoneError */
export function applyTransaction(database: EmbeddedDatabase, transaction: Transaction): TransactionResult {
  const { revision } = database.state;
  const { compares, writes, readOnFailure = [] } = transaction;
  if (!compares.every(({ key, modRevision }) => (database.getEntry(key)?.modRevision ?? 0) === modRevision)) {
    const current = readOnFailure.flatMap((key) => readEntry(database, key) ?? []);
    return { succeeded: false, revision, current: new Map(current.map((entry) => [entry.key, entry])) };
  }
  const leases = new Set(writes.flatMap((write) => (write.kind === 'put' ? (write.leaseId ?? []) : [])));
  for (const leaseId of leases) {
    if (!database.hasLease(leaseId)) throw new LeaseGoneError();
  }
  const events = writes.flatMap((write) => applyWrite(database, write, revision + 1) ?? []);
  return { succeeded: true, revision: appendToLog(database, events) };
}

/** Removes the lease and what is bound to it. @returns whether any entry went. */
export function removeLease(database: EmbeddedDatabase, leaseId: string): boolean {
  if (!database.hasLease(leaseId)) return false;
  const next = database.state.revision + 1;
  const events = database
    .keysOfLease(leaseId)
    .flatMap((key) => applyWrite(database, { kind: 'delete', key }, next) ?? []);
  database.deleteLease(leaseId);
  appendToLog(database, events);
  return events.length > 0;
}

export function readEntry(database: EmbeddedDatabase, key: string): Entry | undefined {
  const stored = database.getEntry(key);
  return stored && toEntry(key, stored);
}

export function toEntry(key: string, { value, modRevision, leaseId }: StoredEntry): Entry {
  return leaseId === undefined ? { key, value, modRevision } : { key, value, modRevision, leaseId };
}

/** @returns undefined when nothing changed: there was nothing to delete. */
function applyWrite(database: EmbeddedDatabase, write: WriteOperation, modRevision: Revision): StoreEvent | undefined {
  const { key } = write;
  if (write.kind === 'delete') {
    return database.deleteEntry(key) ? { kind: 'delete', key, modRevision } : undefined;
  }
  const { value, leaseId } = write;
  const stored = leaseId === undefined ? { value, modRevision } : { value, modRevision, leaseId };
  database.putEntry(key, stored);
  return { kind: 'put', entry: toEntry(key, stored) };
}
