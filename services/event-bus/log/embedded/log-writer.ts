/**
 * Group commit of the embedded log: everything that waited while the last commit was on its way to the disk becomes one
 * transaction, appends and changes of durable subscriptions alike, so that the disk's rate of flushes bounds the groups and
 * not the events.
 *
 * Whatever can be refused is refused before it writes. So an error in the transaction is the disk's, and nothing of the
 * group was applied. One that comes from damage in some place fails what meets that place and nothing else.
 */
import type { Clock } from '#lib/clock.ts';
import { isDamage, isFull } from '#lib/sqlite/errors.ts';
import { Appender, loadIds } from './append.ts';
import { DedupIndex } from './dedup-index.ts';
import { type DiskSpace, isFullFor, readDiskSpace } from './disk-space.ts';
import { DurableWrites } from './durable-writes.ts';
import { logFull, type SentError, toSent } from './errors.ts';
import type { LogConnection } from './log-connection.ts';
import { LogState } from './log-state.ts';
import {
  APPENDED,
  type CallAnswer,
  type Done,
  type LogStats,
  RESULT_NUMBERS,
  type Work,
  type WriterCall,
  type WriterSettings,
  type WriterTime,
} from './messages.ts';
import { RETENTION_BATCH, Retention } from './retention.ts';
import { joinDone, splitWork } from './split-work.ts';

/** Pages given back to the disk with a tick, when many are free or the disk is nearly full. */
const VACUUM_PAGES = 1_024;
/** Free pages that stay for the events to come, as a share of all. */
const KEPT_FREE_SHARE = 0.25;

export class LogWriter {
  readonly state: LogState;
  readonly #connection: LogConnection;
  readonly #settings: WriterSettings;
  readonly #clock: Clock;
  readonly #dedup = new DedupIndex();
  readonly #appender: Appender;
  readonly #retention: Retention;
  readonly #durables: DurableWrites;
  /** The dedup window goes by the monotonic clock, from where the last process stood. */
  readonly #dedupStart: number;
  #space: DiskSpace;
  #isFull = false;
  #commitSeconds = 0;

  constructor(connection: LogConnection, settings: WriterSettings, clock: Clock) {
    const { time, dedupWindowMs, maxTopics, durablesPerOwner, place, reserveBytes } = settings;
    this.#connection = connection;
    this.#settings = settings;
    this.#clock = clock;
    this.state = new LogState(connection);
    const { last, damaged } = loadIds(connection, this.#dedup);
    if (damaged > 0)
      this.state.warnings.push(`${damaged} of the event ids that were used of late cannot be read any more`);
    const youngest = last - dedupWindowMs;
    this.#dedupStart = Math.max(time.nowMs, youngest) - time.monotonicMs;
    this.#appender = new Appender({ connection, state: this.state, dedup: this.#dedup, maxTopics, dedupWindowMs });
    this.#retention = new Retention(connection, this.state, settings);
    this.#durables = new DurableWrites(connection, this.state, durablesPerOwner);
    this.#space = readDiskSpace(place.folder, reserveBytes);
  }

  get stats(): LogStats {
    const { lastOffset, events, bytes } = this.state.figures;
    return {
      lastOffset,
      events,
      bytes,
      topics: this.state.topics.size,
      ...this.#durables.counts,
      isFull: this.#isFull,
      freeBytes: this.#space.freeBytes,
      commitSeconds: this.#commitSeconds,
    };
  }

  /** One transaction; more where there is damage. @throws a mistake of ours */
  run(works: readonly Work[]): Done {
    const count = works.reduce((sum, { appends }) => sum + appends.count, 0);
    const results = new Float64Array(count * RESULT_NUMBERS);
    const errors: [number, SentError][] = [];
    const calls = works.flatMap((work) => work.calls);
    try {
      const answers = this.#transact(works, { results, errors, calls, count });
      this.#vacuumAfter(calls);
      return { kind: 'done', results, errors, answers, removals: this.#retention.takeRemovals(), stats: this.stats };
    } catch (error) {
      this.#rollback();
      const halves = isDamage(error) ? splitWork(works) : undefined;
      if (halves !== undefined) return joinDone(this.run(halves[0]), this.run(halves[1]));
      return this.#failed(error, count, calls.length);
    }
  }

  #transact(
    works: readonly Work[],
    {
      results,
      errors,
      calls,
      count,
    }: { results: Float64Array; errors: [number, SentError][]; calls: WriterCall[]; count: number },
  ): CallAnswer[] {
    const time = works.at(-1)?.time ?? this.#settings.time;
    this.#lookAtDisk(works, count);
    this.#connection.exec('BEGIN IMMEDIATE');
    const dedupNowMs = this.#dedupStart + time.monotonicMs;
    let first = 0;
    for (const { appends, time: at } of works) {
      const context = { nowMs: at.nowMs, dedupNowMs: this.#dedupStart + at.monotonicMs, isFull: this.#isFull };
      this.#appender.append(appends, context, { results, errors, first });
      first += appends.count;
    }
    const answers = calls.map((call) => this.#answer(call, time));
    this.#durables.flush(time.nowMs);
    const budget = Math.max(RETENTION_BATCH, 2 * count);
    this.#retention.remove(time.nowMs, budget);
    this.#appender.expireIds(dedupNowMs, budget);
    this.state.save();
    const startedMs = this.#clock.monotonicMs();
    this.#connection.exec('COMMIT');
    this.#commitSeconds = (this.#clock.monotonicMs() - startedMs) / 1_000;
    this.state.commit();
    this.#appender.commit();
    return answers;
  }

  #lookAtDisk(works: readonly Work[], count: number): void {
    const isTick = works.some(({ calls }) => calls.some(({ kind }) => kind === 'tick'));
    if (count === 0 && !isTick) return;
    const bytes = works.reduce((sum, { appends }) => sum + appends.payloads.length, 0);
    this.#space = readDiskSpace(this.#settings.place.folder, this.#settings.reserveBytes);
    this.#isFull = isFullFor(this.#space, bytes);
  }

  #answer(call: WriterCall, { nowMs }: WriterTime): CallAnswer {
    try {
      return { value: this.#apply(call, nowMs) };
    } catch (error) {
      if (!this.#connection.isTransaction) throw error;
      const sent = toSent(error, this.#settings.place);
      // Something of it may be in the transaction.
      if (sent.reason === 'STORE_UNAVAILABLE') throw error;
      return { error: sent };
    }
  }

  #apply(call: WriterCall, nowMs: number): unknown {
    switch (call.kind) {
      case 'create':
        return this.#durables.create(call.record, call.id, nowMs);
      case 'change':
        return this.#durables.change(call.id, call.changes);
      case 'delete':
        return this.#durables.delete(call.key);
      case 'tick':
        this.#retention.forget(nowMs);
        this.#durables.sweep(nowMs);
        return undefined;
    }
  }

  #failed(error: unknown, count: number, calls: number): Done {
    const sent = toSent(error, this.#settings.place);
    const results = new Float64Array(count * RESULT_NUMBERS);
    const errors: [number, SentError][] = [];
    for (let i = 0; i < count; i++) {
      results[i * RESULT_NUMBERS] = APPENDED.refused;
      errors.push([i, isFull(error) ? logFull() : sent]);
    }
    const answers = Array.from({ length: calls }, () => ({ error: sent }));
    return { kind: 'done', results, errors, answers, removals: [], stats: this.stats };
  }

  #rollback(): void {
    // SQLite ends the transaction by itself on a full disk.
    if (this.#connection.isTransaction) this.#connection.exec('ROLLBACK');
    this.state.rollback();
    this.#appender.rollback();
    this.#retention.rollback();
    this.#durables.rollback();
  }

  /** A few pages at a time, so that nobody waits long. */
  #vacuumAfter(calls: readonly WriterCall[]): void {
    if (!calls.some(({ kind }) => kind === 'tick')) return;
    const free = this.#connection.number('PRAGMA freelist_count');
    const pages = this.#connection.number('PRAGMA page_count');
    const isTight = isFullFor(this.#space, this.#space.reserveBytes);
    if (free <= VACUUM_PAGES || (!isTight && free < pages * KEPT_FREE_SHARE)) return;
    this.#connection.all(`PRAGMA incremental_vacuum(${VACUUM_PAGES})`);
  }
}
