/** A row as an event, or why it can never be one. What needs no event bus to be refused is refused here. */
import { isTopic } from '#lib/capability/name.ts';
import { matches, type Pattern } from '#lib/capability/pattern.ts';
import { quoted } from '#lib/printable.ts';
import type { OutboxCell, TakenRow } from '../database/outbox-table.ts';
import { eventIdOf } from './event-id.ts';

export interface OutboxEvent {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly id: string;
  /** "": not stated. */
  readonly contentType: string;
  readonly attributes: Readonly<Record<string, string>>;
}

export interface RowRules {
  readonly server: string;
  readonly database: string;
  readonly topics: readonly Pattern[];
}

export const MAX_PAYLOAD_BYTES = 256 * 1024;
const MAX_ATTRIBUTE_BYTES = 32 * 1024;

/** @returns a sentence for whoever repairs the row */
export function readRow(row: TakenRow, rules: RowRules): OutboxEvent | string {
  const { id, topic: cell, payload } = row;
  if (id === null) return 'its id is NULL, or bytes';
  const topic = textOf(cell);
  if (topic === undefined || !isTopic(topic)) {
    return `its topic ${shown(cell)} is none: 1 to 12 segments joined by ":"`;
  }
  if (!rules.topics.some((pattern) => matches(pattern, topic))) {
    return `its topic ${quoted(topic)} is outside of "topics"`;
  }
  if (payload === null) return 'its payload is NULL';
  const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload;
  if (bytes.length > MAX_PAYLOAD_BYTES) return `its payload has ${bytes.length} bytes; at most ${MAX_PAYLOAD_BYTES}`;
  const contentType = row.contentType === null ? '' : textOf(row.contentType);
  if (contentType === undefined || !isClean(contentType)) return 'its content_type is no text of printable characters';
  const traceparent = row.traceparent === null ? '' : textOf(row.traceparent);
  if (traceparent === undefined || !isClean(traceparent)) return 'its traceparent is no text of printable characters';
  const attributes = traceparent === '' ? {} : { traceparent };
  return { topic, payload: bytes, id: eventIdOf({ ...rules, id }), contentType, attributes };
}

function textOf(cell: OutboxCell): string | undefined {
  return typeof cell === 'string' ? cell : undefined;
}

/** No control character, and short enough for an attribute. */
function isClean(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is looked for.
  return !/[\u0000-\u001f\u007f]/.test(text) && Buffer.byteLength(text) < MAX_ATTRIBUTE_BYTES / 2;
}

function shown(cell: OutboxCell): string {
  if (cell === null) return 'NULL';
  return typeof cell === 'string' ? quoted(cell) : 'of bytes';
}
