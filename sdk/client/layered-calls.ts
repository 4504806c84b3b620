/**
 * Calls on their way through a client's layers. The layers are composed once a method; what runs ends when the client is
 * closed.
 */
import { status } from '@grpc/grpc-js';
import type { Clock } from '#lib/clock.ts';
import { CallError } from '#lib/grpc/call-error.ts';
import type { Method } from '#lib/grpc/channel.ts';
import { compose, methodName } from '#lib/grpc/handler.ts';
import type { RunningCall } from './attempts.ts';
import type { Handler, Middleware } from './middleware.ts';
import type { Sent } from './server-caller.ts';

export interface SentStream {
  readonly method: Method;
  /** A message, or an AsyncIterable of them. */
  readonly request: object;
  /** Opens it. */
  readonly run: (request: object, running: RunningCall) => AsyncIterable<unknown>;
  readonly signal: AbortSignal;
}

interface RunningWith extends RunningCall {
  readonly run: (request: object, running: RunningCall) => unknown;
}

export interface LayeredCallsOptions {
  readonly clock: Clock;
  /** The first is the outermost. Default none. */
  readonly middleware?: readonly Middleware[];
}

const DEADLINE_MS = 10_000;

export class LayeredCalls {
  readonly #clock: Clock;
  readonly #middleware: readonly Middleware[];
  readonly #handlers = new WeakMap<Method, Handler>();
  readonly #running = new Set<AbortController>();
  #isClosed = false;

  constructor({ clock, middleware = [] }: LayeredCallsOptions) {
    this.#clock = clock;
    this.#middleware = middleware;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** @throws CallError; the signal's reason */
  async send({ method, request, run, deadlineMs = DEADLINE_MS, signal }: Sent): Promise<unknown> {
    const begun = this.#begin(signal);
    const endMs = this.#clock.monotonicMs() + deadlineMs;
    const running: RunningWith = { signal: begun.signal, deadlineMs, endMs, metadata: {}, attempts: [], run };
    try {
      return await this.#handlerOf(method)(request, running);
    } finally {
      begun.end();
    }
  }

  /** The stream opens when its first message is asked for, and ends with the signal. @throws as `send` */
  async *stream({ method, request, run, signal }: SentStream): AsyncGenerator<unknown, void, undefined> {
    const begun = this.#begin(signal);
    const forEver = { deadlineMs: Number.POSITIVE_INFINITY, endMs: Number.POSITIVE_INFINITY };
    const running: RunningWith = { signal: begun.signal, ...forEver, metadata: {}, attempts: [], run };
    try {
      yield* (await this.#handlerOf(method)(request, running)) as AsyncIterable<unknown>;
    } finally {
      begun.end();
    }
  }

  /**
   * For what lives longer than a call: aborted when the client is closed.
   *
   * @returns what forgets it
   * @throws CallError when the client is closed already
   */
  endWith(lasting: AbortController): () => void {
    if (this.#isClosed) throw closed();
    this.#running.add(lasting);
    return () => this.#running.delete(lasting);
  }

  close(): void {
    this.#isClosed = true;
    for (const running of this.#running) running.abort(closed());
  }

  #begin(signal: AbortSignal | undefined) {
    signal?.throwIfAborted();
    if (this.#isClosed) throw closed();
    const given = new AbortController();
    const giveUp = () => given.abort(signal?.reason);
    signal?.addEventListener('abort', giveUp, { once: true });
    this.#running.add(given);
    const end = () => {
      this.#running.delete(given);
      signal?.removeEventListener('abort', giveUp);
    };
    return { signal: given.signal, end };
  }

  /** Composed once a method. A layer hands on the call that it got, or one made from it. */
  #handlerOf(method: Method): Handler {
    const known = this.#handlers.get(method);
    if (known !== undefined) return known;
    const { path, requestStream, responseStream } = method;
    const innermost: Handler = (request, call) => {
      const running = call as RunningWith;
      return running.run(request as object, running);
    };
    const info = { name: methodName(path), requestStream, responseStream };
    const handler = compose(this.#middleware, innermost, info);
    this.#handlers.set(method, handler);
    return handler;
  }
}

function closed(): CallError {
  return new CallError('the client is closed', { code: status.CANCELLED, reachedServer: false });
}
