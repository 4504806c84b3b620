/**
 * Waits for a condition instead of sleeping, and says what it last saw when the condition never came true.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';

export interface EventuallyOptions {
  /** Default 10,000. */
  readonly timeoutMs?: number;
  /** Default 25. */
  readonly intervalMs?: number;
  /** What is waited for; begins the error's sentence. Default "condition". */
  readonly what?: string;
}

/**
 * Calls `read` until `accept` says yes, and returns that value. An error thrown by `read` counts as "not yet".
 *
 * @throws Error with the last value or error that was seen. A `read` that never settles is left behind.
 */
export async function eventually<T>(
  read: () => T | Promise<T>,
  accept: (value: T) => boolean,
  { timeoutMs = 10_000, intervalMs = 25, what = 'condition' }: EventuallyOptions = {},
): Promise<T> {
  const deadlineMs = performance.now() + timeoutMs;
  let last = 'nothing: the first read never settled';
  let cause: unknown;
  for (;;) {
    const seen = await attempt(read, deadlineMs);
    if (seen?.kind === 'value') {
      if (accept(seen.value)) return seen.value;
      last = inspect(seen.value, { depth: 8, breakLength: 120 }).slice(0, 4_000);
      cause = undefined;
    } else if (seen?.kind === 'error') {
      last = String(seen.error).slice(0, 4_000);
      cause = seen.error;
    }
    if (performance.now() + intervalMs >= deadlineMs) break;
    await sleep(intervalMs);
  }
  throw new Error(`${what} was not reached within ${timeoutMs} ms; last seen: ${last}`, { cause });
}

type Seen<T> = { readonly kind: 'value'; readonly value: T } | { readonly kind: 'error'; readonly error: unknown };

/** One read, given up at the deadline. @returns undefined when it did not settle in time. */
async function attempt<T>(read: () => T | Promise<T>, deadlineMs: number): Promise<Seen<T> | undefined> {
  const giveUp = new AbortController();
  const settled = Promise.resolve()
    .then(read)
    .then(
      (value): Seen<T> => ({ kind: 'value', value }),
      (error: unknown): Seen<T> => ({ kind: 'error', error }),
    );
  const timeout = sleep(Math.max(0, deadlineMs - performance.now()), undefined, { signal: giveUp.signal }).catch(
    () => undefined,
  );
  try {
    return await Promise.race([settled, timeout]);
  } finally {
    giveUp.abort();
  }
}
