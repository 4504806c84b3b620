/**
 * The three ways to bound a wait. What was begun is never stopped by force: work that takes a signal is told, and work
 * that takes none goes on by itself while its caller does not.
 *
 * Built by hand instead of with AbortSignal.any and AbortSignal.timeout: the clock is an argument, and nothing is left
 * hanging on a signal that lives as long as the process.
 */
import type { Clock } from './clock.ts';

export interface DeadlineOptions {
  readonly clock: Clock;
  readonly timeoutMs: number;
  /** The caller's own signal; its reason is passed on. */
  readonly signal?: AbortSignal | undefined;
  /** Makes the reason of the abort when the time is up. */
  readonly onTimeout: () => Error;
}

/**
 * Runs work under a deadline and a caller's signal, both as one AbortSignal. Resolves and rejects as `work` does. Work
 * that ignores its signal is waited for: the caller decides whether two runs may overlap, this function never makes them.
 */
export async function withDeadline<T>(
  { clock, timeoutMs, signal, onTimeout }: DeadlineOptions,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted();
  const limit = new AbortController();
  const finished = new AbortController();
  const passOn = () => limit.abort(signal?.reason);
  signal?.addEventListener('abort', passOn, { once: true });
  clock.sleep(timeoutMs, finished.signal).then(
    () => limit.abort(onTimeout()),
    () => undefined,
  );
  try {
    return await work(limit.signal);
  } finally {
    finished.abort();
    signal?.removeEventListener('abort', passOn);
  }
}

/**
 * For work that takes no signal, where a shutdown must not wait for its time limit: settles as `work` does, or rejects
 * with the signal's reason as soon as it aborts. Nobody hears of the end of what was given up.
 */
export async function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  work.catch(() => undefined);
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/**
 * Waits for work, but no longer than `timeoutMs`; it is not stopped.
 *
 * @returns whether it ended in time
 * @throws what it rejected with by then; a later failure has nobody left to tell
 */
export async function atMost(timeoutMs: number, work: Promise<unknown>, clock: Clock): Promise<boolean> {
  work.catch(() => undefined);
  const done = new AbortController();
  const late = clock.sleep(timeoutMs, done.signal).then(
    () => false,
    () => false,
  );
  try {
    return await Promise.race([work.then(() => true), late]);
  } finally {
    done.abort();
  }
}
