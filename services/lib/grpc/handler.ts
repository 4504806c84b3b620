/**
 * What answers a call, and what may be put round it: one shape for all four kinds of method.
 *
 * Everything is composed once, when a method is registered, and never per call. A middleware that has nothing to do for
 * a method returns `next` unchanged and then costs nothing.
 */
import type { CallContext } from './call-context.ts';

/**
 * Request: a message, or an AsyncIterable of messages where the client streams. What it returns: a reply or a promise of
 * one, or an AsyncIterable of replies where the server streams. Without a promise a unary call is answered in its tick.
 */
export type Handler = (request: never, call: CallContext) => unknown;

export interface MethodInfo {
  /** "Discovery.Lookup". */
  readonly name: string;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
}

export type Middleware = (next: AnyHandler, method: MethodInfo) => AnyHandler;

/** As a middleware sees it, which is not told the types of a method's messages. */
export type AnyHandler = (request: unknown, call: CallContext) => unknown;

/** The first of the list is outermost: it sees a call first and its answer last. */
export function compose(middleware: readonly Middleware[], handler: Handler, method: MethodInfo): AnyHandler {
  return middleware.reduceRight<AnyHandler>((next, wrap) => wrap(next, method), handler as AnyHandler);
}
