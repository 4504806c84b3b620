/**
 * A call as several attempts: how many, at which pauses, and what ends it. Each attempt is recorded for the layers round
 * the call. What the attempts are made at (the registry, or one endpoint after the other) is the caller's.
 */
import { status } from '@grpc/grpc-js';
import type { Clock } from '#lib/clock.ts';
import { CallError } from '#lib/grpc/call-error.ts';
import type { Attempt, ClientCall } from './middleware.ts';
import type { RetryBudget } from './retry-budget.ts';

/** A call on its way through the client. */
export interface RunningCall extends ClientCall {
  readonly attempts: Attempt[];
  /** On the monotonic clock. */
  readonly endMs: number;
}

export interface AttemptPlan {
  readonly maxAttempts: number;
  /** Before the attempt with this number, from 2; 0 = none. */
  readonly pauseMs: (attempt: number) => number;
  /** Whether the call may be sent again after this. Never rejects. */
  readonly mayRepeat: (error: CallError) => boolean | Promise<boolean>;
  /** False for an attempt that cost nobody anything while there is another endpoint to go to. */
  readonly counts: (error: CallError) => boolean;
  /** Makes one. Throws a CallError, which has no `tried` yet. */
  readonly run: (attempt: number) => Promise<unknown>;
}

export interface AttemptDependencies {
  readonly clock: Clock;
  readonly budget: RetryBudget;
}

/** Attempts that are not counted end as well. */
const MAX_UNCOUNTED = 10;

/** @throws CallError of the last attempt; the signal's reason; or whatever `run` throws that is no CallError */
export async function runAttempts(
  plan: AttemptPlan,
  { signal, endMs }: RunningCall,
  { clock, budget }: AttemptDependencies,
): Promise<unknown> {
  budget.called();
  let counted = 0;
  for (let attempt = 1; ; attempt += 1) {
    signal.throwIfAborted();
    try {
      return await plan.run(attempt);
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      if (plan.counts(error)) counted += 1;
      const isLast = counted >= plan.maxAttempts || attempt >= plan.maxAttempts + MAX_UNCOUNTED;
      if (isLast || !(await plan.mayRepeat(error))) throw error;
      const pauseMs = plan.pauseMs(attempt + 1);
      if (clock.monotonicMs() + pauseMs >= endMs) throw error;
      // Only what reaches a server adds to its work.
      if (error.reachedServer && !budget.take()) throw error;
      if (pauseMs > 0) await clock.sleep(pauseMs, signal);
    }
  }
}

export interface AttemptTarget {
  readonly server: string;
  readonly endpoint: string;
}

/** Runs one attempt and records how it ended. */
export async function recordAttempt<T>(
  { attempts }: RunningCall,
  clock: Clock,
  target: AttemptTarget,
  run: () => Promise<T>,
): Promise<T> {
  const startedMs = clock.nowMs();
  const record = (outcome: string) => attempts.push({ ...target, startedMs, endedMs: clock.nowMs(), outcome });
  try {
    const answer = await run();
    record('OK');
    return answer;
  } catch (error) {
    record(error instanceof CallError ? (status[error.code] ?? String(error.code)) : 'CANCELLED');
    throw error;
  }
}

/** Milliseconds that are left of the call, at least 1: grpc-js takes a deadline that has passed for none. */
export function remainingMs({ endMs }: RunningCall, clock: Clock): number {
  return Math.max(1, endMs - clock.monotonicMs());
}
