/**
 * Layers round every call of a client, Lookups included: metrics, spans, records, limits of one's own.
 *
 * A layer is composed once for each method, never per call; one that returns `next` costs nothing. It sees a call as its
 * caller made it, without the token, and in `call.attempts` each attempt that was made for it so far.
 */

/** What a handler gives: one answer, or a stream of them. */
export type Answer = unknown | Promise<unknown> | AsyncIterable<unknown>;

/** `request` is a message, or an AsyncIterable of messages where the method streams them. */
export type Handler = (request: unknown, call: ClientCall) => Answer;

export type Middleware = (next: Handler, method: MethodInfo) => Handler;

export interface MethodInfo {
  /** "mcp2.ContextTool/RequestContext". */
  readonly name: string;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
}

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

/** The first of the list is the outermost. */
export function compose(layers: readonly Middleware[], method: MethodInfo, handler: Handler): Handler {
  return layers.reduceRight<Handler>((next, layer) => layer(next, method), handler);
}
