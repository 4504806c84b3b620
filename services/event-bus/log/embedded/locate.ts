/** Where in the log a subscription begins. */
import { isConcrete, type Pattern } from '#lib/capability/pattern.ts';
import { ServiceError } from '#lib/errors.ts';
import type { Offset, Start } from '../event-log.ts';
import type { LogReader } from './log-reader.ts';
import type { ReaderRequest } from './messages.ts';
import type { TopicRow } from './schema.ts';

type LocateRequest = Extract<ReaderRequest, { kind: 'locate' }>;

/** A time so far ahead of the clock is no time of an event: clocks of clients differ by less. */
const FUTURE_MS = 1_000;
/** Rows looked at before each topic is asked for its first event. */
const SCANNED_ROWS = 2_000;

/** @throws ServiceError BEFORE_RETENTION, START_IN_FUTURE */
export function locate(reader: LogReader, request: LocateRequest, filter: Pattern): Offset {
  const { start, end, nowMs } = request;
  switch (start.kind) {
    case 'earliest':
      return earliestOf(reader, filter, end);
    case 'offset':
      if (start.after > end) throw inFuture('start_cursor lies behind the end of the log');
      return notRemoved(reader, filter, { after: start.after, end, isRemoved: ({ offset }) => offset > start.after });
    case 'time':
      return locateTime(reader, filter, { ms: start.ms, end, nowMs });
    case 'sequence':
      return locateSequence(reader, filter, start, end);
  }
}

/** @returns the offset before the oldest matching event that is retained; the log's end when there is none. */
function earliestOf(reader: LogReader, filter: Pattern, end: Offset): Offset {
  const topics = reader.topicsOf(filter);
  if (topics.size === 0) return end;
  const first = topics.size > 64 ? firstOfMany(reader, topics) : undefined;
  if (first !== undefined) return Math.min(first - 1, end);
  let earliest = end + 1;
  for (const topic of topics) earliest = Math.min(earliest, reader.firstOf(topic) ?? earliest);
  return earliest - 1;
}

/** A filter that matches many topics usually matches one of the first events. */
function firstOfMany(reader: LogReader, topics: ReadonlySet<number>): Offset | undefined {
  const rows = reader.connection.all<{ offset: number; topic: number }>(
    'SELECT offset, topic FROM events ORDER BY offset LIMIT ?',
    SCANNED_ROWS,
  );
  return rows.find(({ topic }) => topics.has(topic))?.offset;
}

interface Removal {
  readonly offset: Offset;
  readonly at: number;
}

/**
 * Where everything that matches and is retained comes after the point, nothing is before retention: a hole that the bound
 * on events of a topic made is told by a read, as `missed`.
 *
 * @throws ServiceError BEFORE_RETENTION
 */
function notRemoved(
  reader: LogReader,
  filter: Pattern,
  { after, end, isRemoved }: { after: Offset; end: Offset; isRemoved: (removal: Removal) => boolean },
): Offset {
  const { forgotten, forgottenOffset, forgottenAt } = reader.snapshot;
  // Nobody knows what those were called.
  const isForgotten = forgotten > 0 && isRemoved({ offset: forgottenOffset, at: forgottenAt });
  if (!isForgotten && !hasRemoved(reader, filter, isRemoved)) return after;
  const earliest = earliestOf(reader, filter, end);
  if (after >= earliest) return after;
  throw beforeRetention(reader, filter, earliest);
}

function hasRemoved(reader: LogReader, filter: Pattern, isRemoved: (removal: Removal) => boolean): boolean {
  const topics = reader.topicsOf(filter);
  const rows = reader.connection
    .statement('SELECT id, removed_offset, removed_at FROM topics WHERE removed_offset > 0')
    .iterate() as Iterable<unknown> as Iterable<Pick<TopicRow, 'id' | 'removed_offset' | 'removed_at'>>;
  for (const { id, removed_offset: offset, removed_at: at } of rows) {
    if (topics.has(id) && isRemoved({ offset, at })) return true;
  }
  return false;
}

function locateTime(
  reader: LogReader,
  filter: Pattern,
  { ms, end, nowMs }: { ms: number; end: Offset; nowMs: number },
): Offset {
  if (ms >= Math.max(nowMs + FUTURE_MS, reader.snapshot.lastAt + 1)) throw inFuture('start_time_ms lies in the future');
  const after = Math.min(lastBefore(reader, ms), end);
  return notRemoved(reader, filter, { after, end, isRemoved: ({ at }) => at >= ms });
}

/** Times never fall along the log: bisection. @returns the offset before the first event at this time or later. */
function lastBefore(reader: LogReader, ms: number): Offset {
  const { connection, snapshot } = reader;
  let low = connection.get<{ offset: number | null }>('SELECT min(offset) AS offset FROM events')?.offset ?? 0;
  let high = snapshot.lastOffset + 1;
  if (low === 0) return snapshot.lastOffset;
  // The first event at or after `low`, which lies in [low, high]; holes are walked over to the next event.
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const row = connection.get<{ offset: number; at: number }>(
      'SELECT offset, at FROM events WHERE offset >= ? ORDER BY offset LIMIT 1',
      middle,
    );
    if (row === undefined || row.offset >= high || row.at >= ms) high = middle;
    else low = row.offset + 1;
  }
  return low - 1;
}

/** The filter is one topic. */
function locateSequence(
  reader: LogReader,
  filter: Pattern,
  { topic, sequence }: Extract<Start, { kind: 'sequence' }>,
  end: Offset,
): Offset {
  const { connection, snapshot } = reader;
  const row = connection.get<TopicRow>('SELECT * FROM topics WHERE name = ?', topic);
  if (row === undefined) {
    // It may have been forgotten; then it goes on above the log's last offset.
    const last = snapshot.forgotten > 0 ? snapshot.lastOffset : 0;
    if (sequence > last + 1) throw inFuture(`${topic} has no event with the sequence ${sequence} yet`);
    if (snapshot.forgotten > 0 && sequence <= snapshot.forgottenOffset) throw beforeRetention(reader, filter, end);
    return end;
  }
  if (sequence > row.last_seq + 1) throw inFuture(`the last sequence of ${topic} is ${row.last_seq}`);
  const first = reader.firstOf(row.id);
  const oldest = first === undefined ? undefined : reader.row(first);
  const firstSequence = oldest?.seq ?? row.last_seq + 1;
  if (sequence < firstSequence && (row.removed_offset > 0 || snapshot.forgotten > 0)) {
    throw beforeRetention(reader, filter, earliestOf(reader, filter, end));
  }
  if (first === undefined) return end;
  return sequence <= firstSequence ? first - 1 : Math.min(offsetBefore(reader, row, sequence), end);
}

/** Sequences rise along a topic: bisection over offsets. @returns the offset before the first event with this one or a higher. */
function offsetBefore({ connection }: LogReader, { id, last_offset: last }: TopicRow, sequence: number): Offset {
  let low = 1;
  let high = last + 1;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const row = connection.get<{ offset: number; seq: number }>(
      'SELECT offset, seq FROM events WHERE topic = ? AND offset >= ? ORDER BY offset LIMIT 1',
      id,
      middle,
    );
    if (row === undefined || row.offset >= high || row.seq >= sequence) high = middle;
    else low = row.offset + 1;
  }
  return low - 1;
}

function inFuture(why: string): ServiceError {
  return new ServiceError(
    'START_IN_FUTURE',
    `${why}: begin with START_POLICY_NEW to get what is published from now on`,
  );
}

/** @param earliest The offset before the oldest matching event. */
function beforeRetention(reader: LogReader, filter: Pattern, earliest: Offset): ServiceError {
  const position = Buffer.alloc(8);
  position.writeBigUInt64BE(BigInt(earliest));
  const cursor = Buffer.concat([reader.snapshot.epoch, position]).toString('base64url');
  const sequence = isConcrete(filter) ? { earliest_sequence: String(earliestSequence(reader, filter)) } : {};
  return new ServiceError(
    'BEFORE_RETENTION',
    'matching events after this point are not retained any more: begin at earliest_cursor, or with START_POLICY_EARLIEST',
    { metadata: { earliest_cursor: cursor, ...sequence } },
  );
}

/** Of the oldest event of this one topic, or of the next one. */
function earliestSequence(reader: LogReader, filter: Pattern): number {
  const row = reader.connection.get<TopicRow>('SELECT * FROM topics WHERE name = ?', filter.text);
  if (row === undefined) return reader.snapshot.lastOffset + 1;
  const first = reader.firstOf(row.id);
  return (first === undefined ? undefined : reader.row(first)?.seq) ?? row.last_seq + 1;
}
