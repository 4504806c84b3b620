/**
 * metav1.MicroTime as text: RFC 3339 with exactly six fractional digits. The API server answers 400 to any other
 * number of digits, so a JavaScript date with three would leave the operator without a leader and without a word.
 */

export function formatMicroTime(nowMs: number): string {
  return new Date(nowMs).toISOString().replace('Z', '000Z');
}

/** metav1.Time: whole seconds, as conditions carry it. */
export function formatTime(nowMs: number): string {
  return new Date(nowMs).toISOString().replace(/\.\d{3}Z$/, 'Z');
}
