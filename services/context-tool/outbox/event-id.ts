/**
 * The event id of a row: `<server>/<database>/<id>`, the same each time the row is published, so that the event bus knows it
 * again.
 *
 * Control characters and "%" of the id are written %XX, byte for byte of UTF-8, so that no two ids become one. What is longer
 * than an event id may be is cut, and ends with "~" and a hash of the whole.
 */
import { createHash } from 'node:crypto';

export const MAX_EVENT_ID_BYTES = 128;
/** "~" and the SHA-256 in base64url. */
const HASH_BYTES = 44;

export interface RowName {
  readonly server: string;
  readonly database: string;
  readonly id: string;
}

export function eventIdOf({ server, database, id }: RowName): string {
  const whole = `${server}/${database}/${escapeControls(id)}`;
  if (Buffer.byteLength(whole) <= MAX_EVENT_ID_BYTES) return whole;
  const hash = createHash('sha256').update(whole).digest('base64url');
  return `${firstBytes(whole, MAX_EVENT_ID_BYTES - HASH_BYTES)}~${hash}`;
}

function escapeControls(id: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is looked for.
  return id.replace(/[\u0000-\u001f\u007f%]/g, (character) => {
    return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
  });
}

/** Whole characters of at most so many bytes. */
function firstBytes(text: string, bytes: number): string {
  let cut = '';
  let size = 0;
  for (const character of text) {
    size += Buffer.byteLength(character);
    if (size > bytes) break;
    cut += character;
  }
  return cut;
}
