/**
 * Waiting that can be given up: what was begun goes on by itself, and nobody hears of its end any more. For calls that
 * take no signal, where a shutdown must not wait for their time limit.
 */

/** Settles as `work` does, or rejects with the signal's reason as soon as it aborts. */
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
