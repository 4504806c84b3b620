/**
 * The newest events that match one filter, for all subscribers with that filter. A cursor into it, not a queue: what a
 * subscriber has not read costs nothing beyond what the tail holds anyway.
 */
import type { Pattern } from '#lib/capability/pattern.ts';
import type { Offset } from '../log/event-log.ts';

export interface TailEntry {
  readonly offset: Offset;
  readonly topic: string;
  /** The envelope, encoded. */
  readonly bytes: Buffer;
}

export interface TailPage {
  readonly entries: readonly TailEntry[];
  /** Everything that matches up to here is in `entries`, or was removed. */
  readonly upTo: Offset;
  /** Matching events that retention removed. */
  readonly missed: number;
}

export interface TakeLimits {
  readonly maxEvents: number;
  /** One event is returned however large it is. */
  readonly maxBytes: number;
}

/** In the place of one that was let go, until the list is cut: it must not keep the memory of its envelope. */
export const GONE: TailEntry = Object.freeze({ offset: 0, topic: '', bytes: Buffer.alloc(0) });

/** Undefined where nothing in memory was removed, which is the usual case. */
export type IsRemoved = (entry: TailEntry) => boolean;

/** References to this many entries are kept for each filter; who is further behind searches the tail. */
const RECENT = 1024;

export class Feed {
  readonly filter: Pattern;
  /** Told when an event came, in the tick in which it did. */
  readonly listeners = new Set<() => void>();
  users = 0;
  /** Matching entries in order, those before `#head` gone. */
  #recent: TailEntry[] = [];
  #head = 0;
  /** Every matching entry after this offset is in `#recent`. */
  #complete: Offset;

  constructor(filter: Pattern, end: Offset) {
    this.filter = filter;
    this.#complete = end;
  }

  push(entry: TailEntry): void {
    this.#recent.push(entry);
    if (this.#recent.length - this.#head > RECENT) this.#drop();
    if (this.#head > RECENT) this.#compact();
  }

  /** The tail lets go of its oldest entry. */
  evict(entry: TailEntry): void {
    if (this.#recent[this.#head] === entry) this.#drop();
  }

  /** @returns undefined when the entries after `after` are not all here */
  take(after: Offset, end: Offset, limits: TakeLimits, isRemoved: IsRemoved | undefined): TailPage | undefined {
    if (after < this.#complete) return undefined;
    const first = firstAfter(this.#recent, this.#head, after);
    return collect(this.#recent, first, { end, ...limits, isRemoved });
  }

  #drop(): void {
    const dropped = this.#recent[this.#head] as TailEntry;
    this.#complete = dropped.offset;
    this.#recent[this.#head] = GONE;
    this.#head += 1;
    if (this.#head === this.#recent.length) this.#compact();
  }

  #compact(): void {
    this.#recent = this.#recent.slice(this.#head);
    this.#head = 0;
  }
}

/** Index of the first entry behind the offset. */
export function firstAfter(entries: readonly TailEntry[], from: number, after: Offset): number {
  let low = from;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((entries[middle] as TailEntry).offset <= after) low = middle + 1;
    else high = middle;
  }
  return low;
}

interface CollectOptions extends TakeLimits {
  readonly end: Offset;
  readonly isRemoved: IsRemoved | undefined;
}

function collect(from: readonly TailEntry[], first: number, options: CollectOptions): TailPage {
  const { end, maxEvents, maxBytes, isRemoved } = options;
  const entries: TailEntry[] = [];
  let bytes = 0;
  let missed = 0;
  for (let i = first; i < from.length; i++) {
    const entry = from[i] as TailEntry;
    if (isRemoved?.(entry)) {
      missed += 1;
      continue;
    }
    bytes += entry.bytes.length;
    if (entries.length === maxEvents || (bytes > maxBytes && entries.length > 0)) {
      return { entries, upTo: (entries.at(-1) as TailEntry).offset, missed };
    }
    entries.push(entry);
  }
  return { entries, upTo: end, missed };
}
