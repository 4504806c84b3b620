/**
 * Events as a person reads them, and as a program does. Nothing of a publisher's making reaches a terminal, a log or a CI
 * runner as it is: what is not seen is a space for people and an escape in JSON. Pure.
 */
import { decodeText } from '#lib/capability/parameter-value.ts';
import { escapeUnseen, onOneLine, shortOnOneLine } from '#lib/printable.ts';
import { type ReceivedEvent, toCloudEvent } from '#sdk/client/index.ts';
import { formatCursor } from './start-position.ts';

export type ShownEvent = Pick<
  ReceivedEvent,
  | 'topic'
  | 'payload'
  | 'sequence'
  | 'previousSequence'
  | 'cursor'
  | 'id'
  | 'publishedAtMs'
  | 'publisher'
  | 'contentType'
  | 'attributes'
  | 'attempt'
>;

/** More of a line nobody reads; `--output json` has all of it. */
const MAX_SHOWN_CHARACTERS = 4_000;

/** `inventory:prod_1:low_stock   17   {"current_stock":9}`, with what is unusual about it behind. */
export function formatEvent(event: ShownEvent): string {
  const attempt = event.attempt > 1 ? `   (attempt ${event.attempt})` : '';
  const attributes = Object.entries(event.attributes).map(([key, value]) => `${onOneLine(key)}=${onOneLine(value)}`);
  const more = attributes.length === 0 ? '' : `   [${attributes.join(', ')}]`;
  return `${onOneLine(event.topic)}   ${event.sequence}   ${formatPayload(event.payload)}${more}${attempt}`;
}

/** The same behind the time when it was published. */
export function formatTimedEvent(event: ShownEvent): string {
  return `${formatTime(event.publishedAtMs)}   ${formatEvent(event)}`;
}

/** Of the day, here. */
export function formatTime(ms: number): string {
  const time = new Date(ms);
  if (Number.isNaN(time.getTime())) return '--:--:--.---';
  return `${time.toTimeString().slice(0, 8)}.${String(time.getMilliseconds()).padStart(3, '0')}`;
}

export function formatPayload(payload: Uint8Array): string {
  if (payload.length === 0) return '(empty)';
  const text = decodeText(payload);
  if (text === undefined) return `(${payload.length} bytes, no text)`;
  return shortOnOneLine(text, MAX_SHOWN_CHARACTERS);
}

/** One line. The payload is `payload` where it is text, else `payload_base64`. */
export function eventJson(event: ShownEvent): string {
  const text = decodeText(event.payload);
  return escapeUnseen(
    JSON.stringify({
      topic: event.topic,
      sequence: event.sequence,
      previous_sequence: event.previousSequence,
      published_at: new Date(event.publishedAtMs),
      publisher: event.publisher,
      ...(event.id === '' ? {} : { id: event.id }),
      ...(event.contentType === '' ? {} : { content_type: event.contentType }),
      ...(Object.keys(event.attributes).length === 0 ? {} : { attributes: event.attributes }),
      ...(event.attempt === 0 ? {} : { attempt: event.attempt }),
      ...(text === undefined ? { payload_base64: Buffer.from(event.payload).toString('base64') } : { payload: text }),
      cursor: formatCursor(event.cursor),
    }),
  );
}

/** One line: the JSON format of CloudEvents. */
export function cloudEventJson(event: ShownEvent): string {
  return escapeUnseen(JSON.stringify(toCloudEvent(event, 'structured')));
}
