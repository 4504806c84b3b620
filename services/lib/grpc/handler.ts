/**
 * What answers a call, and what may be put round it: one shape for all four kinds of method, for servers and for clients,
 * which differ in what they know of a call.
 *
 * Everything is composed once for each method, and never per call. A middleware that has nothing to do for a method returns
 * `next` unchanged and then costs nothing.
 */

/**
 * Request: a message, or an AsyncIterable of messages where the client streams. What it returns: a reply or a promise of
 * one, or an AsyncIterable of replies where the server streams.
 */
export type Handler<Call> = (request: unknown, call: Call) => unknown;

export type Middleware<Call> = (next: Handler<Call>, method: MethodInfo) => Handler<Call>;

export interface MethodInfo {
  /** "Discovery.Lookup". */
  readonly name: string;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
}

/** The first of the list is outermost: it sees a call first and its answer last. */
export function compose<Call>(
  middleware: readonly Middleware<Call>[],
  handler: Handler<Call>,
  method: MethodInfo,
): Handler<Call> {
  return middleware.reduceRight((next, wrap) => wrap(next, method), handler);
}

/** "Discovery.Lookup" of "/mcp2.Discovery/Lookup". */
export function methodName(path: string): string {
  const [, service = '', method = ''] = path.split('/');
  return `${service.slice(service.lastIndexOf('.') + 1)}.${method}`;
}
