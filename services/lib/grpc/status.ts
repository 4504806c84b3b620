/**
 * The one mapping between reasons and gRPC statuses, in both directions.
 *
 * The reason travels as google.rpc.ErrorInfo (domain "mcp2") in the trailer `grpc-status-details-bin`; clients decide by
 * it, never by message text. What is no ServiceError was not foreseen: it becomes INTERNAL and says nothing more.
 */
import { Metadata, status } from '@grpc/grpc-js';
import { REASONS, type Reason, ServiceError } from '../errors.ts';
import { decodeErrorInfo, decodeRetryDelayMs, type ErrorInfo, encodeStatusDetails } from './error-details.ts';

export const ERROR_DOMAIN = 'mcp2';
export const STATUS_DETAILS_KEY = 'grpc-status-details-bin';

/** What grpc-js sends as the end of a call, and the reason that it stands for. */
export interface StatusObject {
  readonly code: status;
  readonly details: string;
  readonly metadata: Metadata;
  readonly reason: Reason;
}

const STATUS: Readonly<Record<Reason, status>> = Object.freeze({
  CREDENTIAL_MISSING: status.UNAUTHENTICATED,
  CREDENTIAL_CONFLICT: status.UNAUTHENTICATED,
  TOKEN_MALFORMED: status.UNAUTHENTICATED,
  TOKEN_UNTRUSTED: status.UNAUTHENTICATED,
  TOKEN_NOT_YET_VALID: status.UNAUTHENTICATED,
  TOKEN_EXPIRED: status.UNAUTHENTICATED,
  TOKEN_REVOKED: status.UNAUTHENTICATED,
  PROOF_UNSUPPORTED: status.UNAUTHENTICATED,

  AUDIENCE_MISMATCH: status.PERMISSION_DENIED,
  CAPABILITY_DENIED: status.PERMISSION_DENIED,
  NAME_TAKEN: status.PERMISSION_DENIED,
  NAME_RESERVED: status.PERMISSION_DENIED,
  LEASE_NOT_YOURS: status.PERMISSION_DENIED,

  ARGUMENT_INVALID: status.INVALID_ARGUMENT,
  NAME_INVALID: status.INVALID_ARGUMENT,
  FILTER_INVALID: status.INVALID_ARGUMENT,
  TAG_INVALID: status.INVALID_ARGUMENT,
  PAGE_TOKEN_INVALID: status.INVALID_ARGUMENT,
  ENDPOINT_INVALID: status.INVALID_ARGUMENT,
  ENDPOINT_REFUSED: status.INVALID_ARGUMENT,
  SEQUENCE_BROKEN: status.INVALID_ARGUMENT,
  NOT_ACCEPTABLE: status.INVALID_ARGUMENT,
  TOPIC_RESERVED: status.INVALID_ARGUMENT,
  PAYLOAD_INVALID: status.INVALID_ARGUMENT,

  INSTANCE_UNKNOWN: status.NOT_FOUND,
  CONTEXT_UNKNOWN: status.NOT_FOUND,
  TOOL_UNKNOWN: status.NOT_FOUND,
  STREAM_UNKNOWN: status.NOT_FOUND,
  SESSION_UNKNOWN: status.NOT_FOUND,
  CARD_UNKNOWN: status.NOT_FOUND,
  SUBSCRIPTION_UNKNOWN: status.NOT_FOUND,
  SCHEMA_CHANGED: status.FAILED_PRECONDITION,
  BACKEND_REFUSED: status.FAILED_PRECONDITION,
  LOG_EPOCH: status.FAILED_PRECONDITION,
  START_IN_FUTURE: status.FAILED_PRECONDITION,
  FILTER_FIXED: status.FAILED_PRECONDITION,
  ETAG_MISMATCH: status.ABORTED,
  SEQUENCE_MISMATCH: status.ABORTED,
  SUBSCRIPTION_TAKEN: status.ABORTED,
  IDEMPOTENCY_CONFLICT: status.ALREADY_EXISTS,
  STREAM_TAKEN: status.ALREADY_EXISTS,
  EVENT_ID_REUSED: status.ALREADY_EXISTS,
  UPLOAD_TOO_LONG: status.OUT_OF_RANGE,
  BEFORE_RETENTION: status.OUT_OF_RANGE,
  DIGEST_MISMATCH: status.DATA_LOSS,
  UPLOAD_TOO_SHORT: status.DATA_LOSS,
  EVENT_DAMAGED: status.DATA_LOSS,
  LIMIT_EXCEEDED: status.RESOURCE_EXHAUSTED,
  RATE_LIMITED: status.RESOURCE_EXHAUSTED,
  POOL_FULL: status.RESOURCE_EXHAUSTED,
  QUEUE_FULL: status.RESOURCE_EXHAUSTED,
  QUOTA_EXCEEDED: status.RESOURCE_EXHAUSTED,
  SLOW_CONSUMER: status.RESOURCE_EXHAUSTED,
  LOG_FULL: status.RESOURCE_EXHAUSTED,
  STORE_UNAVAILABLE: status.UNAVAILABLE,
  REVISION_NOT_REACHED: status.UNAVAILABLE,
  REVOCATION_STALE: status.UNAVAILABLE,
  SHUTTING_DOWN: status.UNAVAILABLE,
  BACKEND_UNAVAILABLE: status.UNAVAILABLE,
  BREAKER_OPEN: status.UNAVAILABLE,
  DEADLINE_EXCEEDED: status.DEADLINE_EXCEEDED,
  STATEMENT_TIMEOUT: status.DEADLINE_EXCEEDED,
  MODULE_TIMEOUT: status.DEADLINE_EXCEEDED,
  MODULE_FAILED: status.INTERNAL,
  // The call may have been carried out: not UNAVAILABLE, which clients send again.
  OUTCOME_UNKNOWN: status.UNKNOWN,
  UNIMPLEMENTED: status.UNIMPLEMENTED,
  INTERNAL: status.INTERNAL,
});

/**
 * Trailers must fit into what other gRPC libraries accept as headers (grpc-core: 8 KiB), percent-encoded message and
 * base64 details together, or the caller sees a broken stream instead of the reason.
 */
const MAX_MESSAGE_CHARS = 512;
const MAX_FACTS = 16;
const MAX_FACT_CHARS = 128;

export function statusCodeOf(reason: Reason): status {
  return STATUS[reason];
}

/** The status that ends a call which failed with `error`; anything but a ServiceError is INTERNAL without detail. */
export function toStatusObject(error: unknown): StatusObject {
  const known = error instanceof ServiceError ? error : new ServiceError('INTERNAL', 'internal error');
  const code = STATUS[known.reason];
  const message = shorten(known.message, MAX_MESSAGE_CHARS);
  const facts = Object.entries(known.metadata).slice(0, MAX_FACTS);
  const errorInfo: ErrorInfo = {
    reason: known.reason,
    domain: ERROR_DOMAIN,
    metadata: Object.fromEntries(facts.map(([key, value]) => [key, shorten(value, MAX_FACT_CHARS)])),
  };
  const metadata = new Metadata();
  metadata.set(STATUS_DETAILS_KEY, encodeStatusDetails({ code, message, errorInfo, retryDelayMs: known.retryAfterMs }));
  return { code, details: message, metadata, reason: known.reason };
}

/** The same as an encoded google.rpc.Status, for a message of a stream that failed alone. */
export function statusBytesOf(error: unknown): Buffer {
  const [bytes] = toStatusObject(error).metadata.get(STATUS_DETAILS_KEY);
  return bytes as Buffer;
}

/**
 * Why a call failed, as the server said it, or undefined when it said nothing that this version knows.
 *
 * Three statuses have one meaning also when a gRPC library and not our handler sent them: the client's own deadline, a
 * message or header block over the limit, and a method that the server does not have.
 */
export function reasonOf(error: unknown): Reason | undefined {
  const { code, metadata } = (error ?? {}) as { code?: unknown; metadata?: unknown };
  const reason = metadata instanceof Metadata ? errorInfoOf(metadata)?.reason : undefined;
  if (reason !== undefined) return REASONS.find((known) => known === reason);
  if (code === status.DEADLINE_EXCEEDED) return 'DEADLINE_EXCEEDED';
  if (code === status.RESOURCE_EXHAUSTED) return 'LIMIT_EXCEEDED';
  if (code === status.UNIMPLEMENTED) return 'UNIMPLEMENTED';
  return undefined;
}

/** Our ErrorInfo out of the trailers of a failed call; undefined when there is none or it is of another domain. */
export function errorInfoOf(trailers: Metadata): ErrorInfo | undefined {
  const [bytes] = trailers.get(STATUS_DETAILS_KEY);
  const info = Buffer.isBuffer(bytes) ? decodeErrorInfo(bytes) : undefined;
  return info?.domain === ERROR_DOMAIN ? info : undefined;
}

/** How long to wait before another try, in milliseconds; undefined when the trailers do not say. */
export function retryDelayMsOf(trailers: Metadata): number | undefined {
  const [bytes] = trailers.get(STATUS_DETAILS_KEY);
  return Buffer.isBuffer(bytes) ? decodeRetryDelayMs(bytes) : undefined;
}

/** Well-formed, because grpc-js percent-encodes the message and a lone surrogate would throw inside the server. */
function shorten(text: string, maxChars: number): string {
  const short = text.length > maxChars ? `${text.slice(0, maxChars - 1)}…` : text;
  return short.toWellFormed();
}
