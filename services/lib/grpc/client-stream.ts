/** Client streams: a function from an async iterable of requests to one answer becomes a grpc-js handler. */
import { type ServerReadableStream, type sendUnaryData, status } from '@grpc/grpc-js';
import type { CallContext, MethodRuntime } from './call-context.ts';
import { type MethodAdapter, type Reply, requireReadable, type ServerHandler } from './method.ts';
import { beginStream, failStream, receive, type SendFailure, type StreamOptions } from './stream-call.ts';

export type ClientStreamHandler<Request, Response> = (
  requests: AsyncIterable<Request>,
  call: CallContext,
) => Promise<Reply<Response>>;

export function clientStream<Request, Response>(
  handler: ClientStreamHandler<Request, Response>,
  options: Pick<StreamOptions, 'idleTimeoutMs'> = {},
): MethodAdapter<Request, Response> {
  return {
    requestStream: true,
    responseStream: false,
    handler,
    adapt: (runtime, composed) => adaptClientStream(composed, runtime, options),
  };
}

function adaptClientStream(handler: ServerHandler, runtime: MethodRuntime, { idleTimeoutMs }: StreamOptions) {
  return function handle(call: ServerReadableStream<unknown, unknown>, respond: sendUnaryData<unknown>): void {
    const send: SendFailure = (answer) => respond(answer);
    const context = beginStream(call, runtime, send);
    void answerOnce().catch((error: unknown) => failStream(context, error, send));

    async function answerOnce(): Promise<void> {
      requireReadable(context, undefined, runtime.limits);
      const bytes = runtime.encode(await handler(receive(call, context.signal, idleTimeoutMs), context));
      if (context.ended) return;
      respond(null, bytes);
      context.finish(status.OK);
    }
  };
}
