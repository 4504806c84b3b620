/**
 * Finds an event id among those of the dedup window: a hash table of hashes in memory, 27 to 53 bytes an entry. As an
 * index of the database the ids, which are random, would dirty a page for each event.
 *
 * Only the first 8 bytes of a hash are compared, as two numbers (a bigint costs more than the search); whoever finds an
 * offset reads the whole hash in its row.
 */
import type { Offset } from '../event-log.ts';

const FIRST_CAPACITY = 1_024;
/** Of the places; beyond it chains grow long. */
const MAX_LOAD = 0.6;
/** Offsets begin with 1. */
const FREE = 0;

export class DedupIndex {
  #high = new Uint32Array(FIRST_CAPACITY);
  #low = new Uint32Array(FIRST_CAPACITY);
  #offsets = new Float64Array(FIRST_CAPACITY);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** @returns undefined when the hash is not there. */
  find(hash: Uint8Array): Offset | undefined {
    const offset = this.#offsets[this.#placeOf(wordAt(hash, 0), wordAt(hash, 4))] as number;
    return offset === FREE ? undefined : offset;
  }

  /** An older offset of the same hash is replaced. */
  set(hash: Uint8Array, offset: Offset): void {
    if (this.#count + 1 > this.#offsets.length * MAX_LOAD) this.#resize(this.#offsets.length * 2);
    this.#put(wordAt(hash, 0), wordAt(hash, 4), offset);
  }

  /** Without effect when the hash stands for another offset by now. */
  delete(hash: Uint8Array, offset: Offset): void {
    const place = this.#placeOf(wordAt(hash, 0), wordAt(hash, 4));
    if (offset === FREE || this.#offsets[place] !== offset) return;
    this.#count -= 1;
    this.#closeGap(place);
    const { length } = this.#offsets;
    if (length > FIRST_CAPACITY && this.#count < length * MAX_LOAD * 0.2) this.#resize(length / 2);
  }

  #put(high: number, low: number, offset: Offset): void {
    const place = this.#placeOf(high, low);
    if (this.#offsets[place] === FREE) this.#count += 1;
    this.#high[place] = high;
    this.#low[place] = low;
    this.#offsets[place] = offset;
  }

  /** Its own place, or the free one where it belongs. */
  #placeOf(high: number, low: number): number {
    const mask = this.#offsets.length - 1;
    let place = low & mask;
    while (this.#offsets[place] !== FREE && (this.#low[place] !== low || this.#high[place] !== high)) {
      place = (place + 1) & mask;
    }
    return place;
  }

  /** Moves up what is found by walking over the place (Knuth, The Art of Computer Programming, Section 6.4, Algorithm R). */
  #closeGap(gap: number): void {
    const mask = this.#offsets.length - 1;
    let free = gap;
    for (let place = (gap + 1) & mask; this.#offsets[place] !== FREE; place = (place + 1) & mask) {
      const home = (this.#low[place] as number) & mask;
      const isBetween = free <= place ? free < home && home <= place : free < home || home <= place;
      if (isBetween) continue;
      this.#high[free] = this.#high[place] as number;
      this.#low[free] = this.#low[place] as number;
      this.#offsets[free] = this.#offsets[place] as number;
      free = place;
    }
    this.#offsets[free] = FREE;
  }

  #resize(capacity: number): void {
    const [high, low, offsets] = [this.#high, this.#low, this.#offsets];
    this.#high = new Uint32Array(capacity);
    this.#low = new Uint32Array(capacity);
    this.#offsets = new Float64Array(capacity);
    this.#count = 0;
    for (const [i, offset] of offsets.entries()) {
      if (offset !== FREE) this.#put(high[i] as number, low[i] as number, offset);
    }
  }
}

function wordAt(bytes: Uint8Array, at: number): number {
  const byte = (i: number) => bytes[at + i] as number;
  return ((byte(0) << 24) | (byte(1) << 16) | (byte(2) << 8) | byte(3)) >>> 0;
}
