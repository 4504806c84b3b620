/**
 * One connection to one target, for methods of any service, with promises and async iterables.
 *
 * A call or stream that the server ends is exactly one rejection, with its reason; requests that are still being sent
 * then are told to stop, so that a source which waits for a timer or a subscription lets go of it.
 */
import type { Readable, Writable } from 'node:stream';
import {
  type CallOptions,
  type ChannelCredentials,
  type ChannelOptions,
  Client,
  connectivityState,
  type ServiceError as GrpcError,
  Metadata,
  type MethodDefinition,
  status,
} from '@grpc/grpc-js';
import type { Clock } from '../clock.ts';
import { abortable } from '../time-limit.ts';
import { CallError, callErrorOf } from './call-error.ts';
import { silenceLibrary } from './library-log.ts';
import { ReleasingCredentials } from './release-sockets.ts';

export interface CallSettings {
  /** From now. */
  readonly deadlineMs?: number | undefined;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
  /**
   * Wait for the connection until the deadline instead of failing at once with UNAVAILABLE. Default: as the method is
   * idempotent or not.
   */
  readonly waitForReady?: boolean;
  /** Unary calls that do not wait for ready: how long to connect at most. Default: until the deadline. */
  readonly connectMs?: number;
}

/**
 * A dead connection is found in 40 s, and large answers are not held up by a 64 KiB window.
 *
 * No pings while there is no call: servers on grpc-core and Go answer those with GOAWAY "too many pings"
 * (https://github.com/grpc/grpc/blob/master/doc/keepalive.md).
 *
 * No proxy of the environment (`http_proxy`): it would see every token of a plaintext call, to localhost as well.
 */
export const CLIENT_CHANNEL_OPTIONS: ChannelOptions = Object.freeze({
  'grpc.keepalive_time_ms': 30_000,
  'grpc.keepalive_timeout_ms': 10_000,
  'grpc.keepalive_permit_without_calls': 0,
  'grpc-node.flow_control_window': 1024 * 1024,
  'grpc.max_receive_message_length': 4 * 1024 * 1024,
  'grpc.enable_channelz': 0,
  'grpc.service_config_disable_resolution': 1,
  'grpc.enable_http_proxy': 0,
});

export type Method = MethodDefinition<unknown, unknown>;
export type Requests = AsyncIterable<unknown>;

export interface RpcChannelOptions {
  readonly credentials: ChannelCredentials;
  readonly clock: Clock;
  /** Over CLIENT_CHANNEL_OPTIONS. */
  readonly channel?: ChannelOptions;
}

export class RpcChannel {
  readonly #client: Client;
  readonly #credentials: ReleasingCredentials;
  readonly #clock: Clock;

  /** Connects when first used; `target` is host:port or any grpc-js target. */
  constructor(target: string, { credentials, clock, channel }: RpcChannelOptions) {
    silenceLibrary();
    this.#credentials = new ReleasingCredentials(credentials);
    this.#client = new Client(target, this.#credentials, { ...CLIENT_CHANNEL_OPTIONS, ...channel });
    this.#clock = clock;
  }

  async unary(method: Method, request: unknown, settings: CallSettings): Promise<unknown> {
    const { path, requestSerialize: write, responseDeserialize: read } = method;
    // Before connecting: the deadline is that of both.
    const { metadata, options } = this.#setUp(settings);
    if (settings.connectMs !== undefined) await this.#connect(method, settings.connectMs, settings.signal);
    return this.#answerOf(method, settings, (done) =>
      this.#client.makeUnaryRequest(path, write, read, request, metadata, options, done),
    );
  }

  async *serverStream(method: Method, request: unknown, settings: CallSettings): AsyncGenerator<unknown> {
    const { path, requestSerialize: write, responseDeserialize: read } = method;
    const { metadata, options } = this.#setUp(settings);
    yield* this.#answersOf(method, settings, () =>
      this.#client.makeServerStreamRequest(path, write, read, request, metadata, options),
    );
  }

  async clientStream(method: Method, requests: Requests, settings: CallSettings): Promise<unknown> {
    const { path, requestSerialize: write, responseDeserialize: read } = method;
    const { metadata, options } = this.#setUp(settings);
    return this.#answerOf(method, settings, (done, sending) => {
      const call = this.#client.makeClientStreamRequest(path, write, read, metadata, options, done);
      call.on('error', () => undefined);
      void sending.sendAll(requests, call);
      return call;
    });
  }

  async *bidiStream(method: Method, requests: Requests, settings: CallSettings): AsyncGenerator<unknown> {
    const { path, requestSerialize: write, responseDeserialize: read } = method;
    const { metadata, options } = this.#setUp(settings);
    yield* this.#answersOf(method, settings, (sending) => {
      const call = this.#client.makeBidiStreamRequest(path, write, read, metadata, options);
      void sending.sendAll(requests, call);
      return call;
    });
  }

  close(): void {
    this.#client.close();
    this.#credentials.release();
  }

  /** Until it is connected, or the last attempt to connect has failed: then the call says why. @throws CallError */
  async #connect({ path }: Method, connectMs: number, signal: AbortSignal | undefined): Promise<void> {
    const channel = this.#client.getChannel();
    const endMs = this.#clock.nowMs() + connectMs;
    for (;;) {
      signal?.throwIfAborted();
      const state = channel.getConnectivityState(true);
      if (state !== connectivityState.IDLE && state !== connectivityState.CONNECTING) return;
      const changed = Promise.withResolvers<Error | undefined>();
      channel.watchConnectivityState(state, endMs, changed.resolve);
      const late = await (signal === undefined ? changed.promise : abortable(changed.promise, signal));
      if (late === undefined) continue;
      const message = `${path.slice(1)}: no connection within ${connectMs} ms`;
      throw new CallError(message, { code: status.UNAVAILABLE, reachedServer: false });
    }
  }

  #setUp({ deadlineMs, metadata = {}, waitForReady = false }: CallSettings) {
    const built = new Metadata({ waitForReady });
    for (const [key, value] of Object.entries(metadata)) built.set(key, value);
    const options: CallOptions = deadlineMs === undefined ? {} : { deadline: this.#clock.nowMs() + deadlineMs };
    return { metadata: built, options };
  }

  async #answerOf(
    method: Method,
    { signal }: CallSettings,
    start: (done: Done, sending: Sending) => Call,
  ): Promise<unknown> {
    signal?.throwIfAborted();
    const sending = new Sending();
    let call: Call | undefined;
    const cancel = () => call?.cancel();
    try {
      return await new Promise((resolve, reject) => {
        call = start((error, value) => (error === null ? resolve(value) : reject(error)), sending);
        signal?.addEventListener('abort', cancel);
      });
    } catch (error) {
      throw this.#explain({ method, error, signal, call, sending });
    } finally {
      signal?.removeEventListener('abort', cancel);
      sending.stop();
    }
  }

  async *#answersOf(
    method: Method,
    { signal }: CallSettings,
    start: (sending: Sending) => Readable & Call,
  ): AsyncGenerator<unknown> {
    signal?.throwIfAborted();
    const sending = new Sending();
    const call = start(sending);
    const cancel = () => call.cancel();
    // grpc-js reports the end of a cancelled call as an 'error' event, also when nobody reads any more.
    call.on('error', () => undefined);
    signal?.addEventListener('abort', cancel);
    try {
      yield* call;
    } catch (error) {
      throw this.#explain({ method, error, signal, call, sending });
    } finally {
      signal?.removeEventListener('abort', cancel);
      sending.stop();
      cancel();
    }
  }

  #explain({ method, error, signal, call, sending }: Ending): unknown {
    if (signal?.aborted) return signal.reason;
    if (!(error instanceof Error) || !('code' in error) || !('details' in error)) return error;
    return callErrorOf(error as GrpcError, {
      method: method.path.slice(1),
      // grpc-js names the channel's target for as long as no connection was chosen for the call.
      reachedServer: call?.getPeer() !== this.#client.getChannel().getTarget(),
      ...(sending.failure === undefined ? {} : { cause: sending.failure }),
    });
  }
}

interface Call {
  cancel(): void;
  getPeer(): string;
}

type Done = (error: GrpcError | null, value?: unknown) => void;

interface Ending {
  readonly method: Method;
  readonly error: unknown;
  readonly signal: AbortSignal | undefined;
  readonly call: Call | undefined;
  readonly sending: Sending;
}

/** The requests of one call, for as long as it runs. */
class Sending {
  readonly #over = new AbortController();
  /** Why the source of the requests broke; the call is cancelled then, which is how its reader hears of it. */
  failure: unknown;

  /** Sends the requests and half-closes. Never rejects. */
  async sendAll(requests: Requests, call: Writable & Call): Promise<void> {
    const { signal } = this.#over;
    let source: AsyncIterator<unknown> | undefined;
    const letGo = async () => source?.return?.();
    try {
      source = requests[Symbol.asyncIterator]();
      for (;;) {
        const next = await abortable(Promise.resolve(source.next()), signal);
        if (next.done) break;
        if (!call.write(next.value)) await abortable(drained(call), signal);
      }
      call.end();
    } catch (error) {
      if (signal.aborted) {
        // A generator that is waiting returns when its wait is over: nobody waits for it here.
        letGo().catch(() => undefined);
        return;
      }
      this.failure = error;
      call.cancel();
    }
  }

  /** The call has ended. */
  stop(): void {
    this.#over.abort();
  }
}

function drained(call: Writable): Promise<void> {
  return new Promise((resolve) => call.once('drain', resolve));
}
