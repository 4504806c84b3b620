/**
 * What the embedded store keeps in LMDB: the entries, the log of changes that watches read, and the leases.
 *
 * Writes go through `change`: LMDB runs the callbacks one after another, many in one commit, and resolves each when
 * that commit is on the disk. They are child transactions because only those undo what a throwing callback has
 * written. Commits are not overlapped with their flush (`overlappingSync`), so nobody reads what is not yet durable.
 */
import { type Database, open } from 'lmdb';
import { ServiceError } from '#lib/errors.ts';
import { LeaseGoneError, type Revision, type StoreEvent } from '../store.ts';

export interface StoredEntry {
  readonly value: string;
  readonly modRevision: Revision;
  readonly leaseId?: string;
}

export interface StoreState {
  /** Of the last change; 1 in a new store, as in etcd, so that a watch from the next one is always from 2 or more. */
  readonly revision: Revision;
  /** The log has everything after this one. */
  readonly compactedRevision: Revision;
  /** Size of the keys and values in the log. */
  readonly logBytes: number;
}

export interface Tables {
  readonly entries: Database<StoredEntry, string>;
  /** Revision → its events. */
  readonly log: Database<readonly StoreEvent[], number>;
  /** Lease id → its time to live in seconds. */
  readonly leases: Database<number, string>;
  /** [lease id, key] of every entry that is bound to a lease. */
  readonly leasedKeys: Database<true, [string, string]>;
  readonly state: Database<StoreState, string>;
}

export interface EmbeddedDatabase {
  readonly tables: Tables;
  /**
   * Runs a synchronous change alone, with a view of everything before it; all or nothing of it is kept.
   *
   * @throws what `act` throws; STORE_UNAVAILABLE when the disk refuses.
   */
  change<T>(act: (tables: Tables) => T): Promise<T>;
  close(): Promise<void>;
}

const STATE_KEY = 'state';
const NEW_STORE: StoreState = Object.freeze({ revision: 1, compactedRevision: 1, logBytes: 0 });

export function openDatabase(path: string): EmbeddedDatabase {
  const root = open({ path, overlappingSync: false, maxDbs: 8 });
  const tables: Tables = {
    entries: root.openDB('entries', { encoding: 'json' }),
    log: root.openDB('log', { encoding: 'json' }),
    leases: root.openDB('leases', { encoding: 'json' }),
    leasedKeys: root.openDB('leased-keys', { encoding: 'json' }),
    state: root.openDB('state', { encoding: 'json' }),
  };
  return {
    tables,
    change: (act) => root.childTransaction(() => act(tables)).catch(rethrow),
    close: () => root.close(),
  };
}

export function readState(tables: Tables): StoreState {
  return tables.state.get(STATE_KEY) ?? NEW_STORE;
}

export function writeState(tables: Tables, state: StoreState): void {
  void tables.state.put(STATE_KEY, state);
}

function rethrow(error: unknown): never {
  if (error instanceof LeaseGoneError || error instanceof ServiceError) throw error;
  throw new ServiceError('STORE_UNAVAILABLE', 'the store could not write to its disk; try again', { cause: error });
}
