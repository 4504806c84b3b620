/**
 * Drains one outbox: looks for rows, publishes them, settles them, batch after batch, until it is stopped.
 *
 * After a failure a batch is one row, and grows again with each that goes well: a row that the database cannot settle is found
 * that way, and an event bus that is away is not asked for a hundred.
 */
import { Backoff } from '#lib/backoff.ts';
import { compilePattern, type Pattern } from '#lib/capability/pattern.ts';
import type { Clock } from '#lib/clock.ts';
import { hasReason } from '#lib/errors.ts';
import type { Logger } from '#lib/logger.ts';
import { shortOnOneLine } from '#lib/printable.ts';
import type { OutboxTable, Settlement, TakenRow } from '../database/outbox-table.ts';
import type { OutboxMeter } from './outbox-metrics.ts';
import { OutboxState } from './outbox-state.ts';
import { BATCH_MS, type Halt, PUBLISH_MS, type Publish, publishRows } from './publish-rows.ts';

export interface OutboxOptions {
  readonly server: string;
  readonly database: string;
  /** Patterns, checked. */
  readonly topics: readonly string[];
  readonly everyMs: number;
  readonly setsAside: boolean;
  readonly table: OutboxTable;
  readonly publish: Publish;
  readonly meter: OutboxMeter;
  readonly clock: Clock;
  readonly log: Logger;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

export const MAX_BATCH = 100;
const PAUSES = { baseMs: 500, capMs: 10_000 };
/** How long a row's reason may be, which `failed` gets. */
const MAX_REASON_CHARACTERS = 500;

type Next = 'at once' | 'every' | 'later';

export class Outbox {
  readonly #options: OutboxOptions;
  readonly #topics: readonly Pattern[];
  readonly #state: OutboxState;
  readonly #backoff: Backoff;
  readonly #published = new Set<string>();
  #settled: ReadonlySet<string> = new Set();
  #limit = MAX_BATCH;

  constructor(options: OutboxOptions) {
    const { topics, clock, log, random, meter } = options;
    this.#options = options;
    this.#topics = topics.map((topic) => compilePattern(topic)).filter((pattern) => pattern !== undefined);
    this.#state = new OutboxState({ clock, log });
    this.#backoff = new Backoff({ ...PAUSES, random });
    meter.watch(() => this.#state.now());
  }

  /**
   * Until `stopping` aborts: what is on its way then has a second, and is settled. Never rejects.
   *
   * @param ended Gives up a database that does not answer.
   */
  async run(stopping: AbortSignal, ended: AbortSignal): Promise<void> {
    const { clock, everyMs, meter } = this.#options;
    while (!stopping.aborted) {
      const next = await this.#drain(stopping, ended);
      if (next === 'at once') continue;
      await clock.sleep(next === 'every' ? everyMs : this.#backoff.nextMs(), stopping).catch(() => undefined);
    }
    meter.end();
  }

  async #drain(stopping: AbortSignal, ended: AbortSignal): Promise<Next> {
    const batch = {
      rows: [] as readonly TakenRow[],
      settlements: [] as readonly Settlement[],
      halt: undefined as Halt | undefined,
    };
    const limit = this.#limit;
    const settle = async (rows: readonly TakenRow[]) => {
      batch.rows = rows;
      this.#state.found(rows);
      const { server, database, publish, clock, setsAside } = this.#options;
      const rules = { server, database, topics: this.#topics };
      const done = await publishRows(rows, {
        ...{ ...rules, publish, clock, setsAside, stopping },
        published: this.#published,
        settled: this.#settled,
      });
      batch.halt = done.halt;
      batch.settlements = done.settlements.map(shortReason);
      return batch.settlements;
    };
    try {
      const settleMs = BATCH_MS + PUBLISH_MS;
      const result = await this.#options.table.drain({ limit, signal: ended, settleMs, settle });
      if (result === 'busy') return 'every';
      this.#commit(batch.rows, batch.settlements);
      return batch.halt === undefined ? this.#wentWell(batch.rows.length, limit) : this.#halted(batch.halt);
    } catch (error) {
      if (stopping.aborted) return 'every';
      return this.#failed(error, batch.rows[0]);
    }
  }

  /** What was settled is settled for good. */
  #commit(rows: readonly TakenRow[], settlements: readonly Settlement[]): void {
    const { meter } = this.#options;
    const ids = settlements.flatMap(({ row: { id } }) => id ?? []);
    for (const id of ids) this.#published.delete(id);
    if (rows.length === 0) this.#published.clear();
    if (ids.length > 0) this.#settled = new Set(ids);
    const failed = settlements.filter(({ failedFor }) => failedFor !== undefined);
    for (const { row, failedFor } of failed) this.#state.setAside(row, failedFor ?? '');
    meter.failed(failed.length);
    meter.published(settlements.length - failed.length);
    this.#state.settled(rows, settlements);
  }

  #wentWell(taken: number, limit: number): Next {
    this.#state.inOrder();
    this.#backoff.reset();
    this.#limit = Math.min(MAX_BATCH, limit * 2);
    return taken < limit ? 'every' : 'at once';
  }

  #halted({ kind, row, reason }: Halt): Next {
    this.#limit = 1;
    if (kind === 'blocked') this.#state.blocked(row.id, reason);
    else this.#state.unable(reason);
    return 'later';
  }

  /** The database: what was published is remembered, so that it is not published again as long as this process runs. */
  #failed(error: unknown, first: TakenRow | undefined): Next {
    const reason = error instanceof Error ? error.message : String(error);
    if (hasReason(error, 'LIMIT_EXCEEDED') && this.#limit > 1) {
      this.#limit = Math.ceil(this.#limit / 4);
      return 'at once';
    }
    const isRefused = hasReason(error, 'BACKEND_REFUSED') || hasReason(error, 'LIMIT_EXCEEDED');
    if (isRefused && this.#limit === 1) this.#state.blocked(first?.id, reason);
    else this.#state.unable(reason);
    this.#limit = 1;
    return 'later';
  }
}

function shortReason({ row, failedFor }: Settlement): Settlement {
  return failedFor === undefined ? { row } : { row, failedFor: shortOnOneLine(failedFor, MAX_REASON_CHARACTERS) };
}
