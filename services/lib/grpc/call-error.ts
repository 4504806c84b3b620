/**
 * How a call of ours failed: `reason` is what the server said, `code` what gRPC said.
 *
 * Not a ServiceError on purpose: a service that lets one escape must not tell its own caller UNAUTHENTICATED because a
 * service behind it did.
 */
import { type ServiceError as GrpcError, Metadata, type status } from '@grpc/grpc-js';
import type { Reason } from '../errors.ts';
import { type Detail, encodeStatusDetails, readDetails } from './error-details.ts';
import { errorInfoOf, reasonOf, STATUS_DETAILS_KEY } from './status.ts';

/** What a client finds out by itself, without a server that says so. NO_ENDPOINT: nobody is known who could answer. */
export type ClientReason = 'NO_ENDPOINT';

export interface CallFailure {
  readonly code: status;
  readonly reason?: Reason | ClientReason | undefined;
  readonly facts?: Readonly<Record<string, string>>;
  readonly metadata?: Metadata;
  /** Default true: whoever does not know must not send it twice. */
  readonly reachedServer?: boolean;
  readonly tried?: readonly string[];
  readonly cause?: unknown;
}

export class CallError extends Error {
  readonly code: status;
  /** What the server said; undefined when it said nothing, or could not be reached (code UNAVAILABLE). */
  readonly reason: Reason | ClientReason | undefined;
  /** ErrorInfo.metadata: facts that belong to the reason, for example the owner of a name. */
  readonly facts: Readonly<Record<string, string>>;
  /** The trailers. */
  readonly metadata: Metadata;
  /** False: certainly no server has seen the call, so that it may be sent again whatever it does. */
  readonly reachedServer: boolean;
  /** The servers that were tried, in order, as "name at host:port"; empty where there was no choice. */
  readonly tried: readonly string[];

  constructor(message: string, failure: CallFailure) {
    super(message, failure.cause === undefined ? undefined : { cause: failure.cause });
    this.name = 'CallError';
    this.code = failure.code;
    this.reason = failure.reason;
    this.facts = failure.facts ?? {};
    this.metadata = failure.metadata ?? new Metadata();
    this.reachedServer = failure.reachedServer ?? true;
    this.tried = failure.tried ?? [];
  }
}

export interface CallEnding {
  /** "mcp2.Discovery/Lookup". */
  readonly method: string;
  readonly reachedServer: boolean;
  /** What really happened where the call's own end does not say it: the requests failed at their source. */
  readonly cause?: unknown;
}

/** The CallError for what grpc-js ends a call with. */
export function callErrorOf(error: GrpcError, { method, reachedServer, cause = error }: CallEnding): CallError {
  const metadata = error.metadata ?? new Metadata();
  return new CallError(`${method}: ${error.details}`, {
    code: error.code,
    reason: reasonOf(error),
    facts: errorInfoOf(metadata)?.metadata ?? {},
    metadata,
    reachedServer,
    cause,
  });
}

/** A google.rpc.Status: how one message of a stream was answered that goes on. */
export interface StatusMessage {
  readonly code: number;
  readonly message: string;
  readonly details: readonly Detail[];
}

/** The CallError for it, which says as much as that of a call which ended so. */
export function callErrorOfStatus({ code, message, details }: StatusMessage, method: string): CallError {
  const { errorInfo = { reason: '', domain: '', metadata: {} }, retryDelayMs } = readDetails(details);
  const metadata = new Metadata();
  metadata.set(STATUS_DETAILS_KEY, encodeStatusDetails({ code, message, errorInfo, retryDelayMs }));
  return new CallError(`${method}: ${message}`, {
    code,
    reason: reasonOf({ code, metadata }),
    facts: errorInfoOf(metadata)?.metadata ?? {},
    metadata,
  });
}
