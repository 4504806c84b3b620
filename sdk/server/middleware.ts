/**
 * Layers round every call that a server lets through: metrics, spans, limits, records of one's own.
 *
 * A layer is composed once for each method, never per call; one that returns `next` costs nothing. It sees allowed calls
 * alone, those that the cache answers too, and their requests and answers as messages; an answer may be encoded already.
 */
import type { Handler as AnyHandler, Middleware as AnyMiddleware } from '#lib/grpc/handler.ts';
import type { Logger } from '#lib/logger.ts';

export type { MethodInfo } from '#lib/grpc/handler.ts';

/** `request` is a message, or an AsyncIterable of messages where the caller streams them; an answer may be a Buffer. */
export type Handler = AnyHandler<ServerCall>;

export type Middleware = AnyMiddleware<ServerCall>;

export interface ServerCall {
  /** "ContextTool.InvokeTool". */
  readonly method: string;
  /** Undefined for methods that are open to everybody. */
  readonly caller: { readonly iss: string; readonly sub: string; readonly jti: string | undefined } | undefined;
  /** Fires when the client leaves, the deadline passes or the server ends the call. */
  readonly signal: AbortSignal;
  /** Unix time. */
  readonly deadlineMs: number;
  /** Names the method and the peer in every line. */
  readonly log: Logger;
  /** address:port of the connection. */
  readonly peer: string;
  /** All values of each key, in lower case. */
  readonly metadataEntries: Readonly<Record<string, readonly (string | Buffer)[]>>;
}
