/**
 * How much a module may write into the log: so many lines in each second, then they are counted and dropped. Both sides
 * hold it: the child, so that a flood costs its parent nothing, and the parent for all children of a module together.
 */

export const LINES_PER_SECOND = 1_000;
/** Of one line, in UTF-8. What is longer is cut. */
export const MAX_LINE_BYTES = 4 * 1024;

export class LineLimit {
  readonly #linesPerSecond: number;
  #beganMs = Number.NEGATIVE_INFINITY;
  #taken = 0;
  #dropped = 0;

  constructor(linesPerSecond = LINES_PER_SECOND) {
    this.#linesPerSecond = linesPerSecond;
  }

  /** @param nowMs Monotonic. @returns whether the line may be written; if not, it is counted. */
  take(nowMs: number): boolean {
    if (nowMs - this.#beganMs >= 1_000) {
      this.#beganMs = nowMs;
      this.#taken = 0;
    }
    if (this.#taken < this.#linesPerSecond) {
      this.#taken += 1;
      return true;
    }
    this.#dropped += 1;
    return false;
  }

  /** Lines that somebody else dropped already. */
  add(dropped: number): void {
    this.#dropped += dropped;
  }

  /** How many were dropped since this was last asked. */
  takeDropped(): number {
    const dropped = this.#dropped;
    this.#dropped = 0;
    return dropped;
  }
}

/** Text of at most `maxBytes` of UTF-8; "…" stands for what was cut. */
export function cut(text: string, maxBytes: number): string {
  // A unit of UTF-16 has at most three bytes in UTF-8.
  if (text.length * 3 <= maxBytes) return text;
  const bytes = Buffer.from(text.length > maxBytes ? text.slice(0, maxBytes + 1) : text);
  if (bytes.length <= maxBytes) return text;
  // A character that the cut went through decodes to U+FFFD.
  return `${bytes.toString('utf8', 0, maxBytes - 3).replace(/\ufffd+$/, '')}…`;
}
