/** A context that is the same for every caller. */

import { canonicalJson } from '#lib/canonical-json.ts';
import type { Segments } from '#lib/schema/schema.ts';
import { type Reading, readContent } from './reading.ts';
import type { StaticConfig } from './runtime-config.ts';

/** As the format has it: one of the four. */
export interface RawStatic {
  readonly text?: string;
  readonly json?: unknown;
  readonly base64?: string;
  readonly file?: string;
  readonly contentType?: string;
}

/** What one answer may hold. */
export const MAX_STATIC_BYTES = 4 * 1024 ** 2;

/** @returns undefined after a problem was added */
export function readStatic(reading: Reading, segments: Segments, raw: RawStatic): StaticConfig | undefined {
  const { document } = reading;
  const { contentType } = raw;
  if (contentType !== undefined && !/^[\w!#$&^.+-]+\/[\w!#$&^.+-]+(?:\s*;.*)?$/.test(contentType)) {
    document.add([...segments, 'contentType'], 'is no media type; write one such as text/plain or application/json');
  }
  const content = readBytes(reading, segments, raw);
  if (content === undefined) return undefined;
  return { content, contentType: contentType ?? usualType(raw) };
}

function readBytes(reading: Reading, segments: Segments, raw: RawStatic): Buffer | undefined {
  if (raw.text !== undefined) return Buffer.from(raw.text);
  if (raw.base64 !== undefined) return readBase64(reading, [...segments, 'base64'], raw.base64);
  if (raw.file !== undefined) return readContent(reading, [...segments, 'file'], raw.file, MAX_STATIC_BYTES);
  return Buffer.from(canonicalJson(raw.json));
}

/** Folded over lines as editors do it; otherwise exactly as RFC 4648 Section 4 writes it. */
function readBase64({ document }: Reading, segments: Segments, text: string): Buffer | undefined {
  const compact = text.replace(/\s/g, '');
  const content = Buffer.from(compact, 'base64');
  if (content.toString('base64') === compact) return content;
  document.add(segments, 'is no base64; write what "base64 -w0 FILE" prints');
  return undefined;
}

function usualType({ text, json }: RawStatic): string {
  if (text !== undefined) return 'text/plain; charset=utf-8';
  return json === undefined ? 'application/octet-stream' : 'application/json';
}
