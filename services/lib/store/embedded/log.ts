/**
 * The log of changes of the embedded store: what a watch reads, also one that was away and one after a restart.
 *
 * It is bounded in changes and in bytes; what falls out of it is compacted, and a watch that still wants it starts
 * over with a listing, as with etcd.
 */

import { CompactedError, type Revision, type StoreEvent, type WatchBatch } from '../store.ts';
import type { EmbeddedDatabase } from './database.ts';

export interface LogBounds {
  readonly maxRevisions: number;
  readonly maxBytes: number;
}

/** Revisions that one page of a watch covers at most: a bound on the time that writes wait for it. */
const PAGE_REVISIONS = 500;
/** Of the events of one page; a single revision is never split. */
const PAGE_BYTES = 1024 * 1024;

/** Runs inside a transaction. @returns the store's revision after it: a new one when there are events. */
export function appendToLog(database: EmbeddedDatabase, events: readonly StoreEvent[]): Revision {
  const last = database.state.revision;
  if (events.length === 0) return last;
  const revision = last + 1;
  database.appendLog({ revision, bytes: sizeOf(events), events: JSON.stringify(events) });
  return revision;
}

/** Drops what is beyond the bounds, but never the last revision. Runs inside a transaction, before its end. */
export function compactLog(database: EmbeddedDatabase, { maxRevisions, maxBytes }: LogBounds): void {
  for (;;) {
    const { revision, compactedRevision, logBytes } = database.state;
    const isWithin = revision - compactedRevision <= maxRevisions && logBytes <= maxBytes;
    if (isWithin || compactedRevision >= revision - 1) return;
    database.dropLog(compactedRevision + 1);
  }
}

/**
 * The changes below the prefix from `fromRevision` on, as many as fit into one page.
 *
 * @returns undefined when the store has not got that far.
 * @throws CompactedError
 */
export function readPage(database: EmbeddedDatabase, prefix: string, fromRevision: Revision): WatchBatch | undefined {
  const { revision, compactedRevision } = database.state;
  if (fromRevision <= compactedRevision || fromRevision > revision + 1) throw new CompactedError();
  if (fromRevision > revision) return undefined;
  const events: StoreEvent[] = [];
  let bytes = 0;
  let reached = fromRevision - 1;
  for (const row of database.logFrom(fromRevision)) {
    const matching = (JSON.parse(row.events) as StoreEvent[]).filter((event) => keyOf(event).startsWith(prefix));
    const size = sizeOf(matching);
    if (bytes > 0 && bytes + size > PAGE_BYTES) break;
    bytes += size;
    events.push(...matching);
    reached = row.revision;
    if (reached - fromRevision + 1 >= PAGE_REVISIONS) break;
  }
  return { events, revision: reached };
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
