/**
 * Which reasons of protocol.md Section 2.7 RequestContext, InvokeTool and ServiceInfo.GetCard give, each with its status,
 * and which they do not. `reasons.test.ts` holds the two lists against all reasons, and the first against the tests here.
 */
import type { status } from '@grpc/grpc-js';
import type { Reason } from '#lib/errors.ts';

/** As protocol.md has them, not as the program does. */
export const STATUS_OF = {
  CREDENTIAL_MISSING: 'UNAUTHENTICATED',
  CREDENTIAL_CONFLICT: 'UNAUTHENTICATED',
  TOKEN_MALFORMED: 'UNAUTHENTICATED',
  TOKEN_UNTRUSTED: 'UNAUTHENTICATED',
  TOKEN_NOT_YET_VALID: 'UNAUTHENTICATED',
  TOKEN_EXPIRED: 'UNAUTHENTICATED',
  PROOF_UNSUPPORTED: 'UNAUTHENTICATED',
  AUDIENCE_MISMATCH: 'PERMISSION_DENIED',
  CAPABILITY_DENIED: 'PERMISSION_DENIED',
  ARGUMENT_INVALID: 'INVALID_ARGUMENT',
  NAME_INVALID: 'INVALID_ARGUMENT',
  NOT_ACCEPTABLE: 'INVALID_ARGUMENT',
  CONTEXT_UNKNOWN: 'NOT_FOUND',
  TOOL_UNKNOWN: 'NOT_FOUND',
  CARD_UNKNOWN: 'NOT_FOUND',
  SCHEMA_CHANGED: 'FAILED_PRECONDITION',
  BACKEND_REFUSED: 'FAILED_PRECONDITION',
  IDEMPOTENCY_CONFLICT: 'ALREADY_EXISTS',
  LIMIT_EXCEEDED: 'RESOURCE_EXHAUSTED',
  RATE_LIMITED: 'RESOURCE_EXHAUSTED',
  POOL_FULL: 'RESOURCE_EXHAUSTED',
  QUEUE_FULL: 'RESOURCE_EXHAUSTED',
  BACKEND_UNAVAILABLE: 'UNAVAILABLE',
  DEADLINE_EXCEEDED: 'DEADLINE_EXCEEDED',
  STATEMENT_TIMEOUT: 'DEADLINE_EXCEEDED',
  MODULE_TIMEOUT: 'DEADLINE_EXCEEDED',
  MODULE_FAILED: 'INTERNAL',
  INTERNAL: 'INTERNAL',
  OUTCOME_UNKNOWN: 'UNKNOWN',
} as const satisfies Partial<Record<Reason, keyof typeof status>>;

export type GivenReason = keyof typeof STATUS_OF;

/** With the part of the product that they belong to, and where they are shown once there is one. */
export const NOT_OF_THESE_RPCS: Readonly<Partial<Record<Reason, string>>> = {
  NAME_TAKEN: 'Discovery; test/integration/hostile-inputs.test.ts',
  NAME_RESERVED: 'Discovery; test/integration/hostile-inputs.test.ts',
  LEASE_NOT_YOURS: 'Discovery; test/integration/hostile-inputs.test.ts',
  FILTER_INVALID: 'Discovery; test/integration/hostile-inputs.test.ts',
  TAG_INVALID: 'Discovery; test/integration/hostile-inputs.test.ts',
  PAGE_TOKEN_INVALID: 'Discovery; test/integration/hostile-inputs.test.ts',
  ENDPOINT_INVALID: 'Discovery; test/integration/hostile-inputs.test.ts',
  ENDPOINT_REFUSED: 'Discovery; test/integration/hostile-inputs.test.ts',
  INSTANCE_UNKNOWN: 'Discovery; test/integration/hostile-inputs.test.ts',
  REVISION_NOT_REACHED: 'Discovery; test/integration/hostile-inputs.test.ts',
  STORE_UNAVAILABLE: 'Discovery; test/integration/registry-outage.test.ts',
  SHUTTING_DOWN:
    'streams alone: a unary call is let finish, or its connection is cut; test/integration/grpc-drain.test.ts',
  UNIMPLEMENTED: 'methods that come with uploads, telemetry and sessions (No. 5)',
  ETAG_MISMATCH: 'uploads (No. 5)',
  UPLOAD_TOO_LONG: 'uploads (No. 5)',
  UPLOAD_TOO_SHORT: 'uploads (No. 5)',
  DIGEST_MISMATCH: 'uploads (No. 5)',
  STREAM_UNKNOWN: 'telemetry (No. 5)',
  STREAM_TAKEN: 'telemetry (No. 5)',
  SESSION_UNKNOWN: 'sessions (No. 5)',
  SEQUENCE_BROKEN: 'sessions (No. 5)',
  TOPIC_RESERVED: 'the event bus; test/conformance/event-bus',
  PAYLOAD_INVALID: 'the event bus; test/conformance/event-bus',
  SUBSCRIPTION_UNKNOWN: 'the event bus; test/conformance/event-bus',
  LOG_EPOCH: 'the event bus; test/conformance/event-bus',
  START_IN_FUTURE: 'the event bus; test/conformance/event-bus',
  FILTER_FIXED: 'the event bus; test/conformance/event-bus',
  SEQUENCE_MISMATCH: 'the event bus; test/conformance/event-bus',
  SUBSCRIPTION_TAKEN: 'the event bus; test/conformance/event-bus',
  EVENT_ID_REUSED: 'the event bus; test/conformance/event-bus',
  BEFORE_RETENTION: 'the event bus; test/conformance/event-bus',
  EVENT_DAMAGED: 'the event bus; test/conformance/event-bus',
  QUOTA_EXCEEDED: 'the event bus; test/conformance/event-bus',
  SLOW_CONSUMER: 'the event bus; test/conformance/event-bus',
  LOG_FULL: 'the event bus; test/conformance/event-bus',
  BREAKER_OPEN: 'policies (No. 8)',
  TOKEN_REVOKED: 'the token service: until then there is no revocation feed; services/lib/token/verify.test.ts',
  REVOCATION_STALE: 'the token service: until then there is no revocation feed; services/lib/token/revocations.test.ts',
};
