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
import { systemClock } from '../clock.ts';
import type { Reason } from '../errors.ts';
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

export interface ClientOptions {
  readonly credentials: ChannelCredentials;
  /** For calls that name none. Default 30 000. Streams have no deadline unless the call names one. */
  readonly deadlineMs?: number;
  /** Over CLIENT_CHANNEL_OPTIONS. */
  readonly channel?: ChannelOptions;
}

export interface CallSettings {
  /** From now. */
  readonly deadlineMs?: number;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** Wait for the connection until the deadline instead of failing at once with UNAVAILABLE. Default false. */
  readonly waitForReady?: boolean;
}

/** Dead connections are found in 40 s also between calls, and large answers are not held up by a 64 KiB window. */
export const CLIENT_CHANNEL_OPTIONS: ChannelOptions = Object.freeze({
  'grpc.keepalive_time_ms': 30_000,
  'grpc.keepalive_timeout_ms': 10_000,
  'grpc.keepalive_permit_without_calls': 1,
  'grpc-node.flow_control_window': 1024 * 1024,
  'grpc.max_receive_message_length': 4 * 1024 * 1024,
  'grpc.enable_channelz': 0,
  'grpc.service_config_disable_resolution': 1,
});

type MethodName<Definition> = keyof {
  [Name in keyof Definition as string extends Name ? never : Name]: unknown;
} &
  string;
type RequestOf<Method> = Method extends MethodDefinition<infer Request, infer _A, infer _B, infer _C> ? Request : never;
type ResponseOf<Method> = Method extends MethodDefinition<infer _A, infer _B, infer _C, infer Answer> ? Answer : never;

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
  { credentials, deadlineMs = 30_000, channel = {} }: ClientOptions,
): ServiceClient<Definition> {
  const methods = definition as Methods;
  const client = new Client(target, credentials, { ...CLIENT_CHANNEL_OPTIONS, ...channel });
  const untyped: ServiceClient<Record<string, MethodDefinition<unknown, unknown>>> = {
    call(name, request, settings = {}) {
      const { path, requestSerialize, responseDeserialize } = methodOf(methods, name, false, false);
      return answerOf(path, settings, (done) => {
        const options = callOptions({ deadlineMs, ...settings });
        const metadata = metadataOf(settings);
        return client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, metadata, options, done);
      });
    },
    async *serverStream(name, request, settings = {}) {
      const { path, requestSerialize, responseDeserialize } = methodOf(methods, name, false, true);
      const options = callOptions(settings);
      const metadata = metadataOf(settings);
      const start = () =>
        client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, request, metadata, options);
      yield* answersOf(path, settings, start);
    },
    clientStream(name, requests, settings = {}) {
      const { path, requestSerialize, responseDeserialize } = methodOf(methods, name, true, false);
      return answerOf(path, settings, (done) => {
        const [metadata, options] = [metadataOf(settings), callOptions(settings)];
        const call = client.makeClientStreamRequest(
          path,
          requestSerialize,
          responseDeserialize,
          metadata,
          options,
          done,
        );
        void sendAll(requests, call);
        return call;
      });
    },
    async *bidiStream(name, requests, settings = {}) {
      const { path, requestSerialize, responseDeserialize } = methodOf(methods, name, true, true);
      const [metadata, options] = [metadataOf(settings), callOptions(settings)];
      yield* answersOf(path, settings, () => {
        const call = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, metadata, options);
        void sendAll(requests, call);
        return call;
      });
    },
    close: () => client.close(),
  };
  return untyped as unknown as ServiceClient<Definition>;
}

type Methods = Readonly<Record<string, GrpcMethod<unknown, unknown> | undefined>>;

function methodOf(methods: Methods, name: string, requestStream: boolean, responseStream: boolean) {
  const method = methods[name];
  if (method === undefined) throw new Error(`the service has no method ${name}`);
  if (method.requestStream !== requestStream || method.responseStream !== responseStream) {
    throw new Error(`${method.path} is a method of another kind`);
  }
  return method;
}

function callOptions({ deadlineMs }: CallSettings): CallOptions {
  return deadlineMs === undefined ? {} : { deadline: systemClock.nowMs() + deadlineMs };
}

function metadataOf({ metadata = {}, waitForReady = false }: CallSettings): Metadata {
  const built = new Metadata({ waitForReady });
  for (const [key, value] of Object.entries(metadata)) built.set(key, value);
  return built;
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
): AsyncGenerator<unknown, void, undefined> {
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
