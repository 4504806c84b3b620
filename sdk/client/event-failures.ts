/**
 * What a failure of the event bus means for whoever publishes or subscribes: which may be tried again, when, and whether
 * what was sent may have been carried out. Pure.
 */
import { status } from '@grpc/grpc-js';
import type { CallError } from '#lib/grpc/call-error.ts';
import { retryDelayMsOf } from '#lib/grpc/status.ts';

/** The bus knows an event's id for two minutes: what may have been appended is not sent again after that. */
export const SAFE_REPEAT_MS = 100_000;

/**
 * Whether a call may be sent again: the bus was away, or says itself when it may be. @returns how long to wait at least, in
 * milliseconds; undefined: the answer would be the same
 */
export function repeatDelayMs({ code, metadata }: CallError): number | undefined {
  const delayMs = retryDelayMsOf(metadata);
  if (code === status.UNAVAILABLE) return delayMs ?? 0;
  return code === status.RESOURCE_EXHAUSTED ? delayMs : undefined;
}

/** Whether the call may have been carried out. A refusal for lack of room is certain; "unavailable" is not. */
export function isUncertain({ code, reachedServer }: CallError): boolean {
  return reachedServer && code !== status.RESOURCE_EXHAUSTED;
}

/** The connection broke, or something between it and the bus gave up: nothing that the bus said. */
export function isBroken({ code, reason }: CallError): boolean {
  if (code === status.UNAVAILABLE || code === status.CANCELLED) return true;
  return reason === undefined && (code === status.INTERNAL || code === status.UNKNOWN);
}

/** The same for every event of this token. */
export function isAboutCredential({ code }: CallError): boolean {
  const codes = [status.UNAUTHENTICATED, status.PERMISSION_DENIED, status.UNIMPLEMENTED];
  return codes.includes(code);
}

export type SubscriptionFate =
  | { readonly kind: 'end' }
  /** Open the next stream, no sooner than this. */
  | { readonly kind: 'resume'; readonly afterMs: number }
  /** Open the next one once there is another token. */
  | { readonly kind: 'renew' };

/** @param wasOpen the subscription had a stream before: what is full or away may be so because of its last one */
export function fateOfSubscription(error: CallError, wasOpen: boolean): SubscriptionFate {
  const { code, reason, metadata } = error;
  if (reason === 'TOKEN_EXPIRED' || reason === 'CREDENTIAL_MISSING')
    return wasOpen ? { kind: 'renew' } : { kind: 'end' };
  const delayMs = retryDelayMsOf(metadata);
  if (isBroken(error) || reason === 'SLOW_CONSUMER') return { kind: 'resume', afterMs: delayMs ?? 0 };
  if (code !== status.RESOURCE_EXHAUSTED || (delayMs === undefined && !wasOpen)) return { kind: 'end' };
  return { kind: 'resume', afterMs: delayMs ?? 0 };
}
