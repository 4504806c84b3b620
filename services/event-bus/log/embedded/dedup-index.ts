/**
 * Finds an event id among those of the dedup window: a hash table of hashes in memory, 16 to 32 bytes an entry. As an
 * index of the database the ids, which are random, would dirty a page for each event.
 *
 * Only the first 8 bytes of a hash are compared; whoever finds an offset reads the whole hash in its row.
 */
import type { Offset } from '../event-log.ts';

const FIRST_CAPACITY = 1_024;
/** Of the places; beyond it chains grow long. */
const MAX_LOAD = 0.6;
/** Offsets begin with 1. */
const FREE = 0;

export class DedupIndex {
  #hashes = new BigUint64Array(FIRST_CAPACITY);
  #offsets = new Float64Array(FIRST_CAPACITY);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** @returns undefined when the hash is not there. */
  find(hash: bigint): Offset | undefined {
    const offset = this.#offsets[this.#placeOf(hash)] as number;
    return offset === FREE ? undefined : offset;
  }

  /** An older offset of the same hash is replaced. */
  set(hash: bigint, offset: Offset): void {
    if (this.#count + 1 > this.#offsets.length * MAX_LOAD) this.#resize(this.#offsets.length * 2);
    const place = this.#placeOf(hash);
    if (this.#offsets[place] === FREE) this.#count += 1;
    this.#hashes[place] = hash;
    this.#offsets[place] = offset;
  }

  /** Without effect when the hash stands for another offset by now. */
  delete(hash: bigint, offset: Offset): void {
    const place = this.#placeOf(hash);
    if (this.#offsets[place] !== offset) return;
    this.#count -= 1;
    this.#closeGap(place);
    const { length } = this.#offsets;
    if (length > FIRST_CAPACITY && this.#count < length * MAX_LOAD * 0.2) this.#resize(length / 2);
  }

  /** Its own place, or the free one where it belongs. */
  #placeOf(hash: bigint): number {
    const mask = this.#offsets.length - 1;
    let place = Number(hash & 0xffff_ffffn) & mask;
    while (this.#offsets[place] !== FREE && this.#hashes[place] !== hash) place = (place + 1) & mask;
    return place;
  }

  /** Moves up what is found by walking over the place (Knuth, The Art of Computer Programming, Section 6.4, Algorithm R). */
  #closeGap(gap: number): void {
    const mask = this.#offsets.length - 1;
    let free = gap;
    for (let place = (gap + 1) & mask; this.#offsets[place] !== FREE; place = (place + 1) & mask) {
      const home = Number((this.#hashes[place] as bigint) & 0xffff_ffffn) & mask;
      const isBetween = free <= place ? free < home && home <= place : free < home || home <= place;
      if (isBetween) continue;
      this.#hashes[free] = this.#hashes[place] as bigint;
      this.#offsets[free] = this.#offsets[place] as number;
      free = place;
    }
    this.#offsets[free] = FREE;
  }

  #resize(capacity: number): void {
    const hashes = this.#hashes;
    const offsets = this.#offsets;
    this.#hashes = new BigUint64Array(capacity);
    this.#offsets = new Float64Array(capacity);
    for (const [i, offset] of offsets.entries()) {
      if (offset === FREE) continue;
      const place = this.#placeOf(hashes[i] as bigint);
      this.#hashes[place] = hashes[i] as bigint;
      this.#offsets[place] = offset;
    }
  }
}
