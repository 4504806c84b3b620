/**
 * A client of one service with promises and async iterables, typed by the generated definition.
 *
 * Errors are CallErrors: `reason` is what the server said, `code` what gRPC said. They are not ServiceErrors on purpose:
 * a service that lets one escape must not tell its own caller UNAUTHENTICATED because a service behind it did.
 */
import type { Readable, Writable } from 'node:stream';
import {
  type CallOptions,
  type ChannelCredentials,
  type ChannelOptions,
  Client,
  type ServiceError as GrpcError,
  type MethodDefinition as GrpcMethod,
  Metadata,
  type ServiceDefinition,
  type status,
} from '@grpc/grpc-js';
import type { MethodDefinition } from '@grpc/proto-loader';
import { type Clock, systemClock } from '../clock.ts';
import type { Reason } from '../errors.ts';
import { silenceLibrary } from './library-log.ts';
import { retryOptions } from './retry.ts';
import { errorInfoOf, reasonOf } from './status.ts';

export class CallError extends Error {
  readonly code: status;
  /** What the server said; undefined when it said nothing, or could not be reached (code UNAVAILABLE). */
  readonly reason: Reason | undefined;
  /** ErrorInfo.metadata: facts that belong to the reason, for example the owner of a name. */
  readonly facts: Readonly<Record<string, string>>;
  /** The trailers. */
  readonly metadata: Metadata;

  constructor(method: string, cause: GrpcError) {
    super(`${method}: ${cause.details}`, { cause });
    this.name = 'CallError';
    this.code = cause.code;
    this.reason = reasonOf(cause);
    this.metadata = cause.metadata ?? new Metadata();
    this.facts = errorInfoOf(this.metadata)?.metadata ?? {};
  }
}

export interface ClientOptions<Name extends string = string> {
  readonly credentials: ChannelCredentials;
  /**
   * Unary methods that may be carried out twice. They wait for a connection, and are sent again when it breaks or the
   * server says UNAVAILABLE, all within the call's deadline: see docs/clients.md. Default none.
   */
  readonly idempotent?: readonly Name[];
  /** For calls that name none. Default 30 000. Streams have no deadline unless the call names one. */
  readonly deadlineMs?: number;
  /** Default the system's. */
  readonly clock?: Clock;
  /** Over CLIENT_CHANNEL_OPTIONS. */
  readonly channel?: ChannelOptions;
}

export interface CallSettings {
  /** From now. */
  readonly deadlineMs?: number;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /**
   * Wait for the connection until the deadline instead of failing at once with UNAVAILABLE. Default: as the method is
   * idempotent or not.
   */
  readonly waitForReady?: boolean;
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

type MethodName<Definition> = keyof {
  [Name in keyof Definition as string extends Name ? never : Name]: unknown;
} &
  string;
type RequestOf<Method> = Method extends MethodDefinition<infer Request, infer _A, infer _B, infer _C> ? Request : never;
type ResponseOf<Method> =
  Method extends MethodDefinition<infer _A, infer _B, infer _C, infer Response> ? Response : never;

/** Each function fails with a CallError, and throws a plain error for a method of another kind. */
export interface ServiceClient<Definition> {
  call<Name extends MethodName<Definition>>(
    method: Name,
    request: RequestOf<Definition[Name]>,
    settings?: CallSettings,
  ): Promise<ResponseOf<Definition[Name]>>;
  /** Cancelled when the loop over it ends early. */
  serverStream<Name extends MethodName<Definition>>(
    method: Name,
    request: RequestOf<Definition[Name]>,
    settings?: CallSettings,
  ): AsyncGenerator<ResponseOf<Definition[Name]>, void, undefined>;
  clientStream<Name extends MethodName<Definition>>(
    method: Name,
    requests: AsyncIterable<RequestOf<Definition[Name]>>,
    settings?: CallSettings,
  ): Promise<ResponseOf<Definition[Name]>>;
  bidiStream<Name extends MethodName<Definition>>(
    method: Name,
    requests: AsyncIterable<RequestOf<Definition[Name]>>,
    settings?: CallSettings,
  ): AsyncGenerator<ResponseOf<Definition[Name]>, void, undefined>;
  close(): void;
}

/** Connects when first used; `target` is host:port or any grpc-js target. */
export function createClient<Definition extends ServiceDefinition>(
  definition: Definition,
  target: string,
  options: ClientOptions<MethodName<Definition>>,
): ServiceClient<Definition> {
  silenceLibrary();
  return new UntypedClient(definition as Methods, target, options) as unknown as ServiceClient<Definition>;
}

type Method = GrpcMethod<unknown, unknown>;
type Methods = Readonly<Record<string, Method | undefined>>;
type Requests = AsyncIterable<unknown>;

class UntypedClient {
  readonly #methods: Methods;
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #deadlineMs: number;
  readonly #idempotent: ReadonlySet<string>;

  constructor(methods: Methods, target: string, options: ClientOptions) {
    this.#methods = methods;
    this.#clock = options.clock ?? systemClock;
    this.#deadlineMs = options.deadlineMs ?? 30_000;
    this.#idempotent = new Set(options.idempotent);
    const retry = retryOptions([...this.#idempotent].map((name) => this.#method(name, false, false).path));
    this.#client = new Client(target, options.credentials, { ...CLIENT_CHANNEL_OPTIONS, ...retry, ...options.channel });
  }

  async call(name: string, request: unknown, settings: CallSettings = {}): Promise<unknown> {
    const { path, requestSerialize: write, responseDeserialize: read } = this.#method(name, false, false);
    const waitForReady = this.#idempotent.has(name);
    const { metadata, options } = this.#setUp({ deadlineMs: this.#deadlineMs, waitForReady, ...settings });
    return answerOf(path, settings, (done) =>
      this.#client.makeUnaryRequest(path, write, read, request, metadata, options, done),
    );
  }

  async *serverStream(name: string, request: unknown, settings: CallSettings = {}): AsyncGenerator<unknown> {
    const { path, requestSerialize: write, responseDeserialize: read } = this.#method(name, false, true);
    const { metadata, options } = this.#setUp(settings);
    yield* answersOf(path, settings, () =>
      this.#client.makeServerStreamRequest(path, write, read, request, metadata, options),
    );
  }

  async clientStream(name: string, requests: Requests, settings: CallSettings = {}): Promise<unknown> {
    const { path, requestSerialize: write, responseDeserialize: read } = this.#method(name, true, false);
    const { metadata, options } = this.#setUp(settings);
    return answerOf(path, settings, (done) => {
      const call = this.#client.makeClientStreamRequest(path, write, read, metadata, options, done);
      void sendAll(requests, call);
      return call;
    });
  }

  async *bidiStream(name: string, requests: Requests, settings: CallSettings = {}): AsyncGenerator<unknown> {
    const { path, requestSerialize: write, responseDeserialize: read } = this.#method(name, true, true);
    const { metadata, options } = this.#setUp(settings);
    yield* answersOf(path, settings, () => {
      const call = this.#client.makeBidiStreamRequest(path, write, read, metadata, options);
      void sendAll(requests, call);
      return call;
    });
  }

  close(): void {
    this.#client.close();
  }

  #method(name: string, requestStream: boolean, responseStream: boolean): Method {
    const method = this.#methods[name];
    if (method === undefined) throw new Error(`the service has no method ${name}`);
    if (method.requestStream === requestStream && method.responseStream === responseStream) return method;
    throw new Error(`${method.path} is a method of another kind`);
  }

  #setUp({ deadlineMs, metadata = {}, waitForReady = false }: CallSettings) {
    const built = new Metadata({ waitForReady });
    for (const [key, value] of Object.entries(metadata)) built.set(key, value);
    const options: CallOptions = deadlineMs === undefined ? {} : { deadline: this.#clock.nowMs() + deadlineMs };
    return { metadata: built, options };
  }
}

type Cancellable = { cancel(): void };
type Done = (error: GrpcError | null, value?: unknown) => void;

async function answerOf(path: string, { signal }: CallSettings, start: (done: Done) => Cancellable): Promise<unknown> {
  signal?.throwIfAborted();
  let cancel = () => {};
  try {
    return await new Promise((resolve, reject) => {
      const call = start((error, value) => (error === null ? resolve(value) : reject(error)));
      cancel = () => call.cancel();
      signal?.addEventListener('abort', cancel);
    });
  } catch (error) {
    throw explain(path, error, signal);
  } finally {
    signal?.removeEventListener('abort', cancel);
  }
}

async function* answersOf(
  path: string,
  { signal }: CallSettings,
  start: () => Readable & Cancellable,
): AsyncGenerator<unknown> {
  signal?.throwIfAborted();
  const call = start();
  const cancel = () => call.cancel();
  // grpc-js reports the end of a cancelled call as an 'error' event, also when nobody reads any more.
  call.on('error', () => undefined);
  signal?.addEventListener('abort', cancel);
  try {
    yield* call;
  } catch (error) {
    throw explain(path, error, signal);
  } finally {
    signal?.removeEventListener('abort', cancel);
    cancel();
  }
}

/** Sends the requests and half-closes. A failing source cancels the call, which is how its reader hears of it. */
async function sendAll(requests: AsyncIterable<unknown>, call: Writable & Cancellable): Promise<void> {
  try {
    for await (const request of requests) {
      if (call.destroyed) return;
      if (!call.write(request)) await writable(call);
    }
    call.end();
  } catch {
    call.cancel();
  }
}

function writable(call: Writable): Promise<void> {
  return new Promise((resolve) => {
    const wake = () => {
      call.off('drain', wake).off('close', wake).off('error', wake);
      resolve();
    };
    call.on('drain', wake).on('close', wake).on('error', wake);
  });
}

function explain(path: string, error: unknown, signal: AbortSignal | undefined): unknown {
  if (signal?.aborted) return signal.reason;
  if (!(error instanceof Error) || !('code' in error) || !('details' in error)) return error;
  return new CallError(path.slice(1), error as GrpcError);
}
