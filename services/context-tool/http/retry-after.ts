/** The header Retry-After (RFC 9110 Section 10.2.3): seconds, or a date. */

/** Longer waits are not believed. */
const MAX_MS = 3_600_000;
const SECONDS = /^\d{1,9}$/;
/** As RFC 9110 Section 5.6.7 prefers it; Date.parse also reads what is no date at all. */
const DATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;

/** @returns milliseconds from now, at most an hour; undefined when the header says nothing that can be understood */
export function parseRetryAfter(header: string | undefined, nowMs: number): number | undefined {
  const text = header?.trim() ?? '';
  if (SECONDS.test(text)) return Math.min(Number(text) * 1_000, MAX_MS);
  const dateMs = DATE.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(dateMs) ? undefined : Math.min(Math.max(0, dateMs - nowMs), MAX_MS);
}
