/** The sentence for a call of the event bus that failed, with what to do about it. */
import { status } from '@grpc/grpc-js';
import { onOneLine } from '#lib/printable.ts';
import { CallError } from '#sdk/client/index.ts';
import { explainCallOf, type FailedTarget, type KnownService, saidBy } from '../connection-target.ts';
import { CommandFailed } from '../failure.ts';

export interface FailedBusCall extends FailedTarget {
  readonly timeoutMs: number;
}

/** What a person can do, by the reason. */
const ADVICE: Readonly<Partial<Record<string, string>>> = {
  BEFORE_RETENTION: '--from beginning begins with the oldest event that is kept',
  LOG_EPOCH: 'the log was restored or made anew since; --from beginning reads what it holds now',
  START_IN_FUTURE: '--from new waits for the events to come',
  FILTER_FIXED: '"mcp2 subscriptions" shows the filter it has; "mcp2 subscriptions delete" ends it',
  SUBSCRIPTION_TAKEN: 'one stream at a time reads a durable subscription',
  SUBSCRIPTION_UNKNOWN: '"mcp2 subscriptions" lists those of this subject; --as names another one',
  CREDENTIAL_CONFLICT: 'it was renewed for another subject or by another issuer',
};

/** @returns a CommandFailed where it is one for people */
export function explainBusCall(bus: KnownService, error: unknown, failed: FailedBusCall): unknown {
  if (error instanceof TypeError) return new CommandFailed(onOneLine(error.message), { cause: error });
  if (!(error instanceof CallError)) return error;
  const advice = error.reason === undefined ? undefined : ADVICE[error.reason];
  if (advice === undefined) {
    const timedOut = error.reason === undefined && error.code === status.DEADLINE_EXCEEDED;
    if (!timedOut) return explainCallOf(bus, error, failed, failed.timeoutMs);
    const sentence = `the event bus at ${failed.address} gave no answer within ${failed.timeoutMs / 1000} s`;
    return new CommandFailed(`${sentence}; --timeout waits longer`, { cause: error });
  }
  return new CommandFailed(`${saidBy(error)} (${error.reason}): ${advice}`, { cause: error });
}

/** Why one event of many was refused. */
export function whyRefused(error: unknown): string {
  if (!(error instanceof CallError)) return onOneLine(error instanceof Error ? error.message : String(error));
  const at = error.facts.path ? ` at ${onOneLine(error.facts.path)}` : '';
  return `${saidBy(error)} (${error.reason ?? status[error.code]}${at})`;
}
