/**
 * Reads of the embedded log, each from one state of it.
 *
 * A filter is resolved to the topics it matches. Few topics are read one by one through their index and merged by offset;
 * with more it is cheaper to read the log as it lies, which all such readers share.
 */
import type { Pattern } from '#lib/capability/pattern.ts';
import { DamagedError } from '#lib/sqlite/errors.ts';
import type { Offset } from '../event-log.ts';
import { PageRows } from './event-rows.ts';
import { LogChunks } from './log-chunks.ts';
import type { LogConnection } from './log-connection.ts';
import { mergeOffsets, type OffsetSource } from './merge-offsets.ts';
import type { PageRequest, SentPage } from './messages.ts';
import { packEvents } from './packed-events.ts';
import type { EventRow, TopicRow } from './schema.ts';
import { TopicIndex } from './topic-index.ts';

/** What a snapshot of the log knows of itself. */
export interface Snapshot {
  readonly epoch: Uint8Array;
  readonly lastOffset: Offset;
  readonly lastAt: number;
  readonly forgotten: number;
  readonly forgottenOffset: Offset;
  readonly forgottenAt: number;
}

/** Beyond it the log is read as it lies. */
const MAX_MERGED_TOPICS = 64;
/** Offsets that one call looks at, of a log that is read as it lies. */
const SCANNED_OFFSETS = 8_192;
/** Lists of the newest event of each topic, for readers that page through one. */
const MAX_NEWEST_LISTS = 4;

export class LogReader {
  readonly connection: LogConnection;
  readonly #topics = new TopicIndex();
  readonly #chunks: LogChunks;
  readonly #newest = new Map<string, Float64Array>();
  #snapshot: Snapshot | undefined;

  constructor(connection: LogConnection) {
    this.connection = connection;
    this.#chunks = new LogChunks(connection);
  }

  /** What `read` sees is one state of the log, with everything that was committed before. */
  inSnapshot<T>(read: () => T): T {
    this.connection.exec('BEGIN');
    try {
      this.#snapshot = this.#look();
      return read();
    } finally {
      // A broken page may have ended it already.
      if (this.connection.isTransaction) this.connection.exec('COMMIT');
    }
  }

  get snapshot(): Snapshot {
    if (this.#snapshot === undefined) throw new Error('a read of the event log outside of a snapshot');
    return this.#snapshot;
  }

  topicsOf(filter: Pattern): ReadonlySet<number> {
    return this.#topics.find(filter);
  }

  nameOf(topic: number): string | undefined {
    return this.#topics.nameOf(topic);
  }

  read(request: PageRequest, filter: Pattern): SentPage {
    const { after } = request;
    const end = Math.min(request.upTo, this.snapshot.lastOffset);
    const page = new PageRows(request);
    if (after >= end) return toPage(page, after, 0);
    const topics = this.topicsOf(filter);
    const upTo = this.#fill(page, topics, { after, end, maxEvents: request.maxEvents });
    const hidden = upTo === end ? this.#countHidden(topics, { after, end }, page) : 0;
    return toPage(page, upTo, hidden + this.#countRemoved(topics, after, upTo, page));
  }

  readLastPerTopic(request: PageRequest, filter: Pattern): SentPage {
    const { after } = request;
    const end = Math.min(request.upTo, this.snapshot.lastOffset);
    const page = new PageRows(request);
    if (after >= end) return toPage(page, after, 0);
    const offsets = this.#newestOffsets(filter, end);
    let upTo = end;
    for (let i = firstAfter(offsets, after); i < offsets.length; i++) {
      const offset = offsets[i] as Offset;
      if (!this.#addAt(page, offset)) {
        upTo = (offsets[i - 1] as Offset | undefined) ?? after;
        break;
      }
    }
    return toPage(page, Math.max(upTo, after), 0);
  }

  /** Of the oldest event that is retained on this topic, after this offset. */
  firstOf(topic: number, after: Offset = 0): Offset | undefined {
    return this.connection.get<{ offset: number }>(
      'SELECT offset FROM events WHERE topic = ? AND offset > ? ORDER BY offset LIMIT 1',
      topic,
      after,
    )?.offset;
  }

  /** Undefined: there is no such event. The row is as the disk gave it. */
  row(offset: Offset): EventRow | undefined {
    return this.connection.get<EventRow>('SELECT * FROM events WHERE offset = ?', offset);
  }

  #look(): Snapshot {
    const row = this.connection.get<Record<string, unknown>>(
      'SELECT epoch, last_offset, last_at, next_topic, forgotten, forgotten_offset, forgotten_at FROM meta WHERE id = 1',
    );
    if (row === undefined) throw new DamagedError('the row of its state is missing');
    this.#topics.learn(this.connection, Number(row.next_topic), Number(row.forgotten));
    return {
      epoch: row.epoch as Uint8Array,
      lastOffset: Number(row.last_offset),
      lastAt: Number(row.last_at),
      forgotten: Number(row.forgotten),
      forgottenOffset: Number(row.forgotten_offset),
      forgottenAt: Number(row.forgotten_at),
    };
  }

  /** @returns up to where everything is in the page. */
  #fill(
    page: PageRows,
    topics: ReadonlySet<number>,
    range: { readonly after: Offset; readonly end: Offset; readonly maxEvents: number },
  ): Offset {
    if (topics.size === 0) return range.end;
    if (topics.size === 1) return this.#fillFromTopic(page, [...topics][0] as number, range);
    return topics.size <= MAX_MERGED_TOPICS
      ? this.#fillMerged(page, topics, range)
      : this.#fillScanned(page, topics, range);
  }

  #fillFromTopic(page: PageRows, topic: number, { after, end }: { after: Offset; end: Offset }): Offset {
    const rows = this.connection
      .statement('SELECT * FROM events WHERE topic = ? AND offset > ? AND offset <= ? ORDER BY offset')
      .iterate(topic, after, end);
    let upTo = after;
    for (const row of rows as Iterable<unknown> as Iterable<EventRow>) {
      if (!page.add(row, this.nameOf(topic))) return upTo;
      upTo = row.offset;
    }
    return end;
  }

  #fillMerged(
    page: PageRows,
    topics: ReadonlySet<number>,
    { after, end, maxEvents }: { after: Offset; end: Offset; maxEvents: number },
  ): Offset {
    const statement = this.connection.statement(
      'SELECT offset FROM events WHERE topic = ? AND offset > ? AND offset <= ? ORDER BY offset LIMIT ?',
    );
    const sources = [...topics].map(
      (topic): OffsetSource =>
        (from, limit) =>
          statement.all(topic, from, end, limit).map(({ offset }) => Number(offset)),
    );
    const piece = Math.max(8, Math.ceil((2 * maxEvents) / topics.size));
    let upTo = after;
    for (const offset of mergeOffsets(sources, after, piece)) {
      if (!this.#addAt(page, offset)) return upTo;
      upTo = offset;
    }
    return end;
  }

  #fillScanned(page: PageRows, topics: ReadonlySet<number>, { after, end }: { after: Offset; end: Offset }): Offset {
    let upTo = after;
    while (upTo < end && upTo - after < SCANNED_OFFSETS) {
      const chunk = this.#chunks.at(upTo, this.snapshot.lastOffset);
      for (const row of chunk.rows) {
        if (row.offset <= upTo || !topics.has(row.topic)) continue;
        if (row.offset > end) return end;
        if (!page.add(row, this.nameOf(row.topic))) return upTo;
        upTo = row.offset;
      }
      upTo = Math.min(chunk.to, end);
    }
    return upTo;
  }

  /** @returns false when it does not fit any more. */
  #addAt(page: PageRows, offset: Offset): boolean {
    const row = this.row(offset);
    if (row !== undefined) return page.add(row, this.nameOf(row.topic));
    // The index has one that the table lacks.
    page.addDamaged(offset);
    return true;
  }

  /**
   * Events that were removed after `after`, the last of a topic up to `upTo`: between two events of the page their number is
   * known, otherwise a topic counts as one. A piece in memory may have had one of them all the same.
   */
  #countRemoved(topics: ReadonlySet<number>, after: Offset, upTo: Offset, page: PageRows): number {
    const removed = this.connection.all<{ id: number; removed_offset: number }>(
      'SELECT id, removed_offset FROM topics WHERE removed_offset > ? AND removed_offset <= ?',
      after,
      upTo,
    );
    const delivered = removed.length === 0 ? undefined : new Set(page.rows.map(({ offset }) => offset));
    const isMissed = ({ id, removed_offset: last }: { id: number; removed_offset: number }) =>
      topics.has(id) && !delivered?.has(last) && !page.holes.has(id);
    let count = removed.filter(isMissed).length;
    for (const hole of page.holes.values()) count += hole;
    const { forgottenOffset } = this.snapshot;
    return count + (after < forgottenOffset && forgottenOffset <= upTo ? 1 : 0);
  }

  /** Topics whose last event lies in the range, as their row says, and did not come: a damaged index has lost it. */
  #countHidden(topics: ReadonlySet<number>, { after, end }: { after: Offset; end: Offset }, page: PageRows): number {
    if (topics.size > MAX_MERGED_TOPICS) return 0;
    let count = 0;
    for (const topic of topics) {
      const row = this.connection.get<Pick<TopicRow, 'last_offset' | 'removed_offset'>>(
        'SELECT last_offset, removed_offset FROM topics WHERE id = ?',
        topic,
      );
      if (row === undefined || row.last_offset <= after || row.last_offset > end) continue;
      if (row.last_offset > row.removed_offset && !page.has(topic, row.last_offset)) count += 1;
    }
    return count;
  }

  #newestOffsets(filter: Pattern, end: Offset): Float64Array {
    const key = `${end} ${filter.text}`;
    const known = this.#newest.get(key);
    if (known !== undefined) return known;
    const statement = this.connection.statement(
      'SELECT offset FROM events WHERE topic = ? AND offset <= ? ORDER BY offset DESC LIMIT 1',
    );
    const found: Offset[] = [];
    for (const topic of this.topicsOf(filter)) {
      const offset = statement.get(topic, end)?.offset;
      if (offset !== undefined) found.push(Number(offset));
    }
    const offsets = Float64Array.from(found).sort();
    this.#newest.set(key, offsets);
    for (const oldest of this.#newest.keys()) {
      if (this.#newest.size <= MAX_NEWEST_LISTS) break;
      this.#newest.delete(oldest);
    }
    return offsets;
  }
}

function toPage(page: PageRows, upTo: Offset, removed: number): SentPage {
  return { events: packEvents(page.rows), upTo, missed: removed + page.damaged.length, damaged: page.damaged };
}

/** Place of the first one above `after` in a rising list. */
function firstAfter(offsets: Float64Array, after: Offset): number {
  let low = 0;
  let high = offsets.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((offsets[middle] as number) > after) high = middle;
    else low = middle + 1;
  }
  return low;
}
