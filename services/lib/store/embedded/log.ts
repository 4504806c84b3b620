/**
 * The log of changes of the embedded store: what a watch reads, also one that was away and one after a restart.
 *
 * It is bounded in changes and in bytes; what falls out of it is compacted, and a watch that still wants it starts
 * over with a listing, as with etcd.
 */

import { CompactedError, type Revision, type StoreEvent, type WatchBatch } from '../store.ts';
import { readState, type Tables, writeState } from './database.ts';

export interface LogBounds {
  readonly maxRevisions: number;
  readonly maxBytes: number;
}

/** Revisions that one batch of a watch covers at most: a bound on memory and on the time the loop is held up. */
const BATCH_REVISIONS = 500;
/** Of the events of one batch; a single revision is never split. */
const BATCH_BYTES = 4 * 1024 * 1024;

/** Runs inside a change. @returns the store's revision after it: a new one when there are events. */
export function appendToLog(tables: Tables, events: readonly StoreEvent[], bounds: LogBounds): Revision {
  const { revision: last, compactedRevision, logBytes } = readState(tables);
  if (events.length === 0) return last;
  const revision = last + 1;
  void tables.log.put(revision, events);
  let compacted = compactedRevision;
  let bytes = logBytes + sizeOf(events);
  while (compacted < revision - 1 && (revision - compacted > bounds.maxRevisions || bytes > bounds.maxBytes)) {
    compacted += 1;
    bytes -= sizeOf(tables.log.get(compacted) ?? []);
    void tables.log.remove(compacted);
  }
  writeState(tables, { revision, compactedRevision: compacted, logBytes: bytes });
  return revision;
}

/**
 * The changes below the prefix from `fromRevision` on, as many as fit into one batch.
 *
 * @returns undefined when the store has not got that far.
 * @throws CompactedError
 */
export function readLog(tables: Tables, prefix: string, fromRevision: Revision): WatchBatch | undefined {
  const { revision, compactedRevision } = readState(tables);
  if (fromRevision <= compactedRevision || fromRevision > revision + 1) throw new CompactedError();
  const events: StoreEvent[] = [];
  let bytes = 0;
  let next = fromRevision;
  while (next <= revision && next - fromRevision < BATCH_REVISIONS && bytes < BATCH_BYTES) {
    const matching = (tables.log.get(next) ?? []).filter((event) => keyOf(event).startsWith(prefix));
    bytes += sizeOf(matching);
    events.push(...matching);
    next += 1;
  }
  return next === fromRevision ? undefined : { events, revision: next - 1 };
}

function sizeOf(events: readonly StoreEvent[]): number {
  return events.reduce((sum, event) => sum + keyOf(event).length + valueBytes(event), 0);
}

function valueBytes(event: StoreEvent): number {
  return event.kind === 'put' ? Buffer.byteLength(event.entry.value) : 0;
}

function keyOf(event: StoreEvent): string {
  return event.kind === 'put' ? event.entry.key : event.key;
}
