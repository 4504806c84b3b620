/** The shorter one of two time limits holds, and the failure says which one it was. */
import type { Clock } from '#lib/clock.ts';
import { withDeadline } from '#lib/time-limit.ts';
import { HttpFailure, NOT_SENT } from './failure.ts';

/** Of the call for whose sake a request is made. */
export interface CallLimits {
  readonly signal: AbortSignal;
  /** Unix milliseconds. */
  readonly deadlineMs: number;
}

export interface Limits extends CallLimits {
  readonly timeoutMs: number;
}

/** @throws HttpFailure timeout, deadline or cancelled; what `work` rejects with */
export async function withinLimits<T>(
  clock: Clock,
  { signal, deadlineMs, timeoutMs }: Limits,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const remainingMs = deadlineMs - clock.nowMs();
  const kind = remainingMs <= timeoutMs ? 'deadline' : 'timeout';
  const expired = new HttpFailure(kind, NOT_SENT);
  if (signal.aborted) throw new HttpFailure('cancelled', { ...NOT_SENT, cause: signal.reason });
  if (remainingMs <= 0) throw expired;
  const limit = { clock, timeoutMs: Math.min(timeoutMs, remainingMs), signal, onTimeout: () => expired };
  return withDeadline(limit, async (both) => {
    try {
      return await work(both);
    } catch (error) {
      if (!(error instanceof HttpFailure) || !both.aborted) throw error;
      // What was waited for when the time was up is the better answer where it was a connection.
      if (both.reason === expired) throw error.kind === 'cancelled' ? new HttpFailure(kind, error) : error;
      throw error.kind === 'pool-full' ? new HttpFailure('cancelled', error) : error;
    }
  });
}
