/**
 * Removes events by age, by the log's size and by their number in a topic, oldest first, a few with each transaction; and
 * forgets topics that have had no event for the retention time.
 */
import type { Offset, Removal } from '../event-log.ts';
import type { LogConnection } from './log-connection.ts';
import type { LogState, Topic } from './log-state.ts';

export interface RetentionBounds {
  readonly retentionMs: number;
  readonly retentionBytes: number;
  /** 0: none. */
  readonly retentionEventsPerTopic: number;
}

/** Rows in one statement, and topics forgotten in one transaction. */
export const RETENTION_BATCH = 1_000;

interface OldRow {
  readonly offset: number;
  readonly topic: number;
  readonly at: number;
  readonly bytes: number;
}

export class Retention {
  readonly #connection: LogConnection;
  readonly #state: LogState;
  readonly #bounds: RetentionBounds;
  /** Topics with more events than they may have. */
  readonly #over = new Set<Topic>();
  /** What this transaction has removed: up to where of all topics, and up to where of single ones. */
  #removedUpTo: Offset = 0;
  readonly #trimmed = new Map<Topic, Offset>();
  /** When the oldest event was published; undefined: to be looked up. */
  #oldestAt: number | undefined;

  constructor(connection: LogConnection, state: LogState, bounds: RetentionBounds) {
    this.#connection = connection;
    this.#state = state;
    this.#bounds = bounds;
    const { retentionEventsPerTopic: limit } = bounds;
    if (limit > 0) for (const topic of state.topics.values()) if (topic.events > limit) this.#over.add(topic);
  }

  /**
   * Runs inside a transaction, after its appends.
   *
   * @param budget How many events are removed at most.
   * @returns whether there is more to remove.
   */
  remove(nowMs: number, budget: number): boolean {
    let left = budget;
    while (left > 0) {
      const removed = this.#removeOldest(nowMs, Math.min(left, RETENTION_BATCH));
      if (removed === 0) break;
      left -= removed;
    }
    left = this.#trimTopics(left);
    return left <= 0;
  }

  forget(nowMs: number): void {
    const before = nowMs - this.#bounds.retentionMs;
    let count = 0;
    for (const topic of this.#state.empty) {
      if (topic.lastAt >= before) continue;
      this.#state.forget(topic);
      this.#over.delete(topic);
      count += 1;
      if (count === RETENTION_BATCH) return;
    }
  }

  /** What was removed since the last call, once that is committed. */
  takeRemovals(): Removal[] {
    const trimmed = [...this.#trimmed].map(([{ name: topic }, upTo]) => ({ topic, upTo }));
    const removals = this.#removedUpTo === 0 ? trimmed : [{ topic: undefined, upTo: this.#removedUpTo }, ...trimmed];
    this.#clearRemovals();
    return removals;
  }

  /** Nothing of the transaction was applied. */
  rollback(): void {
    this.#clearRemovals();
    this.#oldestAt = undefined;
  }

  #removeOldest(nowMs: number, limit: number): number {
    const { figures } = this.#state;
    const { retentionMs, retentionBytes } = this.#bounds;
    const before = nowMs - retentionMs;
    if (figures.events === 0) return 0;
    this.#oldestAt ??= this.#readOldest();
    if (this.#oldestAt >= before && figures.bytes <= retentionBytes) return 0;
    const rows = this.#connection.all<OldRow>(
      'SELECT offset, topic, at, bytes FROM events ORDER BY offset LIMIT ?',
      limit,
    );
    let surplus = figures.bytes - retentionBytes;
    const staying = rows.findIndex(({ at, bytes }) => {
      // A time after the last one was never written: the row is damaged and can be of no use to anybody.
      if (at >= before && at <= figures.lastAt && surplus <= 0) return true;
      surplus -= bytes;
      return false;
    });
    const gone = staying < 0 ? rows : rows.slice(0, staying);
    this.#oldestAt = rows[staying]?.at;
    const last = gone.at(-1);
    if (last === undefined) return 0;
    this.#connection.run('DELETE FROM events WHERE offset <= ?', last.offset);
    this.#removedUpTo = last.offset;
    for (const row of gone) this.#account(row);
    return gone.length;
  }

  #trimTopics(budget: number): number {
    const { retentionEventsPerTopic: limit } = this.#bounds;
    if (limit === 0) return budget;
    for (const topic of this.#state.touched()) if (topic.events > limit) this.#over.add(topic);
    let left = budget;
    for (const topic of this.#over) {
      if (left <= 0) break;
      const surplus = topic.events - limit;
      const count = Math.min(surplus, left, RETENTION_BATCH);
      if (count > 0) left -= this.#trim(topic, count);
      if (topic.events <= limit || surplus <= 0) this.#over.delete(topic);
    }
    return left;
  }

  #trim(topic: Topic, count: number): number {
    const rows = this.#connection.all<OldRow>(
      'SELECT offset, topic, at, bytes FROM events WHERE topic = ? ORDER BY offset LIMIT ?',
      topic.id,
      count,
    );
    const last = rows.at(-1);
    // Fewer than the topic counts: the row of one was damaged.
    if (last === undefined) {
      this.#state.touch(topic);
      topic.events = 0;
      return 0;
    }
    this.#connection.run('DELETE FROM events WHERE topic = ? AND offset <= ?', topic.id, last.offset);
    this.#trimmed.set(topic, last.offset);
    for (const row of rows) this.#account(row);
    this.#oldestAt = undefined;
    return rows.length;
  }

  #clearRemovals(): void {
    this.#removedUpTo = 0;
    this.#trimmed.clear();
  }

  #account({ offset, topic: id, at, bytes }: OldRow): void {
    const { figures, topicsById, empty } = this.#state;
    figures.events -= 1;
    figures.bytes = figures.events === 0 ? 0 : figures.bytes - bytes;
    const topic = topicsById.get(id);
    if (topic === undefined) return;
    this.#state.touch(topic);
    topic.events = Math.max(0, topic.events - 1);
    topic.bytes = topic.events === 0 ? 0 : topic.bytes - bytes;
    topic.removedOffset = Math.max(topic.removedOffset, offset);
    topic.removedAt = Math.max(topic.removedAt, Math.min(at, figures.lastAt));
    if (topic.events === 0) empty.add(topic);
  }

  #readOldest(): number {
    const row = this.#connection.get<{ at: number }>('SELECT at FROM events ORDER BY offset LIMIT 1');
    // None although the figures count some: the next look finds nothing to remove.
    return row?.at ?? Number.MAX_SAFE_INTEGER;
  }
}
