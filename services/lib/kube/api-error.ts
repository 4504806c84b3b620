/**
 * A call to the API server that did not succeed: the HTTP status, the server's machine-readable reason and its
 * sentence. Decide by `code` or `reason`, never by the message.
 *
 * `code` 0 means that there is no answer: refused, reset, timed out. What was asked for may have been done.
 */

export interface KubeApiErrorOptions {
  /** HTTP status; 0 without an answer. */
  readonly code: number;
  /** metav1.StatusReason such as "Conflict", or ours: "Unreachable", "DeadlineExceeded", "InvalidResponse". */
  readonly reason: string;
  readonly message: string;
  /** What the server asked for in Retry-After, in milliseconds. */
  readonly retryAfterMs?: number | undefined;
  /** True when the request certainly never reached the server. */
  readonly isUnsent?: boolean;
  readonly cause?: unknown;
}

export class KubeApiError extends Error {
  readonly code: number;
  readonly reason: string;
  readonly retryAfterMs: number | undefined;
  readonly isUnsent: boolean;

  constructor({ code, reason, message, retryAfterMs, isUnsent = false, cause }: KubeApiErrorOptions) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'KubeApiError';
    this.code = code;
    this.reason = reason;
    this.retryAfterMs = retryAfterMs;
    this.isUnsent = isUnsent;
  }
}

export function isNotFound(error: unknown): error is KubeApiError {
  return error instanceof KubeApiError && error.code === 404;
}

/** The object changed since it was read, or (on create) exists already. */
export function isConflict(error: unknown): error is KubeApiError {
  return error instanceof KubeApiError && error.code === 409;
}

/** The asked-for resource version is gone: list again. */
export function isGone(error: unknown): error is KubeApiError {
  return error instanceof KubeApiError && error.code === 410;
}

/**
 * Nothing is wrong with the request: the server is away or asks for patience, so other requests fare the same.
 *
 * Not 500: one object's admission webhook answers it too, and must not hold up all the others.
 */
export function isServerAway(error: unknown): error is KubeApiError {
  if (!(error instanceof KubeApiError)) return false;
  const { code, reason } = error;
  return (code === 0 && reason !== 'InvalidResponse') || code === 429 || (code >= 502 && code <= 504);
}

/** Builds the error from a metav1.Status, as a response body or inside a watch. */
export function errorFromStatus(code: number, body: unknown, retryAfterMs?: number): KubeApiError {
  const status = (typeof body === 'object' && body !== null ? body : {}) as Partial<Record<string, unknown>>;
  return new KubeApiError({
    code: typeof status.code === 'number' ? status.code : code,
    reason: typeof status.reason === 'string' && status.reason !== '' ? status.reason : `HTTP${code}`,
    message: typeof status.message === 'string' ? status.message : `the API server answered ${code}`,
    retryAfterMs: retryAfterMs ?? retryAfterFromDetails(status.details),
  });
}

function retryAfterFromDetails(details: unknown): number | undefined {
  if (typeof details !== 'object' || details === null || !('retryAfterSeconds' in details)) return undefined;
  const seconds = details.retryAfterSeconds;
  return typeof seconds === 'number' && seconds > 0 ? seconds * 1000 : undefined;
}
