import { Metadata, status } from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import { REASONS, ServiceError } from '../errors.ts';
import { encodeStatusDetails } from './error-details.ts';
import { reasonOf, retryDelayMsOf, STATUS_DETAILS_KEY, statusCodeOf, toStatusObject } from './status.ts';

test.each([
  ['CREDENTIAL_MISSING', status.UNAUTHENTICATED],
  ['TOKEN_EXPIRED', status.UNAUTHENTICATED],
  ['AUDIENCE_MISMATCH', status.PERMISSION_DENIED],
  ['NAME_TAKEN', status.PERMISSION_DENIED],
  ['FILTER_INVALID', status.INVALID_ARGUMENT],
  ['INSTANCE_UNKNOWN', status.NOT_FOUND],
  ['CONTEXT_UNKNOWN', status.NOT_FOUND],
  ['TOOL_UNKNOWN', status.NOT_FOUND],
  ['CARD_UNKNOWN', status.NOT_FOUND],
  ['SCHEMA_CHANGED', status.FAILED_PRECONDITION],
  ['LIMIT_EXCEEDED', status.RESOURCE_EXHAUSTED],
  ['REVOCATION_STALE', status.UNAVAILABLE],
  ['SHUTTING_DOWN', status.UNAVAILABLE],
] as const)('%s is sent as status %i', (reason, code) => {
  expect(toStatusObject(new ServiceError(reason, 'x')).code).toBe(code);
});

test.each(REASONS)('%s survives the way through the trailers', (reason) => {
  expect(reasonOf(toStatusObject(new ServiceError(reason, 'x')))).toBe(reason);
  expect(statusCodeOf(reason)).toBeGreaterThan(0);
});

test.each([
  ['an error', new Error('postgres://admin:hunter2@db')],
  ['a string', 'hunter2'],
  ['nothing', undefined],
])('%s that was not foreseen is INTERNAL and says nothing', (_title, error) => {
  const answer = toStatusObject(error);
  expect(answer).toMatchObject({ code: status.INTERNAL, reason: 'INTERNAL', details: 'internal error' });
  expect(JSON.stringify(answer.metadata.toHttp2Headers())).not.toContain('hunter2');
});

test('the cause of a foreseen error is not sent', () => {
  const error = new ServiceError('STORE_UNAVAILABLE', 'the store is away', { cause: new Error('10.0.0.7:2379') });
  const { details, metadata } = toStatusObject(error);
  expect(details + metadata.get(STATUS_DETAILS_KEY).toString()).not.toContain('10.0.0.7');
});

test('message and facts are cut so that the trailers fit into 8 KiB', () => {
  const facts = Object.fromEntries(
    Array.from({ length: 100 }, (_value, index) => [`fact${index}`, 'y'.repeat(10_000)]),
  );
  const { details, metadata } = toStatusObject(new ServiceError('NAME_INVALID', 'x'.repeat(1e6), { metadata: facts }));
  const trailers = JSON.stringify(metadata.toHttp2Headers()).length + encodeURI(details).length;
  expect(trailers).toBeLessThan(8 * 1024);
});

test.each([
  ['an ErrorInfo of another domain', 'CAPABILITY_DENIED', 'example.com'],
  ['a reason of a later version', 'NOT_YET_INVENTED', 'mcp2'],
])('%s is no reason', (_title, reason, domain) => {
  const metadata = new Metadata();
  const errorInfo = { reason, domain, metadata: {} };
  metadata.set(STATUS_DETAILS_KEY, encodeStatusDetails({ code: 7, message: '', errorInfo }));
  expect(reasonOf({ code: status.PERMISSION_DENIED, metadata })).toBeUndefined();
});

test('what a gRPC library says by itself has a reason where the status has one meaning only', () => {
  const metadata = new Metadata();
  expect(reasonOf({ code: status.DEADLINE_EXCEEDED, metadata })).toBe('DEADLINE_EXCEEDED');
  expect(reasonOf({ code: status.RESOURCE_EXHAUSTED, metadata })).toBe('LIMIT_EXCEEDED');
  expect(reasonOf({ code: status.UNIMPLEMENTED, metadata })).toBe('UNIMPLEMENTED');
  expect(reasonOf({ code: status.UNAVAILABLE, metadata })).toBeUndefined();
  expect(reasonOf(undefined)).toBeUndefined();
  expect(reasonOf(new Error('x'))).toBeUndefined();
});

test('a delay survives the way through the trailers, and is absent when the error has none', () => {
  const limited = toStatusObject(new ServiceError('RATE_LIMITED', 'later', { retryAfterMs: 1_500 }));
  expect(retryDelayMsOf(limited.metadata)).toBe(1_500);
  expect(retryDelayMsOf(toStatusObject(new ServiceError('RATE_LIMITED', 'later')).metadata)).toBeUndefined();
});
