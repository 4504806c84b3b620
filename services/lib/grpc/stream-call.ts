/**
 * What the three streaming adapters share: begin a call, read requests, send answers, end it once.
 *
 * Everything that stops a stream from outside (the client leaves, the deadline passes, the server shuts down) arrives as
 * the abort of `context.signal`, so there is one place that ends it. What lies between a producer and a slow reader is
 * bounded: `write` says false after 16 messages (the high-water mark of grpc-js' object stream) and the producer is not
 * asked again before 'drain'.
 */
import type { EventEmitter } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { status } from '@grpc/grpc-js';
import { ServiceError } from '../errors.ts';
import { CallCancelled, CallContext, type MethodRuntime, type ServerCall } from './call-context.ts';
import { EncodedBatch, RefusedRequest } from './method.ts';
import { type StatusObject, toStatusObject } from './status.ts';
import { writeFrames } from './write-frames.ts';

export interface StreamOptions {
  /**
   * Ends a stream of requests whose client sends nothing for so long (DEADLINE_EXCEEDED). Default: none, for streams
   * that may be silent.
   */
  readonly idleTimeoutMs?: number;
  /** Overrides the server's limit for this method: how long a reader may take nothing before its stream is ended. */
  readonly drainTimeoutMs?: number;
}

/** Sends the failure to the caller; grpc-js' call types differ in how. */
export type SendFailure = (answer: StatusObject) => void;

export function beginStream(call: ServerCall & EventEmitter, runtime: MethodRuntime, send: SendFailure): CallContext {
  const context = new CallContext(call, runtime);
  runtime.open.add(context);
  call.once('cancelled', () => {
    if (!context.ended) context.cancel(context.cancellation());
  });
  context.signal.addEventListener('abort', () => failStream(context, context.signal.reason, send), { once: true });
  return context;
}

/** Ends a stream that failed; does nothing when it has ended already, so a late error of its handler is harmless. */
export function failStream(context: CallContext, error: unknown, send: SendFailure): void {
  if (context.ended || error instanceof CallCancelled) return;
  const answer = context.fail(error, toStatusObject(error));
  send(answer);
  context.abort(error instanceof Error ? error : new Error('the stream failed'));
}

export interface Outgoing {
  readonly call: Writable;
  readonly context: CallContext;
  readonly runtime: MethodRuntime;
  readonly drainTimeoutMs: number;
  readonly send: SendFailure;
}

/** Sends what the handler yields, then status OK; whatever stops it also stops the handler's iterator. */
export async function sendAll(answers: AsyncIterable<unknown>, outgoing: Outgoing): Promise<void> {
  const { call, context, runtime, drainTimeoutMs, send } = outgoing;
  try {
    for await (const answer of stopping(answers, context.signal)) {
      if (context.ended) return;
      if (answer instanceof EncodedBatch) await sendBatch(answer, outgoing);
      else if (!call.write(runtime.encode(answer))) await drained(call, context.signal, drainTimeoutMs);
    }
  } catch (error) {
    failStream(context, error, send);
    return;
  }
  if (context.ended) return;
  call.end();
  context.finish(status.OK);
}

function sendBatch({ messages, slowReader }: EncodedBatch, outgoing: Outgoing): Promise<void> | undefined {
  const { call, context, runtime, drainTimeoutMs } = outgoing;
  const bytes = messages.map((message) => runtime.encode(message));
  const waitsFor = writeFrames(call, bytes);
  return waitsFor && drained(waitsFor, context.signal, drainTimeoutMs, slowReader);
}

/** The same iterable, but its iterator is told to return as soon as the signal aborts, and not only at the next yield. */
function stopping<T>(source: AsyncIterable<T>, signal: AbortSignal): AsyncIterable<T> {
  return {
    [Symbol.asyncIterator]() {
      const iterator = source[Symbol.asyncIterator]();
      const stop = () => {
        // A generator that waits for something answers only later; nobody waits for it.
        iterator.return?.().catch(() => undefined);
      };
      signal.addEventListener('abort', stop, { once: true });
      return iterator;
    },
  };
}

/** @throws ServiceError LIMIT_EXCEEDED, or what `slowReader` says, when the reader takes nothing for `timeoutMs`. */
function drained(
  call: Writable,
  signal: AbortSignal,
  timeoutMs: number,
  slowReader = () =>
    new ServiceError('LIMIT_EXCEEDED', `the reader took nothing for ${timeoutMs} ms; resume when it can`),
): Promise<void> {
  if (signal.aborted || call.destroyed) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      release();
      reject(slowReader());
    }, timeoutMs);
    const wake = () => {
      release();
      resolve();
    };
    const release = () => {
      clearTimeout(timer);
      call.off('drain', wake);
      signal.removeEventListener('abort', wake);
    };
    call.on('drain', wake);
    signal.addEventListener('abort', wake);
  });
}

/**
 * The client's messages in order, until it half-closes. grpc-js reads at most 16 ahead of the handler.
 *
 * @throws the reason of the signal when the call ends otherwise; ServiceError for a message that is too large, cannot be
 * decoded or does not come in time.
 */
export async function* receive<Request>(
  call: Readable,
  signal: AbortSignal,
  idleTimeoutMs: number | undefined,
): AsyncGenerator<Request, void, undefined> {
  let wake = () => {};
  const onEvent = () => wake();
  call.on('readable', onEvent).on('end', onEvent);
  signal.addEventListener('abort', onEvent);
  try {
    while (true) {
      signal.throwIfAborted();
      const message: unknown = call.read();
      if (message instanceof RefusedRequest) throw message.error;
      if (message !== null) yield message as Request;
      else if (call.readableEnded || call.destroyed) return;
      else await next();
    }
  } finally {
    call.off('readable', onEvent).off('end', onEvent);
    signal.removeEventListener('abort', onEvent);
    call.resume(); // whatever else the client sends is read and dropped, so that the stream can close
  }

  function next(): Promise<void> {
    return new Promise((resolve, reject) => {
      const expire = () =>
        reject(new ServiceError('DEADLINE_EXCEEDED', `no message came for ${idleTimeoutMs} ms; open a new stream`));
      const timer = idleTimeoutMs === undefined ? undefined : setTimeout(expire, idleTimeoutMs);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
