/**
 * One call to the API server: attempts within a deadline, and what may be repeated.
 *
 * Only what is safe to do twice is repeated after an answer was lost; 429 and a refused connection mean that
 * nothing was done, so these are repeated for every call.
 */
import { backoffMs } from '#lib/backoff.ts';
import type { Clock } from '#lib/clock.ts';
import { withDeadline } from '../time-limit.ts';
import { errorFromStatus, KubeApiError } from './api-error.ts';
import type { KubeConnection } from './credentials.ts';
import { readText, type Transport, type TransportRequest, type TransportResponse, toUnreachable } from './transport.ts';

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  /** For the whole call, repeats included. Default 10,000. */
  readonly deadlineMs?: number;
  /** Default 4; 1 = never repeat. */
  readonly maxAttempts?: number;
}

export interface Call {
  readonly method: TransportRequest['method'];
  readonly path: string;
  readonly body?: object;
  readonly contentType?: string;
  readonly options?: CallOptions | undefined;
}

export interface RequestReport {
  readonly method: string;
  /** 0 = no answer. */
  readonly code: number;
  readonly seconds: number;
}

export interface CallerOptions {
  readonly transport: Transport;
  readonly connection: KubeConnection;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly onRequest?: ((report: RequestReport) => void) | undefined;
}

const DEFAULT_DEADLINE_MS = 10_000;
const DEFAULT_MAX_ATTEMPTS = 4;
/** So that a hung connection leaves time for a second try. */
const MAX_ATTEMPT_MS = 6_000;
const RETRY_BASE_MS = 100;
const RETRY_CAP_MS = 2_000;
/** 500 ordinary objects are below 10 MiB; this only stops a runaway. */
const MAX_BODY_BYTES = 64 * 1024 * 1024;

/** @returns the body as text. @throws KubeApiError, or the reason of the caller's signal. */
export async function sendCall(caller: CallerOptions, call: Call): Promise<string> {
  const { clock } = caller;
  const { signal, deadlineMs = DEFAULT_DEADLINE_MS, maxAttempts = DEFAULT_MAX_ATTEMPTS } = call.options ?? {};
  const endsAtMs = clock.monotonicMs() + deadlineMs;
  for (let attempt = 1; ; attempt += 1) {
    const remainingMs = endsAtMs - clock.monotonicMs();
    try {
      return await attemptCall(caller, call, Math.min(remainingMs, maxAttempts > 1 ? MAX_ATTEMPT_MS : remainingMs));
    } catch (error) {
      signal?.throwIfAborted();
      const waitMs = attempt < maxAttempts ? retryDelayMs(error, call, attempt, caller.random) : undefined;
      if (waitMs === undefined || clock.monotonicMs() + waitMs >= endsAtMs) throw error;
      await clock.sleep(waitMs, signal);
    }
  }
}

/** @throws KubeApiError for a status other than 2xx; forgets the token on 401, so that the next call reads it anew. */
export async function checkStatus(response: TransportResponse, connection: KubeConnection): Promise<void> {
  const { status, body, retryAfterMs } = response;
  if (status >= 200 && status < 300) return;
  if (status === 401) connection.forget();
  throw errorFromStatus(status, tryParse(await readText(body, MAX_BODY_BYTES)), retryAfterMs);
}

async function attemptCall(caller: CallerOptions, call: Call, timeoutMs: number): Promise<string> {
  const { clock, transport, connection, onRequest } = caller;
  const { method, path, contentType } = call;
  const body = call.body === undefined ? undefined : JSON.stringify(call.body);
  const startedMs = clock.monotonicMs();
  const report = (code: number) => onRequest?.({ method, code, seconds: (clock.monotonicMs() - startedMs) / 1000 });
  return withDeadline({ clock, timeoutMs, signal: call.options?.signal, onTimeout }, async (signal) => {
    try {
      const response = await transport.call({ method, path, body, contentType, signal });
      await checkStatus(response, connection);
      const text = await readText(response.body, MAX_BODY_BYTES);
      report(response.status);
      return text;
    } catch (error) {
      report(error instanceof KubeApiError ? error.code : 0);
      signal.throwIfAborted();
      throw toUnreachable(error);
    }
  });
}

function onTimeout(): KubeApiError {
  return new KubeApiError({ code: 0, reason: 'DeadlineExceeded', message: 'the API server did not answer in time' });
}

/** @returns undefined when repeating is wrong or useless. */
function retryDelayMs(error: unknown, call: Call, attempt: number, random: () => number): number | undefined {
  if (!(error instanceof KubeApiError) || !mayRepeat(error, call, attempt)) return undefined;
  const jitterMs = backoffMs(attempt - 1, { baseMs: RETRY_BASE_MS, capMs: RETRY_CAP_MS, random });
  return error.retryAfterMs === undefined ? jitterMs : error.retryAfterMs + Math.min(jitterMs, RETRY_BASE_MS);
}

function mayRepeat({ code, isUnsent }: KubeApiError, { method }: Call, attempt: number): boolean {
  // Perhaps the token was just rotated: the second attempt reads it from its file.
  if (code === 401) return attempt === 1;
  if (code === 429 || isUnsent) return true;
  return method !== 'POST' && (code === 0 || code === 500 || (code >= 502 && code <= 504));
}

function tryParse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
