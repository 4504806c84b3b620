/** What the HTTP sources of one runtime count. No label depends on a URL, a status or a caller: the lines stay few. */
import { Counter, type Registry } from 'prom-client';
import { readGauge } from '#lib/observe/read-gauge.ts';
import type { HttpFailureKind } from './failure.ts';

export type HttpResult = '2xx' | '3xx' | '4xx' | '5xx' | HttpFailureKind;

export interface HttpMetrics {
  /** For each request of a context or tool, redirects and repeats of it together. */
  ended(result: HttpResult): void;
  /** A request was sent again because its connection broke. */
  repeated(): void;
  /** The upstream said that the kept answer still holds. */
  revalidated(): void;
}

export interface HttpGauges {
  readonly connections: () => number;
  readonly waiting: () => number;
}

/** @throws when this collection has them already */
export function createHttpMetrics(metrics: Registry, { connections, waiting }: HttpGauges): HttpMetrics {
  const registers = [metrics];
  const requests = new Counter({
    name: 'mcp2_http_source_requests_total',
    help: 'Requests to upstreams of HTTP sources by result: the class of the status, or how it failed.',
    labelNames: ['result'],
    registers,
  });
  requests.inc({ result: '2xx' }, 0); // a rate of it is 0 from the start, and not nothing
  const repeats = new Counter({
    name: 'mcp2_http_source_repeats_total',
    help: 'Requests to upstreams that were sent once more because the connection broke before a byte of the answer.',
    registers,
  });
  const revalidations = new Counter({
    name: 'mcp2_http_source_not_modified_total',
    help: 'Answers that were taken from memory because the upstream said that its ETag still holds.',
    registers,
  });
  readGauge(
    metrics,
    'mcp2_http_source_connections',
    'Connections to upstreams of HTTP sources, kept ones included.',
    connections,
  );
  readGauge(metrics, 'mcp2_http_source_waiting', 'Calls that wait for a connection to their upstream.', waiting);
  return {
    ended: (result) => requests.inc({ result }),
    repeated: () => repeats.inc(),
    revalidated: () => revalidations.inc(),
  };
}
