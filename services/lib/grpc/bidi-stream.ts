/** Bidirectional streams: an async generator over the client's messages becomes a grpc-js handler. */
import type { ServerDuplexStream } from '@grpc/grpc-js';
import type { CallContext, MethodRuntime } from './call-context.ts';
import { type MethodAdapter, requireReadable, type ServerHandler, type StreamReply } from './method.ts';
import { beginStream, failStream, receive, type SendFailure, type StreamOptions, sendAll } from './stream-call.ts';

/** The call ends OK when the handler returns, also while the client would send more. */
export type BidiStreamHandler<Request, Response> = (
  requests: AsyncIterable<Request>,
  call: CallContext,
) => AsyncIterable<StreamReply<Response>>;

export function bidiStream<Request, Response>(
  handler: BidiStreamHandler<Request, Response>,
  options: StreamOptions = {},
): MethodAdapter<Request, Response> {
  return {
    requestStream: true,
    responseStream: true,
    handler,
    adapt: (runtime, composed) => adaptBidiStream(composed, runtime, options),
  };
}

function adaptBidiStream(
  handler: ServerHandler,
  runtime: MethodRuntime,
  { idleTimeoutMs, drainTimeoutMs = runtime.limits.drainTimeoutMs }: StreamOptions,
) {
  return function handle(call: ServerDuplexStream<unknown, unknown>): void {
    const send: SendFailure = (answer) => call.emit('error', answer);
    const context = beginStream(call, runtime, send);
    try {
      requireReadable(context, undefined, runtime.limits);
      const requests = receive(call, context.signal, idleTimeoutMs);
      void sendAll(handler(requests, context) as AsyncIterable<unknown>, {
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
