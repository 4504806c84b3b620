/** `--from`: where a subscription begins. Pure. */
import { parseDurationMs } from '#lib/config/env-reader.ts';
import { quoted } from '#lib/printable.ts';
import { usageError } from '../failure.ts';

export type StartPosition =
  | 'new'
  | 'earliest'
  | 'last-per-topic'
  | { readonly sequence: number }
  | { readonly cursor: Buffer }
  | { readonly timeMs: number };

export const FROM_HELP =
  'new, beginning, last (of each topic), a sequence, a time (2026-01-31T12:00:00Z), a while ago (15m), or cursor:TEXT';

const WORDS: Readonly<Record<string, StartPosition>> = {
  new: 'new',
  beginning: 'earliest',
  last: 'last-per-topic',
};
/** As many bytes as a cursor has, in base64url. */
const CURSOR = /^cursor:([A-Za-z0-9_-]{22})$/;
/** RFC 3339 Section 5.6, or a date alone. */
const TIME = /^\d{4}-\d\d-\d\d(?:[Tt ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:[Zz]|[+-]\d\d:\d\d))?$/;
const SEQUENCE = /^\d{1,15}$/;

/** @throws CommandFailed for what says no position */
export function parseStartPosition(text: string, nowMs: number): StartPosition {
  const word = Object.hasOwn(WORDS, text) ? WORDS[text] : undefined;
  if (word !== undefined) return word;
  if (SEQUENCE.test(text) && Number(text) > 0) return { sequence: Number(text) };
  const cursor = CURSOR.exec(text)?.[1];
  if (cursor !== undefined) return { cursor: Buffer.from(cursor, 'base64url') };
  const ago = parseDurationMs(text);
  if (ago !== undefined) return { timeMs: Math.max(0, nowMs - ago) };
  const timeMs = TIME.test(text) ? Date.parse(text.replace(' ', 'T')) : Number.NaN;
  if (timeMs >= 0) return { timeMs };
  throw usageError(`--from ${quoted(text)} says no position; use ${FROM_HELP}`);
}

/** What `parseStartPosition` reads. */
export function formatCursor(cursor: Uint8Array): string {
  return `cursor:${Buffer.from(cursor).toString('base64url')}`;
}
