/**
 * The ops port: /livez, /readyz and /metrics over plain HTTP, for kubelet and Prometheus.
 *
 * Liveness says only that this process can still work: it never asks a dependency, since a restart mends none and a
 * store that is away would take every replica with it. Readiness lists what is missing by name.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';
import type { Logger } from '../logger.ts';
import { explainListenFailure, type HostPort } from '../net/listen-address.ts';

/** Returns what is missing, in a few words for an operator, or undefined when all is well. Must be quick. */
export type Check = () => string | undefined;

export interface OpsServerOptions {
  readonly address: HostPort;
  readonly metrics: Registry;
  /** By name, for example { store: () => (synced ? undefined : 'first load not finished') }. */
  readonly readiness: Readonly<Record<string, Check>>;
  /** Only what a restart would mend. Default none: answering at all is the proof. */
  readonly liveness?: Readonly<Record<string, Check>>;
  readonly log: Logger;
}

export interface OpsServer {
  readonly port: number;
  close(): Promise<void>;
}

interface Reply {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

/** @throws ListenError */
export async function startOpsServer(options: OpsServerOptions): Promise<OpsServer> {
  const server = createServer({ requestTimeout: 10_000, headersTimeout: 10_000 }, (request, response) => {
    void answer(request, response, options);
  });
  server.maxConnections = 100;
  server.listen(options.address.port, options.address.host);
  try {
    await once(server, 'listening');
  } catch (error) {
    throw explainListenFailure(options.address, error);
  }
  return { port: (server.address() as AddressInfo).port, close: () => closeServer(server) };
}

async function answer(request: IncomingMessage, response: ServerResponse, options: OpsServerOptions): Promise<void> {
  const { status, contentType, body } = await replyTo(request, options).catch((error: unknown) => {
    options.log.error({ err: error }, 'the ops server could not answer');
    return text(500, 'internal error\n');
  });
  request.resume();
  response.writeHead(status, { 'content-type': contentType, 'cache-control': 'no-store' });
  response.end(request.method === 'HEAD' ? undefined : body);
}

async function replyTo(request: IncomingMessage, options: OpsServerOptions): Promise<Reply> {
  if (request.method !== 'GET' && request.method !== 'HEAD') return text(405, 'only GET and HEAD\n');
  const { metrics, readiness, liveness = {} } = options;
  switch (request.url?.split('?')[0]) {
    case '/livez':
      return report(liveness);
    case '/readyz':
      return report(readiness);
    case '/metrics':
      return { status: 200, contentType: metrics.contentType, body: await metrics.metrics() };
    default:
      return text(404, 'try /livez, /readyz or /metrics\n');
  }
}

/** One line a check, in the form of the Kubernetes API server's: "[+]store ok", "[-]store failed: …". */
function report(checks: Readonly<Record<string, Check>>): Reply {
  const results = Object.entries(checks).map(([name, check]) => ({ name, missing: check() }));
  const failed = results.some(({ missing }) => missing !== undefined);
  const lines = results.map(({ name, missing }) =>
    missing === undefined ? `[+]${name} ok` : `[-]${name} failed: ${missing}`,
  );
  return text(failed ? 503 : 200, `${[...lines, failed ? 'not ok' : 'ok'].join('\n')}\n`);
}

function text(status: number, body: string): Reply {
  return { status, contentType: 'text/plain; charset=utf-8', body };
}

async function closeServer(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}
