/** Counts the gRPC messages in what a stream receives, wherever its bytes were cut, and hands them out whole if wanted. */

const PREFIX_BYTES = 5;

export class MessageWalker {
  readonly #onMessage: ((message: Buffer) => void) | undefined;
  #count = 0;
  /** Of the message that is being read; 0 between messages. */
  #left = 0;
  /** A prefix that was cut, or with `onMessage` a message that was cut. */
  #kept: Buffer | undefined;

  /** @param onMessage Costs a copy for each message that was cut. The bytes are valid during the call. */
  constructor(onMessage?: (message: Buffer) => void) {
    this.#onMessage = onMessage;
  }

  /** Messages that have come whole. */
  get count(): number {
    return this.#count;
  }

  push(bytes: Buffer): void {
    if (this.#onMessage !== undefined) this.#pushWhole(bytes, this.#onMessage);
    else this.#pushCounting(bytes);
  }

  #pushCounting(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length) {
      if (this.#left > 0) {
        const step = Math.min(this.#left, bytes.length - at);
        this.#left -= step;
        at += step;
        if (this.#left === 0) this.#count += 1;
        continue;
      }
      const prefix = this.#prefix(bytes, at);
      if (prefix === undefined) return;
      at += prefix.used;
      this.#left = prefix.length;
      if (prefix.length === 0) this.#count += 1;
    }
  }

  #prefix(bytes: Buffer, at: number): { readonly used: number; readonly length: number } | undefined {
    const kept = this.#kept;
    if (kept === undefined && bytes.length - at >= PREFIX_BYTES) {
      return { used: PREFIX_BYTES, length: bytes.readUInt32BE(at + 1) };
    }
    const known = kept === undefined ? bytes.subarray(at) : Buffer.concat([kept, bytes.subarray(at)]);
    if (known.length < PREFIX_BYTES) {
      this.#kept = Buffer.from(known);
      return undefined;
    }
    this.#kept = undefined;
    return { used: PREFIX_BYTES - (kept?.length ?? 0), length: known.readUInt32BE(1) };
  }

  #pushWhole(bytes: Buffer, onMessage: (message: Buffer) => void): void {
    const known = this.#kept === undefined ? bytes : Buffer.concat([this.#kept, bytes]);
    let at = 0;
    while (known.length - at >= PREFIX_BYTES) {
      const end = at + PREFIX_BYTES + known.readUInt32BE(at + 1);
      if (end > known.length) break;
      this.#count += 1;
      onMessage(known.subarray(at + PREFIX_BYTES, end));
      at = end;
    }
    this.#kept = at === known.length ? undefined : Buffer.from(known.subarray(at));
  }
}
