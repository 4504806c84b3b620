/**
 * What a subscriber settles a delivery with: offset, attempt, and a MAC over both and the subscription, so that nobody can
 * settle what was not delivered to them, nor an event of a subscription that was deleted and made again.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Offset } from './log/event-log.ts';

export interface Delivery {
  readonly offset: Offset;
  /** 1 for the first. */
  readonly attempt: number;
}

const HEAD_BYTES = 12;
/** HMAC-SHA-256 cut to 128 bits (RFC 2104, Section 5). */
const MAC_BYTES = 16;
const LENGTH = Math.ceil(((HEAD_BYTES + MAC_BYTES) * 4) / 3);

export class AckIds {
  readonly #key: Buffer;

  constructor(key: Buffer) {
    this.#key = key;
  }

  /** @param subscription The id that was drawn when the subscription was made. */
  make(subscription: string, { offset, attempt }: Delivery): string {
    const bytes = Buffer.allocUnsafe(HEAD_BYTES + MAC_BYTES);
    bytes.writeBigUInt64BE(BigInt(offset), 0);
    bytes.writeUInt32BE(attempt, 8);
    this.#mac(subscription, bytes.subarray(0, HEAD_BYTES)).copy(bytes, HEAD_BYTES, 0, MAC_BYTES);
    return bytes.toString('base64url');
  }

  /** @returns undefined for a text that was not made here for this subscription */
  read(subscription: string, text: string): Delivery | undefined {
    if (text.length !== LENGTH) return undefined;
    const bytes = Buffer.from(text, 'base64url');
    if (bytes.length !== HEAD_BYTES + MAC_BYTES) return undefined;
    const head = bytes.subarray(0, HEAD_BYTES);
    const expected = this.#mac(subscription, head).subarray(0, MAC_BYTES);
    if (!timingSafeEqual(bytes.subarray(HEAD_BYTES), expected)) return undefined;
    return { offset: Number(head.readBigUInt64BE(0)), attempt: head.readUInt32BE(8) };
  }

  #mac(subscription: string, head: Buffer): Buffer {
    return createHmac('sha256', this.#key).update(head).update(subscription).digest();
  }
}
