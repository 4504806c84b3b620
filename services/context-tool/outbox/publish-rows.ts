/**
 * Publishes the rows of one batch. They are begun in their order; a row waits for the acknowledgement of the one before it on
 * the same topic, so that what is tried again never overtakes what follows it.
 *
 * The first row that cannot be published now, or never, and that nothing sets aside, ends the batch: none after it is begun.
 */
import type { Clock } from '#lib/clock.ts';
import { abortable, withDeadline } from '#lib/time-limit.ts';
import type { Settlement, TakenRow } from '../database/outbox-table.ts';
import { type OutboxEvent, type RowRules, readRow } from './outbox-row.ts';

/** Resolves when the event bus has the event. @throws PublishRefused when it never will; anything else: try again */
export type Publish = (event: OutboxEvent, signal: AbortSignal) => Promise<void>;

/** The event bus refuses the event for good. */
export class PublishRefused extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'PublishRefused';
  }
}

export interface PublishOptions extends RowRules {
  readonly publish: Publish;
  readonly clock: Clock;
  /** Whether a row that is refused is set aside. */
  readonly setsAside: boolean;
  /** Ids of rows that the event bus has, while the database could not settle them yet. */
  readonly published: Set<string>;
  /** Ids of rows that were settled before. */
  readonly settled: ReadonlySet<string>;
  /** No further row is begun. */
  readonly stopping: AbortSignal;
}

/** Why a batch ended before its end. */
export interface Halt {
  readonly kind: 'blocked' | 'unable';
  readonly row: TakenRow;
  readonly reason: string;
}

export interface PublishedBatch {
  readonly settlements: readonly Settlement[];
  readonly halt: Halt | undefined;
}

const SETTLED_BEFORE =
  'it was settled already and "take" gives it again: "done" and "failed" must take a row out, and no id may be used again';

/** How many are on their way at once, at most. */
const IN_FLIGHT = 32;
/** No row is begun after this, so that the database's transaction does not stay open. */
export const BATCH_MS = 5_000;
/** Of one event. */
export const PUBLISH_MS = 5_000;
/** What is on its way when the outbox stops. */
const STOP_MS = 1_000;

export async function publishRows(rows: readonly TakenRow[], options: PublishOptions): Promise<PublishedBatch> {
  const batch = new Batch(options);
  for (const row of rows) {
    if (!(await batch.begin(row))) break;
  }
  return batch.end();
}

class Batch {
  readonly #options: PublishOptions;
  readonly #untilMs: number;
  readonly #settlements: Settlement[] = [];
  readonly #byTopic = new Map<string, Promise<void>>();
  readonly #inFlight = new Set<Promise<void>>();
  #halt: Halt | undefined;

  constructor(options: PublishOptions) {
    this.#options = options;
    this.#untilMs = options.clock.monotonicMs() + BATCH_MS;
  }

  /** @returns whether the next one may follow */
  async begin(row: TakenRow): Promise<boolean> {
    const event = readRow(row, this.#options);
    if (row.id !== null && this.#options.settled.has(row.id)) {
      this.#halt ??= { kind: 'blocked', row, reason: SETTLED_BEFORE };
      return false;
    }
    if (typeof event === 'string') return this.#refuse(row, event);
    await this.#byTopic.get(event.topic);
    while (this.#inFlight.size >= IN_FLIGHT) await Promise.race(this.#inFlight);
    if (!this.#goesOn) return false;
    if (row.id !== null && this.#options.published.has(row.id)) {
      this.#settlements.push({ row });
      return true;
    }
    const sent = this.#send(row, event).finally(() => this.#inFlight.delete(sent));
    this.#inFlight.add(sent);
    this.#byTopic.set(event.topic, sent);
    return true;
  }

  async end(): Promise<PublishedBatch> {
    await Promise.all(this.#inFlight);
    return { settlements: this.#settlements, halt: this.#halt };
  }

  get #goesOn(): boolean {
    const { stopping, clock } = this.#options;
    return this.#halt === undefined && !stopping.aborted && clock.monotonicMs() < this.#untilMs;
  }

  /** Never rejects. */
  async #send(row: TakenRow, event: OutboxEvent): Promise<void> {
    const { publish, published } = this.#options;
    try {
      await this.#inTime((signal) => publish(event, signal));
      if (row.id !== null) published.add(row.id);
      this.#settlements.push({ row });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (error instanceof PublishRefused) this.#refuse(row, reason);
      else this.#halt ??= { kind: 'unable', row, reason };
    }
  }

  #refuse(row: TakenRow, reason: string): boolean {
    // Without an id no statement could name it.
    if (this.#options.setsAside && row.key !== null) {
      this.#settlements.push({ row, failedFor: reason });
      return true;
    }
    this.#halt ??= { kind: 'blocked', row, reason };
    return false;
  }

  #inTime(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const { clock, stopping } = this.#options;
    const stopped = new AbortController();
    const finished = new AbortController();
    const stop = () => {
      clock.sleep(STOP_MS, finished.signal).then(
        () => stopped.abort(new Error('the server is stopping')),
        () => undefined,
      );
    };
    if (stopping.aborted) stop();
    else stopping.addEventListener('abort', stop, { once: true });
    const onTimeout = () => new Error(`the event bus did not answer within ${PUBLISH_MS} ms`);
    const limits = { clock, timeoutMs: PUBLISH_MS, signal: stopped.signal, onTimeout };
    return withDeadline(limits, (signal) => abortable(work(signal), signal)).finally(() => {
      finished.abort();
      stopping.removeEventListener('abort', stop);
    });
  }
}
