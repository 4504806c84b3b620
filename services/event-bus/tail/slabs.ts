/**
 * Memory for many small buffers that live long and end in about the order in which they were made.
 *
 * What node allocates small buffers from is shared with those that live for a moment: one envelope of 1 KiB that stays keeps
 * 8 KiB of them. Here envelopes lie beside each other, and a slab goes with the last of its own.
 */
const SLAB_BYTES = 256 * 1024;
/** Larger ones have memory of their own. */
const LARGE_BYTES = 64 * 1024;

export class Slabs {
  #slab = Buffer.alloc(0);
  #used = 0;

  /** The same bytes in memory that keeps nothing else alive. */
  copy(bytes: Buffer): Buffer {
    if (bytes.length > LARGE_BYTES) return copyInto(Buffer.allocUnsafeSlow(bytes.length), bytes);
    if (this.#used + bytes.length > this.#slab.length) {
      this.#slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
      this.#used = 0;
    }
    const place = this.#slab.subarray(this.#used, this.#used + bytes.length);
    this.#used += bytes.length;
    return copyInto(place, bytes);
  }
}

function copyInto(target: Buffer, bytes: Buffer): Buffer {
  bytes.copy(target);
  return target;
}
