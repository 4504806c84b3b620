import { Metadata, status } from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import type { Reason } from '#lib/errors.ts';
import { CallError } from '#lib/grpc/call-error.ts';
import { encodeStatusDetails } from '#lib/grpc/error-details.ts';
import { STATUS_DETAILS_KEY } from '#lib/grpc/status.ts';
import { fateOfSubscription, isBroken, isUncertain, repeatDelayMs } from './event-failures.ts';

interface Failing {
  readonly reason?: Reason;
  readonly retryDelayMs?: number;
  readonly reachedServer?: boolean;
}

function failure(code: status, { reason, retryDelayMs, reachedServer = true }: Failing = {}): CallError {
  const metadata = new Metadata();
  const errorInfo = { reason: reason ?? '', domain: 'mcp2', metadata: {} };
  metadata.set(STATUS_DETAILS_KEY, encodeStatusDetails({ code, message: '', errorInfo, retryDelayMs }));
  return new CallError('x', { code, reason, metadata, reachedServer });
}

test.each([
  ['a bus that is away', failure(status.UNAVAILABLE), 0],
  ['one that says when', failure(status.UNAVAILABLE, { reason: 'SHUTTING_DOWN', retryDelayMs: 300 }), 300],
  ['a quota that fills again', failure(status.RESOURCE_EXHAUSTED, { reason: 'QUOTA_EXCEEDED', retryDelayMs: 70 }), 70],
  ['a quota that does not', failure(status.RESOURCE_EXHAUSTED, { reason: 'QUOTA_EXCEEDED' }), undefined],
  ['an id that was used', failure(status.ALREADY_EXISTS, { reason: 'EVENT_ID_REUSED' }), undefined],
  ['a mismatch', failure(status.ABORTED, { reason: 'SEQUENCE_MISMATCH', retryDelayMs: 70 }), undefined],
  ['a deadline', failure(status.DEADLINE_EXCEEDED), undefined],
])('%s: when it may be sent again', (_title, error, delayMs) => {
  expect(repeatDelayMs(error)).toBe(delayMs);
});

test('a refusal for lack of room is certain, and so is a call that went nowhere', () => {
  expect(isUncertain(failure(status.UNAVAILABLE))).toBe(true);
  expect(isUncertain(failure(status.UNAVAILABLE, { reachedServer: false }))).toBe(false);
  expect(isUncertain(failure(status.RESOURCE_EXHAUSTED))).toBe(false);
});

test('a stream that something between broke is told from one that the bus ended', () => {
  expect(isBroken(failure(status.INTERNAL))).toBe(true);
  expect(isBroken(failure(status.INTERNAL, { reason: 'INTERNAL' }))).toBe(false);
});

const RESUMES = { kind: 'resume', afterMs: 0 };
const ENDS = { kind: 'end' };
test.each([
  ['UNAVAILABLE', failure(status.UNAVAILABLE, { reason: 'SHUTTING_DOWN' }), RESUMES, RESUMES],
  ['SLOW_CONSUMER', failure(status.RESOURCE_EXHAUSTED, { reason: 'SLOW_CONSUMER' }), RESUMES, RESUMES],
  ['TOKEN_EXPIRED', failure(status.UNAUTHENTICATED, { reason: 'TOKEN_EXPIRED' }), ENDS, { kind: 'renew' }],
  ['no room', failure(status.RESOURCE_EXHAUSTED, { reason: 'QUOTA_EXCEEDED' }), ENDS, RESUMES],
  ['revoked', failure(status.UNAUTHENTICATED, { reason: 'TOKEN_REVOKED' }), ENDS, ENDS],
  ['denied', failure(status.PERMISSION_DENIED, { reason: 'CAPABILITY_DENIED' }), ENDS, ENDS],
  ['a filter', failure(status.INVALID_ARGUMENT, { reason: 'FILTER_INVALID' }), ENDS, ENDS],
  ['taken', failure(status.ABORTED, { reason: 'SUBSCRIPTION_TAKEN' }), ENDS, ENDS],
  ['removed', failure(status.OUT_OF_RANGE, { reason: 'BEFORE_RETENTION' }), ENDS, ENDS],
  ['another log', failure(status.FAILED_PRECONDITION, { reason: 'LOG_EPOCH' }), ENDS, ENDS],
  ['deleted', failure(status.NOT_FOUND, { reason: 'SUBSCRIPTION_UNKNOWN' }), ENDS, ENDS],
])('a subscription that ends with %s: at its first stream, and later', (_title, error, first, later) => {
  expect(fateOfSubscription(error, false)).toEqual(first);
  expect(fateOfSubscription(error, true)).toEqual(later);
});
