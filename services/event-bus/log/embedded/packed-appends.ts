/**
 * Many appends in one message between threads: flat lists are copied many times faster than as many objects, and a payload
 * that is a view of a big buffer (as those of gRPC are) would take all of that buffer along.
 */
import type { NewEvent } from '../event-log.ts';

export interface PackedAppends {
  readonly count: number;
  /** `TEXTS` an append. */
  readonly texts: readonly string[];
  /** `NUMBERS` an append. */
  readonly numbers: readonly number[];
  /** One behind the other. */
  readonly payloads: Uint8Array<ArrayBuffer>;
}

/** Order of an append's texts. */
export const TEXT = { topic: 0, contentType: 1, attributes: 2, eventId: 3, publisher: 4, publisherKey: 5 } as const;
export const TEXTS = 6;
/** Order of its numbers; -1 as the expected sequence: not checked. */
export const NUMBER = { payloadBytes: 0, expectedLastSequence: 1, duplicateOnly: 2, knownTopicOnly: 3 } as const;
export const NUMBERS = 4;

export class AppendPacker {
  #texts: string[] = [];
  #numbers: number[] = [];
  #payloads: Uint8Array[] = [];
  #bytes = 0;

  get count(): number {
    return this.#payloads.length;
  }

  /** Of the payloads. */
  get bytes(): number {
    return this.#bytes;
  }

  add(event: NewEvent): void {
    const { topic, contentType, attributes, eventId, publisher, publisherKey, payload } = event;
    this.#texts.push(topic, contentType, attributesText(attributes), eventId, publisher, publisherKey);
    this.#numbers.push(
      payload.length,
      event.expectedLastSequence ?? -1,
      event.duplicateOnly === true ? 1 : 0,
      event.knownTopicOnly === true ? 1 : 0,
    );
    this.#payloads.push(payload);
    this.#bytes += payload.length;
  }

  /** Everything since the last time. The payloads' buffer is the taker's alone: it may be transferred. */
  take(): PackedAppends {
    const payloads = joinBytes(this.#payloads, this.#bytes);
    const packed = { count: this.#payloads.length, texts: this.#texts, numbers: this.#numbers, payloads };
    this.#texts = [];
    this.#numbers = [];
    this.#payloads = [];
    this.#bytes = 0;
    return packed;
  }
}

export function joinBytes(parts: readonly Uint8Array[], length: number): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** By key: the same attributes in another order are the same. */
function attributesText(attributes: Readonly<Record<string, string>>): string {
  const keys = Object.keys(attributes);
  if (keys.length === 0) return '{}';
  if (keys.length === 1) return JSON.stringify(attributes);
  return JSON.stringify(Object.fromEntries(keys.sort().map((key) => [key, attributes[key]])));
}
