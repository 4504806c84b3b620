/** What an outbox tells of itself: gauges, and one line a minute as long as it does not get on. */
import type { Clock } from '#lib/clock.ts';
import type { Logger } from '#lib/logger.ts';
import { shortOnOneLine } from '#lib/printable.ts';
import type { Settlement, TakenRow } from '../database/outbox-table.ts';

export interface OutboxReport {
  /** It stopped at a row that can never be published. */
  readonly isBlocked: boolean;
  /** How long the first row has been there, as far as this process has seen it. 0: none is. */
  readonly ageSeconds: number;
  /** Since the event bus or the database refuse to do their part. 0: they do it. */
  readonly unableSeconds: number;
}

const LOG_EVERY_MS = 60_000;

export class OutboxState {
  readonly #clock: Clock;
  readonly #log: Logger;
  #first: { readonly id: string | null; readonly sinceMs: number } | undefined;
  #trouble: { readonly sinceMs: number; readonly isBlocked: boolean } | undefined;
  #loggedMs = Number.NEGATIVE_INFINITY;

  constructor({ clock, log }: { readonly clock: Clock; readonly log: Logger }) {
    this.#clock = clock;
    this.#log = log;
  }

  now(): OutboxReport {
    const nowMs = this.#clock.monotonicMs();
    return {
      isBlocked: this.#trouble?.isBlocked ?? false,
      ageSeconds: this.#first === undefined ? 0 : (nowMs - this.#first.sinceMs) / 1_000,
      unableSeconds: this.#trouble === undefined ? 0 : (nowMs - this.#trouble.sinceMs) / 1_000,
    };
  }

  found([first]: readonly TakenRow[]): void {
    if (first === undefined || first.id === this.#first?.id) return;
    this.#first = { id: first.id, sinceMs: this.#clock.monotonicMs() };
  }

  /** The first that is left was there when its batch was taken. */
  settled(rows: readonly TakenRow[], settlements: readonly Settlement[]): void {
    const gone = new Set(settlements.map(({ row }) => row));
    const left = rows.find((row) => !gone.has(row));
    const sinceMs = this.#first?.sinceMs ?? this.#clock.monotonicMs();
    this.#first = left === undefined ? undefined : { id: left.id, sinceMs };
  }

  inOrder(): void {
    if (this.#trouble === undefined) return;
    this.#trouble = undefined;
    this.#loggedMs = Number.NEGATIVE_INFINITY;
    this.#log.info({}, 'the outbox gets on again');
  }

  unable(reason: string): void {
    this.#tell({ isBlocked: false });
    this.#say((log) => log.warn({ reason: short(reason) }, 'the outbox cannot publish now; its rows are kept'));
  }

  blocked(id: string | null | undefined, reason: string): void {
    this.#tell({ isBlocked: true });
    const shownId = id === null || id === undefined ? id : short(id);
    this.#say((log) => log.error({ id: shownId, reason: short(reason) }, 'the outbox stopped at a row'));
  }

  setAside({ id }: TakenRow, reason: string): void {
    this.#log.warn({ id: id === null ? id : short(id), reason: short(reason) }, 'a row was set aside');
  }

  #tell({ isBlocked }: { readonly isBlocked: boolean }): void {
    const before = this.#trouble;
    if (before !== undefined && before.isBlocked !== isBlocked) this.#loggedMs = Number.NEGATIVE_INFINITY;
    this.#trouble = { sinceMs: before?.sinceMs ?? this.#clock.monotonicMs(), isBlocked };
  }

  #say(say: (log: Logger) => void): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#loggedMs < LOG_EVERY_MS) return;
    this.#loggedMs = nowMs;
    say(this.#log);
  }
}

function short(text: string): string {
  return shortOnOneLine(text, 500);
}
