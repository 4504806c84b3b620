/** Durable subscriptions as the reader sees them. */
import { compilePattern } from '#lib/capability/pattern.ts';
import { DamagedError } from '#lib/sqlite/errors.ts';
import type { DurableKey, DurableRecord, DurableSummary, PendingDelivery } from '../event-log.ts';
import { toRecord } from './durable-writes.ts';
import type { LogConnection } from './log-connection.ts';
import type { LogReader } from './log-reader.ts';
import type { DamagedEvent, ReaderRequest, SentParked } from './messages.ts';
import { type NamedRow, packEvents } from './packed-events.ts';
import { type EventRow, eventChecksum, type SubscriptionRow, subscriptionChecksum, type TopicRow } from './schema.ts';

/** Topics that are asked one by one for what is behind a position; of more, all that they hold is counted. */
const COUNTED_TOPICS = 5_000;
/** Bounds on one page of parked events. */
const PARKED_EVENTS = 256;
const PARKED_BYTES = 1024 * 1024;

interface ParkedRow extends Omit<EventRow, 'topic'> {
  readonly number: number;
  readonly reason: string;
  readonly attempts: number;
  readonly parked_at: number;
  readonly topic: string;
}

/** @throws DamagedError */
export function findDurable(connection: LogConnection, { owner, name }: DurableKey): DurableRecord | undefined {
  const row = connection.get<SubscriptionRow>('SELECT * FROM subscriptions WHERE owner = ? AND name = ?', owner, name);
  return row && toRecord(checked(row));
}

export function readDeliveries(connection: LogConnection, id: string): PendingDelivery[] {
  const rows = connection.all<{ offset: number; attempt: number; not_before: number }>(
    'SELECT offset, attempt, not_before FROM deliveries WHERE subscription = ? ORDER BY offset',
    id,
  );
  return rows.map(({ offset, attempt, not_before: notBeforeMs }) => ({ offset, attempt, notBeforeMs }));
}

/** By name. @throws DamagedError */
export function listDurables(reader: LogReader, owner: string): DurableSummary[] {
  const { connection } = reader;
  const rows = connection.all<SubscriptionRow>('SELECT * FROM subscriptions WHERE owner = ? ORDER BY name', owner);
  return rows.map((row) => ({
    ...toRecord(checked(row)),
    pending: countPending(reader, row),
    inFlight: connection.number('SELECT count(*) FROM deliveries WHERE subscription = ?', row.id),
    parked: connection.number('SELECT count(*) FROM parked WHERE subscription = ?', row.id),
  }));
}

export function readParked(
  connection: LogConnection,
  { id, after, limit }: Extract<ReaderRequest, { kind: 'parked' }>,
): SentParked {
  const rows: NamedRow[] = [];
  const numbers: number[] = [];
  const reasons: ('term' | 'max_deliver')[] = [];
  const damaged: DamagedEvent[] = [];
  let bytes = 0;
  const found = connection
    .statement('SELECT * FROM parked WHERE subscription = ? AND number > ? ORDER BY number LIMIT ?')
    .iterate(id, after, Math.min(limit, PARKED_EVENTS));
  for (const row of found as Iterable<unknown> as Iterable<ParkedRow>) {
    bytes += row.bytes;
    if (rows.length > 0 && bytes > PARKED_BYTES) break;
    if (eventChecksum(row, row.topic) !== row.crc) {
      damaged.push({ offset: row.offset, topic: row.topic, sequence: row.seq });
      continue;
    }
    rows.push(row);
    numbers.push(row.number, row.attempts, row.parked_at);
    reasons.push(row.reason === 'term' ? 'term' : 'max_deliver');
  }
  return { events: packEvents(rows), numbers, reasons, damaged };
}

/** Sequences of a topic have no holes where events are retained: the first one behind the position says how many follow. */
function countPending(reader: LogReader, { filter: text, position }: SubscriptionRow): number {
  const filter = compilePattern(text);
  if (filter === undefined) return 0;
  const topics = reader.topicsOf(filter);
  const rows = reader.connection.all<Pick<TopicRow, 'id' | 'last_seq' | 'events'>>(
    'SELECT id, last_seq, events FROM topics WHERE last_offset > ? AND events > 0',
    position,
  );
  let count = 0;
  let asked = 0;
  for (const { id, last_seq: last, events } of rows) {
    if (!topics.has(id)) continue;
    asked += 1;
    if (asked > COUNTED_TOPICS) {
      count += events;
      continue;
    }
    const first = reader.connection.get<{ seq: number }>(
      'SELECT seq FROM events WHERE topic = ? AND offset > ? ORDER BY offset LIMIT 1',
      id,
      position,
    );
    if (first !== undefined) count += Math.max(0, last - first.seq + 1);
  }
  return count;
}

/** @throws DamagedError */
function checked(row: SubscriptionRow): SubscriptionRow {
  if (row.crc === subscriptionChecksum(row)) return row;
  throw new DamagedError(`the durable subscription ${JSON.stringify(row.name)} is not as it was written`);
}
