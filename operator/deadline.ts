/**
 * Runs work under a deadline and a caller's signal, both as one AbortSignal.
 *
 * Built by hand instead of with AbortSignal.any and AbortSignal.timeout: the clock is an argument, and nothing is
 * left hanging on a signal that lives as long as the process.
 */
import type { Clock } from '#lib/clock.ts';

export interface DeadlineOptions {
  readonly clock: Clock;
  readonly timeoutMs: number;
  /** The caller's own signal; its reason is passed on. */
  readonly signal?: AbortSignal | undefined;
  /** Makes the reason of the abort when the time is up. */
  readonly onTimeout: () => Error;
}

/**
 * Resolves and rejects as `work` does. Work that ignores its signal is waited for: the caller decides whether two
 * runs may overlap, this function never makes them.
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
