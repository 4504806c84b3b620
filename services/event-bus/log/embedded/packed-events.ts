/** Events that were read, in one message between threads: see `packed-appends.ts`. */
import type { StoredEvent } from '../event-log.ts';
import { joinBytes } from './packed-appends.ts';
import type { EventRow } from './schema.ts';

export interface PackedEvents {
  /** `NUMBERS` an event: offset, sequence, previous, time, length of the payload. */
  readonly numbers: Float64Array<ArrayBuffer>;
  /** `TEXTS` an event: topic, publisher, event id, content type, attributes. */
  readonly texts: readonly string[];
  readonly payloads: Uint8Array<ArrayBuffer>;
}

const NUMBERS = 5;
const TEXTS = 5;

/** A row whose content is as it was written, with its topic's name. */
export interface NamedRow extends Omit<EventRow, 'topic' | 'crc'> {
  readonly topic: string;
}

export function packEvents(rows: readonly NamedRow[]): PackedEvents {
  const numbers = new Float64Array(rows.length * NUMBERS);
  const texts: string[] = [];
  const payloads: Uint8Array[] = [];
  let bytes = 0;
  for (const [i, row] of rows.entries()) {
    numbers.set([row.offset, row.seq, row.prev, row.at, row.payload.length], i * NUMBERS);
    texts.push(row.topic, row.publisher, row.event_id, row.content_type, row.attributes);
    payloads.push(row.payload);
    bytes += row.payload.length;
  }
  return { numbers, texts, payloads: joinBytes(payloads, bytes) };
}

/** The payloads are views of one buffer. */
export function unpackEvents({ numbers, texts, payloads }: PackedEvents): StoredEvent[] {
  const events: StoredEvent[] = [];
  let at = 0;
  for (let i = 0; i < numbers.length / NUMBERS; i++) {
    const number = (place: number) => numbers[i * NUMBERS + place] as number;
    const text = (place: number) => texts[i * TEXTS + place] as string;
    const payload = payloads.subarray(at, at + number(4));
    at += payload.length;
    events.push({
      offset: number(0),
      topic: text(0),
      sequence: number(1),
      previous: number(2),
      publishedAtMs: number(3),
      publisher: text(1),
      eventId: text(2),
      contentType: text(3),
      attributes: text(4) === '{}' ? {} : JSON.parse(text(4)),
      payload,
    });
  }
  return events;
}

/** What a message with them may hand over instead of copying. */
export function buffersOf({ numbers, payloads }: PackedEvents): ArrayBuffer[] {
  return [numbers.buffer, payloads.buffer];
}
