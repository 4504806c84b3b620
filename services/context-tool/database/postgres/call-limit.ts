/**
 * The time that one step of a call has: until the caller leaves, until its deadline, or as long as it is worth waiting for
 * a server that says nothing. The first of them ends it, and is named.
 */
import type { Clock } from '#lib/clock.ts';
import type { Call } from '#sdk/server/declaration.ts';
import { deadlineExceeded, type StatementLimit } from './failure.ts';

export interface Patience {
  readonly signal: AbortSignal;
  /** It is no longer needed. */
  end(): void;
}

/** A reason that is at hand: without one an AbortController makes an error with a stack, for a tenth of a call's time. */
const FINISHED = 'finished';
/** What setTimeout and statement_timeout take; a call without a deadline waits that long. */
const LONGEST_MS = 2 ** 31 - 1;

export interface PatienceOptions {
  readonly clock: Clock;
  /** Default: only the caller's own limits hold. */
  readonly ms?: number | undefined;
  /** When that is over before the deadline. */
  readonly onTimeout?: (() => Error) | undefined;
}

export function startPatience(
  { signal, deadlineMs }: Pick<Call, 'signal' | 'deadlineMs'>,
  { clock, ms = LONGEST_MS, onTimeout = deadlineExceeded }: PatienceOptions,
): Patience {
  const limit = new AbortController();
  const finished = new AbortController();
  const remainingMs = deadlineMs - clock.nowMs();
  const leave = () => limit.abort(signal.reason);
  if (signal.aborted) leave();
  else signal.addEventListener('abort', leave, { once: true });
  clock.sleep(Math.max(0, Math.min(ms, remainingMs, LONGEST_MS)), finished.signal).then(
    () => limit.abort(remainingMs <= ms ? deadlineExceeded() : onTimeout()),
    () => undefined,
  );
  return {
    signal: limit.signal,
    end() {
      finished.abort(FINISHED);
      signal.removeEventListener('abort', leave);
    },
  };
}

/** For the server: `statement_timeout`, at least a millisecond since 0 is none. */
export function statementLimit(remainingMs: number, statementTimeoutMs: number): StatementLimit {
  if (remainingMs > statementTimeoutMs) return { ms: statementTimeoutMs, by: 'statementTimeout' };
  return { ms: Math.min(Math.max(1, Math.ceil(remainingMs)), LONGEST_MS), by: 'deadline' };
}
