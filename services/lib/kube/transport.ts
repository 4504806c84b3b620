/**
 * HTTP to the API server: two undici pools, one for watches and one for calls.
 *
 * They are apart so that a burst of calls never waits behind a watch, and HTTP/1.1 so that one dead socket stalls
 * one request and not all of them. TLS material is asked for at each new connection, so a rotated CA or client
 * certificate takes effect without a restart; connections for calls are replaced every five minutes.
 */
import { buildConnector, type Dispatcher, errors, Pool } from 'undici';
import { KubeApiError } from './api-error.ts';
import type { KubeConnection, KubeTls } from './credentials.ts';

export interface TransportRequest {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** With query string. */
  readonly path: string;
  readonly body?: string | undefined;
  readonly contentType?: string | undefined;
  readonly signal: AbortSignal;
  /** Ends the response when no byte came for so long; 0 = no such limit. */
  readonly idleTimeoutMs?: number;
}

export interface TransportResponse {
  readonly status: number;
  readonly retryAfterMs: number | undefined;
  readonly body: Dispatcher.ResponseData['body'];
}

export interface Transport {
  /** @throws KubeApiError code 0 without an answer; the signal's reason when it aborted. */
  call(request: TransportRequest): Promise<TransportResponse>;
  watch(request: TransportRequest): Promise<TransportResponse>;
  close(): Promise<void>;
}

export interface TransportOptions {
  readonly connection: KubeConnection;
  readonly userAgent: string;
  /** Sockets for calls; more calls wait for a free one. */
  readonly maxCallConnections: number;
  /** Sockets for watches: one each, so this bounds the number of watches. */
  readonly maxWatchConnections: number;
}

export function createTransport(options: TransportOptions): Transport {
  const { connection } = options;
  const connect = createReloadingConnector(connection);
  const shared = { connect, allowH2: false, pipelining: 1, headersTimeout: 0, keepAliveTimeout: KEEP_ALIVE_MS };
  const calls = new Pool(connection.server, {
    ...shared,
    connections: options.maxCallConnections,
    clientTtl: CALL_CONNECTION_TTL_MS,
  });
  const watches = new Pool(connection.server, { ...shared, connections: options.maxWatchConnections });
  const send = (pool: Pool) => (request: TransportRequest) => dispatch(pool, options, request);
  return {
    call: send(calls),
    watch: send(watches),
    close: async () => {
      await Promise.all([calls.destroy(), watches.destroy()]);
    },
  };
}

/** Reads a whole body. @throws KubeApiError when it is larger than `maxBytes` or breaks off. */
export async function readText(body: AsyncIterable<Uint8Array>, maxBytes: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > maxBytes) {
      throw new KubeApiError({ code: 0, reason: 'InvalidResponse', message: `the answer exceeds ${maxBytes} bytes` });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Turns what undici throws into a KubeApiError without an answer. */
export function toUnreachable(error: unknown): KubeApiError {
  if (error instanceof KubeApiError) return error;
  const isIdle = error instanceof errors.BodyTimeoutError;
  return new KubeApiError({
    code: 0,
    reason: isIdle ? 'Idle' : 'Unreachable',
    message: isIdle ? 'the API server fell silent' : 'the API server cannot be reached',
    isUnsent: error instanceof errors.ConnectTimeoutError || hasCode(error, 'ECONNREFUSED'),
    cause: error,
  });
}

const KEEP_ALIVE_MS = 30_000;
const CALL_CONNECTION_TTL_MS = 300_000;
const CONNECT_TIMEOUT_MS = 5_000;
/** Longest Retry-After that is believed. */
const MAX_RETRY_AFTER_MS = 60_000;

async function dispatch(
  pool: Pool,
  { connection, userAgent }: TransportOptions,
  request: TransportRequest,
): Promise<TransportResponse> {
  const { method, path, body, contentType, signal, idleTimeoutMs = 0 } = request;
  const authorization = await connection.authorization();
  const headers: Record<string, string> = { accept: 'application/json', 'user-agent': userAgent };
  if (authorization !== undefined) headers.authorization = authorization;
  if (contentType !== undefined) headers['content-type'] = contentType;
  try {
    const response = await pool.request({
      method,
      path,
      headers,
      signal,
      bodyTimeout: idleTimeoutMs,
      ...(body === undefined ? {} : { body }),
    });
    // Without a listener, an abort while nobody reads the body would be an uncaught 'error'.
    response.body.on('error', () => undefined);
    return {
      status: response.statusCode,
      retryAfterMs: readRetryAfter(response.headers['retry-after']),
      body: response.body,
    };
  } catch (error) {
    signal.throwIfAborted();
    throw toUnreachable(error);
  }
}

/** A connector that is rebuilt when the TLS material changed; `tls()` answers the same object until then. */
function createReloadingConnector({ tls }: KubeConnection): buildConnector.connector {
  let material: KubeTls | undefined;
  let connect: buildConnector.connector | undefined;
  return (options, callback) => {
    tls().then(
      (current) => {
        if (connect === undefined || current !== material) {
          material = current;
          connect = buildConnector({
            ...current,
            allowH2: false,
            timeout: CONNECT_TIMEOUT_MS,
            keepAlive: true,
            keepAliveInitialDelay: KEEP_ALIVE_MS,
          });
        }
        connect(options, callback);
      },
      (error) => callback(error instanceof Error ? error : new Error(String(error)), null),
    );
  };
}

/** RFC 9110 Section 10.2.3, seconds only: the API server sends no dates. */
function readRetryAfter(header: string | string[] | undefined): number | undefined {
  const seconds = Number(Array.isArray(header) ? header[0] : header);
  return Number.isFinite(seconds) && seconds >= 0 ? Math.min(seconds * 1000, MAX_RETRY_AFTER_MS) : undefined;
}

function hasCode(error: unknown, code: string): boolean {
  if (typeof error !== 'object' || error === null) return false;
  if ('code' in error && error.code === code) return true;
  return error instanceof AggregateError && error.errors.some((inner) => hasCode(inner, code));
}
