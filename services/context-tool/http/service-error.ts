/**
 * What a caller is told of an upstream that failed: neither its address nor anything that it said. The log gets the method
 * and the origin, and nothing of path, query or headers, which may hold what callers and secrets say.
 */
import { type Reason, ServiceError } from '#lib/errors.ts';
import type { HttpFailure, HttpFailureKind } from './failure.ts';
import type { HttpRequest, HttpResponse } from './http-request.ts';
import { parseRetryAfter } from './retry-after.ts';

export interface RequestFacts {
  readonly request: HttpRequest;
  /** The request may have changed something: a run that began may be over, and must not be called "unavailable". */
  readonly mayChange: boolean;
}

const REASONS: Readonly<Record<Exclude<HttpFailureKind, 'cancelled'>, Reason>> = {
  'pool-full': 'POOL_FULL',
  unreachable: 'BACKEND_UNAVAILABLE',
  refused: 'BACKEND_REFUSED',
  broken: 'BACKEND_UNAVAILABLE',
  'too-large': 'LIMIT_EXCEEDED',
  timeout: 'BACKEND_UNAVAILABLE',
  deadline: 'DEADLINE_EXCEEDED',
};
/** How a request that was sent may end without anybody knowing what became of it. */
const UNCERTAIN: readonly HttpFailureKind[] = ['broken', 'timeout', 'deadline', 'cancelled'];

/** @returns the error to throw; for a caller who left the reason of the signal */
export function errorOfFailure(failure: HttpFailure, facts: RequestFacts): unknown {
  const what = describe(failure, facts.request);
  const cause = causeOf(failure, facts.request);
  if (failure.sent && facts.mayChange && UNCERTAIN.includes(failure.kind)) {
    const message = `${what}, after the request was sent: it may have been carried out. Look before you call again`;
    return new ServiceError('OUTCOME_UNKNOWN', message, { metadata: limitOf(failure.kind), cause });
  }
  if (failure.kind === 'cancelled') return failure.cause ?? failure;
  return new ServiceError(REASONS[failure.kind], what, { metadata: limitOf(failure.kind), cause });
}

/** For a status that is neither 2xx nor has a meaning of its own for the one who asks. */
export function errorOfStatus({ status, header }: HttpResponse, request: HttpRequest, nowMs: number): ServiceError {
  const metadata = { http_status: String(status) };
  const cause = new Error(`${nameOf(request)} answered ${status}`);
  const retryAfterMs = parseRetryAfter(header('retry-after'), nowMs);
  if (status >= 500) {
    return new ServiceError('BACKEND_UNAVAILABLE', `the upstream answered ${status}`, {
      metadata,
      cause,
      retryAfterMs,
    });
  }
  return new ServiceError('BACKEND_REFUSED', `the upstream answered ${status}`, { metadata, cause });
}

function describe({ kind, detail }: HttpFailure, { timeoutMs, maxBytes }: HttpRequest): string {
  switch (kind) {
    case 'pool-full':
      return 'too many calls wait for this upstream; try again later';
    case 'unreachable':
      return 'the upstream cannot be reached';
    case 'refused':
      return detail ?? "the upstream's name leads to a loopback, link-local or otherwise forbidden address";
    case 'broken':
      return detail ?? 'the connection to the upstream broke before the whole answer came';
    case 'too-large':
      return `the upstream's answer is larger than ${maxBytes} bytes, the maxBytes of this source`;
    case 'timeout':
      return `the upstream gave no whole answer within ${timeoutMs} ms, the timeout of this source`;
    case 'deadline':
      return 'the deadline of the call passed before the upstream gave its whole answer';
    case 'cancelled':
      return 'the call was given up before the upstream gave its whole answer';
  }
}

function limitOf(kind: HttpFailureKind): Readonly<Record<string, string>> {
  if (kind === 'timeout' || kind === 'deadline') return { limit: kind };
  return kind === 'too-large' ? { limit: 'maxBytes' } : {};
}

/** Without a cause nothing is logged: that a caller left, or that many call at once, is counted and no news. */
function causeOf({ cause, kind, detail }: HttpFailure, request: HttpRequest): Error | undefined {
  if (kind === 'cancelled' || kind === 'pool-full') return undefined;
  return new Error(`${nameOf(request)}: ${detail ?? (cause instanceof Error ? cause.message : kind)}`);
}

function nameOf({ method, url }: HttpRequest): string {
  return `${method} ${url.origin}`;
}
