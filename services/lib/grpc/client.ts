/**
 * A client of one service with promises and async iterables, typed by the generated definition. Errors are CallErrors.
 */
import type { ChannelCredentials, ChannelOptions, ServiceDefinition } from '@grpc/grpc-js';
import type { MethodDefinition } from '@grpc/proto-loader';
import { type Clock, systemClock } from '../clock.ts';
import { type CallSettings, type Method, type Requests, RpcChannel } from './channel.ts';
import { retryOptions } from './retry.ts';

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

/** The methods that the generated definition names. */
export type MethodName<Definition> = keyof {
  [Name in keyof Definition as string extends Name ? never : Name]: unknown;
} &
  string;
/** What a caller gives. */
export type RequestOf<Method> =
  Method extends MethodDefinition<infer Request, infer _A, infer _B, infer _C> ? Request : never;
/** What it gets. */
export type ResponseOf<Method> =
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
  return new UntypedClient(definition as Methods, target, options) as unknown as ServiceClient<Definition>;
}

type Methods = Readonly<Record<string, Method | undefined>>;

class UntypedClient {
  readonly #methods: Methods;
  readonly #channel: RpcChannel;
  readonly #deadlineMs: number;
  readonly #idempotent: ReadonlySet<string>;

  constructor(methods: Methods, target: string, options: ClientOptions) {
    this.#methods = methods;
    this.#deadlineMs = options.deadlineMs ?? 30_000;
    this.#idempotent = new Set(options.idempotent);
    const retry = retryOptions([...this.#idempotent].map((name) => this.#method(name, false, false).path));
    const { credentials, clock = systemClock } = options;
    this.#channel = new RpcChannel(target, { credentials, clock, channel: { ...retry, ...options.channel } });
  }

  async call(name: string, request: unknown, settings: CallSettings = {}): Promise<unknown> {
    const method = this.#method(name, false, false);
    const waitForReady = this.#idempotent.has(name);
    return this.#channel.unary(method, request, { deadlineMs: this.#deadlineMs, waitForReady, ...settings });
  }

  async *serverStream(name: string, request: unknown, settings: CallSettings = {}): AsyncGenerator<unknown> {
    yield* this.#channel.serverStream(this.#method(name, false, true), request, settings);
  }

  async clientStream(name: string, requests: Requests, settings: CallSettings = {}): Promise<unknown> {
    return this.#channel.clientStream(this.#method(name, true, false), requests, settings);
  }

  async *bidiStream(name: string, requests: Requests, settings: CallSettings = {}): AsyncGenerator<unknown> {
    yield* this.#channel.bidiStream(this.#method(name, true, true), requests, settings);
  }

  close(): void {
    this.#channel.close();
  }

  #method(name: string, requestStream: boolean, responseStream: boolean): Method {
    const method = this.#methods[name];
    if (method === undefined) throw new Error(`the service has no method ${name}`);
    if (method.requestStream === requestStream && method.responseStream === responseStream) return method;
    throw new Error(`${method.path} is a method of another kind`);
  }
}
