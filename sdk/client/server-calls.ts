/**
 * Calls of servers that were found: pick an endpoint, fail fast, go on to the next one (docs/clients.md).
 *
 * What reached no server may always go on. What may have been carried out goes on only where that may happen twice, or
 * where whoever carried it out knows it again.
 */
import { status } from '@grpc/grpc-js';
import type { Clock } from '#lib/clock.ts';
import { CallError } from '#lib/grpc/call-error.ts';
import type { Method } from '#lib/grpc/channel.ts';
import type { EndpointDescriptor__Output as Endpoint } from '#protos/generated/mcp2/EndpointDescriptor.ts';
import { type AttemptDependencies, type RunningCall, recordAttempt, remainingMs, runAttempts } from './attempts.ts';
import { sendWithToken } from './authorized-call.ts';
import { Candidates, type Repeat } from './candidates.ts';
import type { EndpointPool, PooledEndpoint } from './endpoint-pool.ts';
import { type TokenSource, takeToken } from './token-source.ts';

export interface ServerCall {
  readonly method: Method;
  readonly request: object;
  /** May be carried out twice, anywhere. An attempt of such a call takes 2 s at most. */
  readonly idempotent: boolean;
  /** Where else it may go after an attempt at this endpoint that may have been carried out. Default: nowhere. */
  readonly repeat?: ((at: Endpoint) => Promise<Repeat>) | undefined;
  /** Of every attempt. Default: the token source is asked before each. */
  readonly token?: string | undefined;
  /** Those to choose from. `again`: the ones that were given before did not do. */
  readonly find: (again: boolean) => Promise<readonly Endpoint[]>;
}

export interface ServerCallDependencies extends AttemptDependencies {
  readonly pool: EndpointPool;
  readonly token: TokenSource;
  /** Of this client; ''. */
  readonly zone: string;
  readonly random: () => number;
}

export interface Answered {
  readonly answer: unknown;
  /** Who gave it. */
  readonly endpoint: Endpoint;
}

const MAX_ATTEMPTS = 3;
/** Of one that may be repeated; to connect at most, of any. */
const ATTEMPT_MS = 2_000;
/** Before an endpoint is tried that has failed just now: doubled each time, half of it by chance. */
const PAUSE_MS = 100;
/** Nobody answered there. */
const FAILED: readonly status[] = [status.UNAVAILABLE, status.DEADLINE_EXCEEDED];

/** @throws CallError that names the servers that were tried; the signal's reason */
export async function callServer(
  call: ServerCall,
  running: RunningCall,
  dependencies: ServerCallDependencies,
): Promise<Answered> {
  const { random } = dependencies;
  const candidates = new Candidates(await call.find(false), dependencies);

  const run = async (): Promise<Answered> => {
    if (candidates.areUsedUp) candidates.replace(await call.find(true));
    const credential = call.token ?? (await takeToken(dependencies.token));
    // From here to its first byte nothing waits: calls at one time see each other, and one alone tries what is half-open.
    const endpoint = candidates.choose();
    if (endpoint === undefined) throw noEndpoint(call.method);
    return { answer: await attempt(call, { endpoint, credential, running, dependencies }), endpoint };
  };

  const mayRepeat = async ({ code, reason, reachedServer }: CallError): Promise<boolean> => {
    if (!FAILED.includes(code) || reason === 'NO_ENDPOINT') return false;
    if (call.idempotent || !reachedServer) return true;
    const { last } = candidates;
    return last !== undefined && candidates.confine((await call.repeat?.(last)) ?? 'nowhere');
  };

  try {
    const pauseMs = (next: number) => (candidates.hasFresh ? 0 : PAUSE_MS * 2 ** (next - 2) * (0.5 + random() / 2));
    const counts = (error: CallError) => error.reachedServer || !candidates.hasFresh;
    const plan = { maxAttempts: MAX_ATTEMPTS, pauseMs, mayRepeat, counts, run };
    return (await runAttempts(plan, running, dependencies)) as Answered;
  } catch (error) {
    throw error instanceof CallError ? naming(candidates.tried, error) : error;
  }
}

interface AttemptAt {
  readonly endpoint: Endpoint;
  /** The token. */
  readonly credential: string;
  readonly running: RunningCall;
  readonly dependencies: ServerCallDependencies;
}

function attempt(call: ServerCall, { endpoint, credential, running, dependencies }: AttemptAt): Promise<unknown> {
  const { clock, pool } = dependencies;
  const target = { server: endpoint.server_name, endpoint: endpoint.grpc_url };
  return recordAttempt(running, clock, target, async () => {
    const leftMs = remainingMs(running, clock);
    const settings = {
      deadlineMs: call.idempotent ? Math.min(leftMs, ATTEMPT_MS) : leftMs,
      connectMs: Math.min(leftMs, ATTEMPT_MS),
      metadata: running.metadata,
      signal: running.signal,
    };
    const pooled = pool.open(endpoint);
    const authorized = { channel: pooled.channel, method: call.method, request: call.request, token: credential };
    return measure(pooled, clock, () => sendWithToken(authorized, settings));
  });
}

/** Latency and breaker learn from how it ended. */
async function measure(pooled: PooledEndpoint, clock: Clock, run: () => Promise<unknown>): Promise<unknown> {
  const startedMs = clock.monotonicMs();
  pooled.begin();
  try {
    const answer = await run();
    pooled.measured(clock.monotonicMs() - startedMs);
    pooled.breaker.succeeded();
    return answer;
  } catch (error) {
    if (!(error instanceof CallError) || error.code === status.CANCELLED) pooled.breaker.abandoned();
    else if (FAILED.includes(error.code)) pooled.breaker.failed();
    else pooled.breaker.succeeded();
    throw error;
  } finally {
    pooled.end();
  }
}

function noEndpoint({ path }: Method): CallError {
  const message = `${path.slice(1)}: no server that this token may see offers what the call needs`;
  return new CallError(message, { code: status.UNAVAILABLE, reason: 'NO_ENDPOINT', reachedServer: false });
}

function naming(tried: readonly string[], error: CallError): CallError {
  if (tried.length === 0) return error;
  const { code, reason, facts, metadata, reachedServer, cause } = error;
  const message = `${error.message} (tried: ${tried.join(', ')})`;
  return new CallError(message, { code, reason, facts, metadata, reachedServer, cause, tried });
}
