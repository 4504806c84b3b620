/** Rows of events as they come from the database, checked, with the bounds of a page. */
import type { DamagedEvent } from './messages.ts';
import type { NamedRow } from './packed-events.ts';
import { type EventRow, eventChecksum } from './schema.ts';

export interface PageBounds {
  readonly maxEvents: number;
  readonly maxBytes: number;
}

/** A page while it is filled. */
export class PageRows {
  readonly rows: NamedRow[] = [];
  readonly damaged: DamagedEvent[] = [];
  /** Events that lie between two of the page and are not there, by the number of their topic. */
  readonly holes = new Map<number, number>();
  readonly #bounds: PageBounds;
  readonly #lastSequences = new Map<number, number>();
  readonly #lastOffsets = new Map<number, number>();
  #bytes = 0;

  constructor(bounds: PageBounds) {
    this.#bounds = bounds;
  }

  /** @returns false when the row does not fit any more. */
  add(row: EventRow, topic: string | undefined): boolean {
    const { maxEvents, maxBytes } = this.#bounds;
    if (this.rows.length >= maxEvents || this.damaged.length >= maxEvents) return false;
    if (this.rows.length > 0 && this.#bytes + row.bytes > maxBytes) return false;
    const named = checkedRow(row, topic);
    this.#lastOffsets.set(row.topic, row.offset);
    if (named === undefined) {
      this.addDamaged(row.offset, topic, row.seq);
      this.#lastSequences.delete(row.topic);
    } else {
      this.#lookForHole(row);
      this.#bytes += row.bytes;
      this.rows.push(named);
    }
    return true;
  }

  /** A damaged index gives no error: it lacks an event that the next one of its topic names. */
  #lookForHole({ topic, seq, prev }: EventRow): void {
    const last = this.#lastSequences.get(topic);
    if (last !== undefined && prev > last) this.holes.set(topic, (this.holes.get(topic) ?? 0) + prev - last);
    this.#lastSequences.set(topic, seq);
  }

  /** Whether the topic's events in the page, damaged ones included, come up to this one. */
  has(topic: number, offset: number): boolean {
    return (this.#lastOffsets.get(topic) ?? 0) >= offset;
  }

  addDamaged(offset: number, topic = 'unknown', sequence = 0): void {
    this.damaged.push({ offset, topic, sequence });
  }
}

/** @returns undefined when the row is not as it was written. */
export function checkedRow(row: EventRow, topic: string | undefined): NamedRow | undefined {
  if (topic === undefined || eventChecksum(row, topic) !== row.crc) return undefined;
  return { ...row, topic };
}
