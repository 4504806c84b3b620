/**
 * Requests to the upstreams of HTTP sources. One client serves all sources of a runtime. It goes through no proxy, whatever
 * the environment says, and it keeps no cookies.
 */
import type { Registry } from 'prom-client';
import type { Clock } from '#lib/clock.ts';
import { type CallLimits, withinLimits } from './call-limits.ts';
import { HttpFailure } from './failure.ts';
import { createFollow } from './follow.ts';
import type { HttpRequest, HttpResponse } from './http-request.ts';
import { createHttpMetrics, type HttpMetrics } from './metrics.ts';
import { OriginPools, type OriginPoolsOptions } from './origin-pools.ts';

export interface HttpClient {
  /** @throws HttpFailure */
  send(request: HttpRequest, limits: CallLimits): Promise<HttpResponse>;
  /** For whoever answers 304s from memory. */
  readonly metrics: HttpMetrics | undefined;
  readonly clock: Clock;
  /** Breaks what still runs. */
  close(): void;
}

export interface HttpClientOptions extends OriginPoolsOptions {
  readonly metrics?: Registry | undefined;
}

/** @throws when its metrics are in the collection already */
export function createHttpClient(options: HttpClientOptions): HttpClient {
  const { clock, allowLoopback } = options;
  const pools = new OriginPools(options);
  const metrics = options.metrics && createHttpMetrics(options.metrics, pools);
  const follow = createFollow({ pools, allowLoopback, onRepeat: () => metrics?.repeated() });
  return {
    clock,
    metrics,
    close: () => pools.close(),
    async send(request, { signal, deadlineMs }) {
      const limits = { signal, deadlineMs, timeoutMs: request.timeoutMs };
      try {
        const response = await withinLimits(clock, limits, (both) => follow(request, both));
        metrics?.ended(classOf(response.status));
        return response;
      } catch (error) {
        if (error instanceof HttpFailure) metrics?.ended(error.kind);
        throw error;
      }
    },
  };
}

function classOf(status: number): '2xx' | '3xx' | '4xx' | '5xx' {
  if (status < 300) return '2xx';
  if (status < 400) return '3xx';
  return status < 500 ? '4xx' : '5xx';
}
