/** A request over its redirects, each of them with the one repeat that is safe. */
import type { WireResponse } from './connection.ts';
import { decodeBody, ENCODINGS, maxWireBytes } from './decode-body.ts';
import { HttpFailure } from './failure.ts';
import type { HttpRequest, HttpResponse } from './http-request.ts';
import type { OriginPools } from './origin-pools.ts';
import { type Hop, isRedirect, MAX_REDIRECTS, nextHop } from './redirect.ts';

export interface FollowOptions {
  readonly pools: OriginPools;
  readonly allowLoopback: boolean;
  readonly onRepeat: () => void;
}

/** @throws HttpFailure; cancelled with the signal's reason as cause */
export type Follow = (request: HttpRequest, signal: AbortSignal) => Promise<HttpResponse>;

export function createFollow({ pools, allowLoopback, onRepeat }: FollowOptions): Follow {
  return follow;

  async function follow(request: HttpRequest, signal: AbortSignal): Promise<HttpResponse> {
    let hop: Hop = { url: request.url, isOwn: true };
    let mayReachLoopback = allowLoopback;
    for (let redirects = 0; ; redirects += 1) {
      const { response, reachedLoopback } = await attempt(
        request,
        { ...hop, mayReachLoopback, isFirst: redirects === 0 },
        signal,
      );
      if (!isRedirect(response.status, request.method)) return decoded(response, request.maxBytes, redirects === 0);
      mayReachLoopback &&= reachedLoopback;
      const next = redirects < MAX_REDIRECTS ? nextHop(hop, response.headers.location) : 'is one too many';
      if (typeof next === 'string') {
        throw new HttpFailure('refused', { sent: true, answered: true, detail: `the upstream's redirect ${next}` });
      }
      hop = next;
    }
  }

  /** One URL. A reset before a byte of the answer is tried once more where that does no harm, on a new connection. */
  async function attempt(request: HttpRequest, target: Target, signal: AbortSignal): Promise<Attempt> {
    try {
      return await exchange(request, target, { signal, isFresh: false });
    } catch (error) {
      const isRepeatable = error instanceof HttpFailure && error.kind === 'broken' && !error.answered;
      if (!isRepeatable || !request.isRepeatable || signal.aborted) throw error;
      onRepeat();
      return exchange(request, target, { signal, isFresh: true });
    }
  }

  function exchange(request: HttpRequest, target: Target, { signal, isFresh }: Turn): Promise<Attempt> {
    const { url, mayReachLoopback } = target;
    return pools.of(url.origin, mayReachLoopback).use(signal, isFresh, async (connection) => {
      const response = await connection.request(
        {
          method: request.method,
          target: `${url.pathname}${url.search}`,
          headers: headersFor(request, target),
          body: request.body,
          maxWireBytes: maxWireBytes(request.maxBytes),
        },
        signal,
      );
      return { response, reachedLoopback: connection.reachedLoopback };
    });
  }
}

interface Target extends Hop {
  readonly mayReachLoopback: boolean;
  readonly isFirst: boolean;
}

interface Turn {
  readonly signal: AbortSignal;
  readonly isFresh: boolean;
}

interface Attempt {
  readonly response: WireResponse;
  readonly reachedLoopback: boolean;
}

function headersFor(request: HttpRequest, { isOwn, isFirst }: Target): Record<string, string> {
  const own = isOwn ? request.headers : {};
  const condition = isFirst && request.ifNoneMatch !== undefined ? { 'if-none-match': request.ifNoneMatch } : {};
  return { accept: '*/*', 'user-agent': 'mcp2', ...own, ...condition, 'accept-encoding': ENCODINGS };
}

async function decoded(
  { status, headers, body }: WireResponse,
  maxBytes: number,
  isDirect: boolean,
): Promise<HttpResponse> {
  const header = (name: string) => {
    const value = headers[name];
    return Array.isArray(value) ? value[0] : value;
  };
  return { status, body: await decodeBody(body, header('content-encoding'), maxBytes), header, isDirect };
}
