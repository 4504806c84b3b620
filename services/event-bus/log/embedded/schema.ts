/**
 * The tables of the embedded log.
 *
 * A row of `events` carries a CRC-32 over all of it, with the topic's name in the place of its number: SQLite finds
 * broken structure, not changed content. Offsets rise with time and sequences with offsets, so that both are found by
 * bisection: an index of each would cost every publisher what few readers need. For the same reason `dedup` is in the
 * order of its events, and what finds an id in it lies in memory (`dedup-index.ts`).
 */
import { crc32 } from 'node:zlib';

export const SCHEMA: readonly string[] = [
  'CREATE TABLE meta (id INTEGER PRIMARY KEY, format INTEGER NOT NULL, epoch BLOB NOT NULL, ack_key BLOB NOT NULL, last_offset INTEGER NOT NULL, last_at INTEGER NOT NULL, events INTEGER NOT NULL, bytes INTEGER NOT NULL, next_topic INTEGER NOT NULL, forgotten INTEGER NOT NULL, forgotten_offset INTEGER NOT NULL, forgotten_at INTEGER NOT NULL, crc INTEGER NOT NULL) STRICT',
  'CREATE TABLE topics (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, last_seq INTEGER NOT NULL, last_offset INTEGER NOT NULL, last_at INTEGER NOT NULL, events INTEGER NOT NULL, bytes INTEGER NOT NULL, removed_offset INTEGER NOT NULL, removed_at INTEGER NOT NULL, crc INTEGER NOT NULL) STRICT',
  'CREATE INDEX topics_by_removed ON topics (removed_offset) WHERE removed_offset > 0',
  'CREATE TABLE events (offset INTEGER PRIMARY KEY, topic INTEGER NOT NULL, seq INTEGER NOT NULL, prev INTEGER NOT NULL, at INTEGER NOT NULL, bytes INTEGER NOT NULL, publisher TEXT NOT NULL, event_id TEXT NOT NULL, content_type TEXT NOT NULL, attributes TEXT NOT NULL, payload BLOB NOT NULL, crc INTEGER NOT NULL) STRICT',
  'CREATE INDEX events_by_topic ON events (topic, offset)',
  'CREATE TABLE dedup (offset INTEGER PRIMARY KEY, seq INTEGER NOT NULL, hash BLOB NOT NULL, payload_hash BLOB NOT NULL, until INTEGER NOT NULL) STRICT',
  'CREATE TABLE subscriptions (id TEXT PRIMARY KEY, owner TEXT NOT NULL, name TEXT NOT NULL, filter TEXT NOT NULL, explicit_ack INTEGER NOT NULL, position INTEGER NOT NULL, last_used INTEGER NOT NULL, last_parked INTEGER NOT NULL, crc INTEGER NOT NULL, UNIQUE (owner, name)) STRICT',
  'CREATE TABLE deliveries (subscription TEXT NOT NULL, offset INTEGER NOT NULL, attempt INTEGER NOT NULL, not_before INTEGER NOT NULL, PRIMARY KEY (subscription, offset)) STRICT, WITHOUT ROWID',
  'CREATE TABLE parked (subscription TEXT NOT NULL, number INTEGER NOT NULL, reason TEXT NOT NULL, attempts INTEGER NOT NULL, parked_at INTEGER NOT NULL, offset INTEGER NOT NULL, topic TEXT NOT NULL, seq INTEGER NOT NULL, prev INTEGER NOT NULL, at INTEGER NOT NULL, bytes INTEGER NOT NULL, publisher TEXT NOT NULL, event_id TEXT NOT NULL, content_type TEXT NOT NULL, attributes TEXT NOT NULL, payload BLOB NOT NULL, crc INTEGER NOT NULL, PRIMARY KEY (subscription, number)) STRICT',
  'CREATE INDEX parked_by_time ON parked (parked_at)',
];

/** For an event's share of the bounds on bytes: what its row takes beside its content. */
export const ROW_OVERHEAD_BYTES = 100;

/** As `events` holds it. */
export interface EventRow {
  readonly offset: number;
  readonly topic: number;
  readonly seq: number;
  readonly prev: number;
  readonly at: number;
  readonly bytes: number;
  readonly publisher: string;
  readonly event_id: string;
  readonly content_type: string;
  /** JSON. */
  readonly attributes: string;
  readonly payload: Uint8Array;
  readonly crc: number;
}

/** As `topics` holds it. */
export interface TopicRow {
  readonly id: number;
  readonly name: string;
  /** Of its newest event, retained or not. */
  readonly last_seq: number;
  readonly last_offset: number;
  readonly last_at: number;
  /** Retained ones. */
  readonly events: number;
  readonly bytes: number;
  /** Of the newest event that retention removed; 0: none was. */
  readonly removed_offset: number;
  readonly removed_at: number;
  readonly crc: number;
}

/** As the one row of `meta` holds it. */
export interface MetaRow {
  readonly format: number;
  readonly epoch: Uint8Array;
  readonly ack_key: Uint8Array;
  readonly last_offset: number;
  readonly last_at: number;
  readonly events: number;
  readonly bytes: number;
  /** Numbers of topics are never used twice. */
  readonly next_topic: number;
  /** How many topics were forgotten. From the first one on, a topic begins at the log's last offset plus 1. */
  readonly forgotten: number;
  /** Of the newest event of all the topics that were forgotten. */
  readonly forgotten_offset: number;
  readonly forgotten_at: number;
  readonly crc: number;
}

/** As `subscriptions` holds it. */
export interface SubscriptionRow {
  readonly id: string;
  readonly owner: string;
  readonly name: string;
  readonly filter: string;
  readonly explicit_ack: number;
  readonly position: number;
  readonly last_used: number;
  /** Number of the event that it parked last; 0 before the first. */
  readonly last_parked: number;
  readonly crc: number;
}

/** @param topic Its name. None of the texts before the attributes may hold a NUL, which the bus sees to. */
export function eventChecksum(row: Omit<EventRow, 'topic' | 'crc'>, topic: string): number {
  const text = `${row.offset}\0${topic}\0${row.seq}\0${row.prev}\0${row.at}\0${row.bytes}\0${row.publisher}\0${row.event_id}\0${row.content_type}\0${row.attributes}`;
  return bytesChecksum(row.payload, crc32(text));
}

/** A blank sector can make NULL of a column that is never NULL: then it is not as it was written. */
function bytesChecksum(bytes: unknown, before: number): number {
  return bytes instanceof Uint8Array ? crc32(bytes, before) : crc32('not bytes', before);
}

export function topicChecksum(row: Omit<TopicRow, 'crc'>): number {
  return crc32(
    `${row.id}\0${row.name}\0${row.last_seq}\0${row.last_offset}\0${row.last_at}\0${row.events}\0${row.bytes}\0${row.removed_offset}\0${row.removed_at}`,
  );
}

export function metaChecksum(row: Omit<MetaRow, 'crc'>): number {
  const keys = bytesChecksum(row.ack_key, bytesChecksum(row.epoch, 0));
  return crc32(
    `${row.format}\0${row.last_offset}\0${row.last_at}\0${row.events}\0${row.bytes}\0${row.next_topic}\0${row.forgotten}\0${row.forgotten_offset}\0${row.forgotten_at}`,
    keys,
  );
}

export function subscriptionChecksum(row: Omit<SubscriptionRow, 'crc'>): number {
  return crc32(
    `${row.id}\0${row.owner}\0${row.name}\0${row.filter}\0${row.explicit_ack}\0${row.position}\0${row.last_used}\0${row.last_parked}`,
  );
}
