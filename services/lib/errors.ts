/**
 * The one list of reasons a call can fail with, and the error that carries one.
 *
 * Business code throws a ServiceError and knows nothing of gRPC; `grpc/status.ts` maps each reason to a status
 * and sends it to the caller as google.rpc.ErrorInfo. The message is written for the caller: what was wrong and
 * what to do, never a token, key, stack or store address. The original error travels as `cause`, for the log only.
 */

import { UserError } from './user-error.ts';

export const REASONS = [
  // Who are you? (UNAUTHENTICATED)
  'CREDENTIAL_MISSING',
  'CREDENTIAL_CONFLICT',
  'TOKEN_MALFORMED',
  'TOKEN_UNTRUSTED',
  'TOKEN_NOT_YET_VALID',
  'TOKEN_EXPIRED',
  'TOKEN_REVOKED',
  'PROOF_UNSUPPORTED',
  // Known, but not allowed. (PERMISSION_DENIED)
  'AUDIENCE_MISMATCH',
  'CAPABILITY_DENIED',
  'NAME_TAKEN',
  'NAME_RESERVED',
  'LEASE_NOT_YOURS',
  // The request is malformed. (INVALID_ARGUMENT)
  'ARGUMENT_INVALID',
  'NAME_INVALID',
  'FILTER_INVALID',
  'TAG_INVALID',
  'PAGE_TOKEN_INVALID',
  'ENDPOINT_INVALID',
  'ENDPOINT_REFUSED',
  'SEQUENCE_BROKEN',
  'NOT_ACCEPTABLE',
  'TOPIC_RESERVED',
  'PAYLOAD_INVALID',
  // Other.
  'INSTANCE_UNKNOWN',
  'CONTEXT_UNKNOWN',
  'TOOL_UNKNOWN',
  'STREAM_UNKNOWN',
  'SESSION_UNKNOWN',
  'CARD_UNKNOWN',
  'SUBSCRIPTION_UNKNOWN',
  'SCHEMA_CHANGED',
  'BACKEND_REFUSED',
  'LOG_EPOCH',
  'START_IN_FUTURE',
  'FILTER_FIXED',
  'ETAG_MISMATCH',
  'SEQUENCE_MISMATCH',
  'SUBSCRIPTION_TAKEN',
  'IDEMPOTENCY_CONFLICT',
  'STREAM_TAKEN',
  'EVENT_ID_REUSED',
  'UPLOAD_TOO_LONG',
  'BEFORE_RETENTION',
  'DIGEST_MISMATCH',
  'UPLOAD_TOO_SHORT',
  'EVENT_DAMAGED',
  'LIMIT_EXCEEDED',
  'RATE_LIMITED',
  'POOL_FULL',
  'QUEUE_FULL',
  'QUOTA_EXCEEDED',
  'SLOW_CONSUMER',
  'LOG_FULL',
  'STORE_UNAVAILABLE',
  'REVISION_NOT_REACHED',
  'REVOCATION_STALE',
  'SHUTTING_DOWN',
  'BACKEND_UNAVAILABLE',
  'BREAKER_OPEN',
  'DEADLINE_EXCEEDED',
  'STATEMENT_TIMEOUT',
  'MODULE_TIMEOUT',
  'MODULE_FAILED',
  'OUTCOME_UNKNOWN',
  'UNIMPLEMENTED',
  'INTERNAL',
] as const;
export type Reason = (typeof REASONS)[number];

export interface ServiceErrorOptions {
  /** Extra key-value facts for google.rpc.ErrorInfo.metadata; never secrets. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** What really happened; logged, never sent. */
  readonly cause?: unknown;
  /** Trying again sooner is in vain, in milliseconds; sent as google.rpc.RetryInfo. Absent: nothing is known. */
  readonly retryAfterMs?: number | undefined;
}

export class ServiceError extends UserError {
  readonly reason: Reason;
  readonly metadata: Readonly<Record<string, string>>;
  readonly retryAfterMs: number | undefined;

  constructor(reason: Reason, message: string, options: ServiceErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'ServiceError';
    this.reason = reason;
    this.metadata = options.metadata ?? {};
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** True when `error` is a ServiceError with this reason; decide by reason, never by message text. */
export function hasReason(error: unknown, reason: Reason): error is ServiceError {
  return error instanceof ServiceError && error.reason === reason;
}
