/**
 * Requests to the upstreams of HTTP sources: time limits, redirects, and the one repeat that is safe.
 *
 * One client serves all sources of a runtime. It goes through no proxy, whatever the environment says, and it keeps no
 * cookies.
 */
import type { Registry } from 'prom-client';
import type { Clock } from '#lib/clock.ts';
import type { NameLookup } from '#lib/net/dial.ts';
import { withDeadline } from '#lib/time-limit.ts';
import type { WireResponse } from './connection.ts';
import { ConnectionPool } from './connection-pool.ts';
import { type Connect, createConnect } from './connector.ts';
import { decodeBody, ENCODINGS, maxWireBytes } from './decode-body.ts';
import { HttpFailure, NOT_SENT } from './failure.ts';
import { createHttpMetrics, type HttpMetrics } from './metrics.ts';
import { type Hop, isRedirect, MAX_REDIRECTS, nextHop } from './redirect.ts';

export interface HttpRequest {
  readonly method: string;
  readonly url: URL;
  /** Of the configuration, by lower-case name; they go along to the same origin only. */
  readonly headers: Readonly<Record<string, string>>;
  /** Of the etag that we hold; goes along to the first URL only. */
  readonly ifNoneMatch?: string | undefined;
  readonly body: Buffer | undefined;
  /** Of the decoded body. */
  readonly maxBytes: number;
  readonly timeoutMs: number;
  /** A second run does no harm, so that it may be sent again after a reset. */
  readonly isRepeatable: boolean;
}

export interface HttpResponse {
  readonly status: number;
  /** Decoded; empty unless the status is 2xx. */
  readonly body: Buffer;
  /** undefined when it is absent; the first value when it came more than once. */
  header(name: string): string | undefined;
  /** The answer is of the URL that was asked for, without a redirect. */
  readonly isDirect: boolean;
}

/** Of the call for whose sake a request is made. */
export interface CallLimits {
  readonly signal: AbortSignal;
  /** Unix milliseconds. */
  readonly deadlineMs: number;
}

export interface HttpClient {
  /** @throws HttpFailure */
  send(request: HttpRequest, limits: CallLimits): Promise<HttpResponse>;
  /** For whoever answers 304s from memory. */
  readonly metrics: HttpMetrics | undefined;
  readonly clock: Clock;
  /** Breaks what still runs. */
  close(): void;
}

export interface HttpClientOptions {
  /** lib/net/name-lookup.ts: by the system in standalone mode, else by DNS. */
  readonly lookup: NameLookup;
  /** Standalone mode only. */
  readonly allowLoopback: boolean;
  readonly clock: Clock;
  readonly metrics?: Registry | undefined;
  /** PEM, in place of the certificates that Node trusts (and NODE_EXTRA_CA_CERTS). */
  readonly ca?: string | undefined;
  /** To one origin. Default 32. */
  readonly maxConnections?: number;
  /** Calls that wait for a connection to one origin. Default 128. */
  readonly maxWaiting?: number;
}

/** Redirects may lead to any number of origins; pools that nobody uses give way. */
const MAX_POOLS = 64;

export function createHttpClient(options: HttpClientOptions): HttpClient {
  const { clock } = options;
  const pools = new Pools(options);
  const metrics = options.metrics && createHttpMetrics(options.metrics, pools);
  return {
    clock,
    metrics,
    close: () => pools.close(),
    async send(request, limits) {
      try {
        const response = await withinLimits(clock, { ...limits, timeoutMs: request.timeoutMs }, (signal) =>
          follow(request, signal),
        );
        metrics?.ended(`${Math.floor(response.status / 100)}xx` as '2xx');
        return response;
      } catch (error) {
        if (error instanceof HttpFailure) metrics?.ended(error.kind);
        throw error;
      }
    },
  };

  async function follow(request: HttpRequest, signal: AbortSignal): Promise<HttpResponse> {
    let hop: Hop = { url: request.url, isOwn: true };
    let mayReachLoopback = options.allowLoopback;
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
      metrics?.repeated();
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

interface Limits extends CallLimits {
  readonly timeoutMs: number;
}

/** The shorter of the source's timeout and the call's deadline ends the work, and the failure says which one it was. */
async function withinLimits<T>(
  clock: Clock,
  { signal, deadlineMs, timeoutMs }: Limits,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const remainingMs = deadlineMs - clock.nowMs();
  const kind = remainingMs <= timeoutMs ? 'deadline' : 'timeout';
  const expired = new HttpFailure(kind, NOT_SENT);
  if (signal.aborted) throw new HttpFailure('cancelled', { ...NOT_SENT, cause: signal.reason });
  if (remainingMs <= 0) throw expired;
  const limit = { clock, timeoutMs: Math.min(timeoutMs, remainingMs), signal, onTimeout: () => expired };
  return withDeadline(limit, async (both) => {
    try {
      return await work(both);
    } catch (error) {
      if (!(error instanceof HttpFailure) || !both.aborted) throw error;
      // What was waited for when the time was up is the better answer where it was a connection.
      if (both.reason === expired) throw error.kind === 'cancelled' ? new HttpFailure(kind, error) : error;
      throw error.kind === 'pool-full' ? new HttpFailure('cancelled', error) : error;
    }
  });
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

/** By origin, and by whether loopback is allowed: a redirect from elsewhere must not find a connection to this machine. */
class Pools {
  readonly #options: HttpClientOptions;
  readonly #pools = new Map<string, ConnectionPool>();
  readonly #connect: Readonly<Record<'loopback' | 'elsewhere', Connect>>;

  constructor(options: HttpClientOptions) {
    this.#options = options;
    this.#connect = {
      loopback: createConnect({ ...options, allowLoopback: true }),
      elsewhere: createConnect({ ...options, allowLoopback: false }),
    };
  }

  readonly connections = (): number => this.#sum((pool) => pool.connections);
  readonly waiting = (): number => this.#sum((pool) => pool.waiting);

  of(origin: string, mayReachLoopback: boolean): ConnectionPool {
    const reach = mayReachLoopback ? 'loopback' : 'elsewhere';
    const key = `${reach} ${origin}`;
    const known = this.#pools.get(key);
    if (known !== undefined) return known;
    this.#makeRoom();
    const { clock, maxConnections = 32, maxWaiting = 128 } = this.#options;
    const pool = new ConnectionPool({ origin, connect: this.#connect[reach], clock, maxConnections, maxWaiting });
    this.#pools.set(key, pool);
    return pool;
  }

  close(): void {
    for (const pool of this.#pools.values()) pool.close();
  }

  /** Pools in use stay, so that there may be more for a while: as many as calls that run. */
  #makeRoom(): void {
    if (this.#pools.size < MAX_POOLS) return;
    const unused = [...this.#pools].find(([, pool]) => pool.isUnused);
    if (unused === undefined) return;
    this.#pools.delete(unused[0]);
    unused[1].close();
  }

  #sum(read: (pool: ConnectionPool) => number): number {
    return [...this.#pools.values()].reduce((sum, pool) => sum + read(pool), 0);
  }
}
