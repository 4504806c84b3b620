/** Server streams: an async generator becomes a grpc-js handler. Back-pressure and ends: see stream-call.ts. */
import type { ServerWritableStream } from '@grpc/grpc-js';
import type { CallContext, MethodRuntime } from './call-context.ts';
import { type MethodAdapter, requireReadable, type ServerHandler, type StreamReply } from './method.ts';
import { beginStream, failStream, type SendFailure, type StreamOptions, sendAll } from './stream-call.ts';

/** Must heed `call.signal` in every wait, or it lives on after the client has left. */
export type ServerStreamHandler<Request, Response> = (
  request: Request,
  call: CallContext,
) => AsyncIterable<StreamReply<Response>>;

export function serverStream<Request, Response>(
  handler: ServerStreamHandler<Request, Response>,
  options: Pick<StreamOptions, 'drainTimeoutMs'> = {},
): MethodAdapter<Request, Response> {
  return {
    requestStream: false,
    responseStream: true,
    handler,
    adapt: (runtime, composed) => adaptServerStream(composed, runtime, options),
  };
}

function adaptServerStream(
  handler: ServerHandler,
  runtime: MethodRuntime,
  { drainTimeoutMs = runtime.limits.drainTimeoutMs }: StreamOptions,
) {
  return function handle(call: ServerWritableStream<unknown, unknown>): void {
    const send: SendFailure = (answer) => call.emit('error', answer);
    const context = beginStream(call, runtime, send);
    try {
      requireReadable(context, call.request, runtime.limits);
      void sendAll(handler(call.request, context) as AsyncIterable<unknown>, {
        call,
        context,
        runtime,
        drainTimeoutMs,
        send,
      });
    } catch (error) {
      failStream(context, error, send);
    }
  };
}
