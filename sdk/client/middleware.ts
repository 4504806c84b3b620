/**
 * Layers round every call of a client, Lookups included: metrics, spans, records, limits of one's own.
 *
 * A layer is composed once for each method, never per call; one that returns `next` costs nothing. It sees a call as its
 * caller made it, without the token, and in `call.attempts` each attempt that was made for it so far.
 */

import type { Handler as AnyHandler, Middleware as AnyMiddleware } from '#lib/grpc/handler.ts';

export type { MethodInfo } from '#lib/grpc/handler.ts';

/** `request` is a message, or an AsyncIterable of messages where the method streams them; so is what it gives. */
export type Handler = AnyHandler<ClientCall>;

export type Middleware = AnyMiddleware<ClientCall>;

export interface ClientCall {
  /** Fires when the caller gives up, or the client is closed. */
  readonly signal: AbortSignal;
  /** Of the whole call, in milliseconds from its start. */
  readonly deadlineMs: number;
  /** Sent with every attempt; a layer may add to it. */
  readonly metadata: Record<string, string>;
  /** Those that have ended, in order. */
  readonly attempts: readonly Attempt[];
}

export interface Attempt {
  /** Name of the server. */
  readonly server: string;
  /** host:port. */
  readonly endpoint: string;
  /** Unix time. */
  readonly startedMs: number;
  readonly endedMs: number;
  /** "OK", or the name of gRPC's code. */
  readonly outcome: string;
}
