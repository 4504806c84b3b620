/**
 * The client: finds servers in Discovery and calls them. `connect()` makes one.
 *
 * Each call goes through the caller's layers, then to the registry or to an endpoint; what is shared (connections,
 * answers of the registry, the retry budget) lives as long as the client.
 */
import { type ServiceDefinition, status } from '@grpc/grpc-js';
import { CallError } from '#lib/grpc/call-error.ts';
import type { Method } from '#lib/grpc/channel.ts';
import type { MethodName, RequestOf, ResponseOf } from '#lib/grpc/client.ts';
import type { EndpointDescriptor__Output as Endpoint } from '#protos/generated/mcp2/EndpointDescriptor.ts';
import { FilterMode } from '#protos/generated/mcp2/FilterMode.ts';
import type { LookupRequest } from '#protos/generated/mcp2/LookupRequest.ts';
import type { LookupResponse__Output } from '#protos/generated/mcp2/LookupResponse.ts';
import type { Services } from '#protos/load.ts';
import { type RunningCall, remainingMs } from './attempts.ts';
import type { Card } from './card.ts';
import { CardCalls } from './card-calls.ts';
import { ContextCalls, type ContextOptions } from './context-calls.ts';
import { Directory, type Query } from './directory.ts';
import type { EventBusConnection } from './event-bus-connection.ts';
import { type EventCallOptions, EventCalls } from './event-calls.ts';
import type { SubscriptionInfo, TopicInfo } from './event-lists.ts';
import type { EventPayload, Published, PublishOptions } from './event-request.ts';
import { heldCapabilities } from './held-capabilities.ts';
import { LayeredCalls } from './layered-calls.ts';
import type { Middleware } from './middleware.ts';
import { callRegistry, type RegistryCallDependencies } from './registry-calls.ts';
import type { ContextResult, ToolResult } from './results.ts';
import type { EndpointQuery, Sent, ServerCaller, TargetOptions } from './server-caller.ts';
import { callServer, type ServerCallDependencies } from './server-calls.ts';
import type { Publisher, PublisherOptions } from './stream-publisher.ts';
import type { SubscribeOptions } from './subscribe-request.ts';
import type { Subscription } from './subscription.ts';
import { takeToken } from './token-source.ts';
import { ToolCalls, type ToolOptions } from './tool-calls.ts';

export interface CallOptions extends Partial<EndpointQuery>, TargetOptions {
  /** May be carried out twice. Default: for methods that change nothing. */
  readonly idempotent?: boolean;
}

export interface LookupOptions {
  /** From now. Default 10 000. */
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal | undefined;
  /** One attempt that does not wait for a connection. Default false. */
  readonly failFast?: boolean;
}

export interface Mcp2Client extends Disposable {
  /** Generated services, for `call`. */
  readonly services: Services;
  /** host:port of the registry. */
  readonly registry: string;
  /**
   * Reads a context: finds a server that gives it, calls it, goes on to another one, or has the answer kept from before for
   * as long as its server said.
   *
   * @throws CallError; TypeError for a parameter that cannot be sent
   */
  context<Value = unknown>(
    key: string,
    parameters?: Readonly<Record<string, unknown>>,
    options?: ContextOptions,
  ): Promise<ContextResult<Value>>;
  /**
   * Runs a tool: finds a server that offers it and calls it. What may have been carried out is not sent again, unless the
   * tool is idempotent or the call has an idempotency key.
   *
   * @throws CallError; ToolFailure when it ran and failed; TypeError for an argument that cannot be sent
   */
  tool<Value = Readonly<Record<string, unknown>>>(
    name: string,
    args?: Readonly<Record<string, unknown>>,
    options?: ToolOptions,
  ): Promise<ToolResult<Value>>;
  /** What a server says of itself: contexts, tools, schemas, rights. Asked anew each time. @throws CallError */
  card(server: string, options?: TargetOptions): Promise<Card>;
  /** One Lookup, as it is. `requester_token` is this client's unless the request has one. @throws CallError */
  lookup(request: LookupRequest, options?: LookupOptions): Promise<LookupResponse__Output>;
  /** The endpoints that can do it, best first; from memory for as long as the registry said. @throws CallError */
  endpoints(query: EndpointQuery, options?: Pick<CallOptions, 'signal' | 'deadlineMs'>): Promise<readonly Endpoint[]>;
  /** Finds a server, calls it, and goes on to another endpoint where that is safe. @throws CallError */
  call<Definition extends ServiceDefinition, Name extends MethodName<Definition>>(
    service: Definition,
    method: Name,
    request: RequestOf<Definition[Name]>,
    options: CallOptions,
  ): Promise<ResponseOf<Definition[Name]>>;
  /**
   * Resolves when the bus holds the event. Sent again until the deadline where that may help: an event has an id, and the bus
   * knows it again.
   *
   * @throws CallError; NotConfigured where no event bus is known; TypeError for what cannot be sent
   */
  publish(topic: string, payload: EventPayload, options?: PublishOptions): Promise<Published>;
  /** Many events over one stream, in order within each topic. Close it. @throws TypeError for options that say nothing */
  publisher(options?: PublisherOptions): Publisher;
  /**
   * Events whose topic matches the filter, from now on. Begins at once, and goes on by itself over breaks, restarts of the bus
   * and the end of its token; an error that no next stream could change comes out of the loop. Close it, or leave the loop.
   *
   * @throws TypeError for options that say nothing
   */
  subscribe(filter: string, options?: SubscribeOptions): Subscription;
  /** The topics that match the filter, by name. @throws CallError, NotConfigured */
  topics(filter: string, options?: EventCallOptions): AsyncIterableIterator<TopicInfo, void, undefined>;
  /** The durable subscriptions of this token's subject, by name. @throws CallError, NotConfigured */
  subscriptions(options?: EventCallOptions): Promise<readonly SubscriptionInfo[]>;
  /** @returns false when there was none @throws CallError, NotConfigured */
  deleteSubscription(name: string, options?: EventCallOptions): Promise<boolean>;
  /** Ends what runs, and every connection. A second time does nothing. */
  close(): void;
}

export interface ClientParts extends ServerCallDependencies, RegistryCallDependencies {
  readonly services: Services;
  readonly middleware: readonly Middleware[];
  /** @throws NotConfigured */
  readonly openEventBus: () => Promise<EventBusConnection>;
  /** After the connections. */
  readonly onClose: () => void;
}

const DEADLINE_MS = 10_000;
/** They change nothing, whatever the server. */
const SAFE_METHODS: readonly string[] = [
  '/mcp2.ContextTool/RequestContext',
  '/mcp2.Discovery/Lookup',
  '/mcp2.Discovery/GetCard',
  '/mcp2.ServiceInfo/GetCard',
  '/mcp2.TokenService/GetJwks',
];

export class DiscoveringClient implements Mcp2Client {
  readonly services: Services;
  readonly registry: string;
  readonly #parts: ClientParts;
  readonly #directory: Directory;
  readonly #calls: LayeredCalls;
  readonly #events: EventCalls;
  readonly #caller: ServerCaller;
  /** Made when they are first used: their caches take a millisecond. */
  #contexts: ContextCalls | undefined;
  #tools: ToolCalls | undefined;
  #cards: CardCalls | undefined;
  #isClosed = false;

  constructor(parts: ClientParts) {
    this.#parts = parts;
    this.#calls = new LayeredCalls(parts);
    this.#events = new EventCalls({ ...parts, open: parts.openEventBus, calls: this.#calls });
    this.services = parts.services;
    this.registry = parts.address;
    this.#directory = new Directory({ clock: parts.clock, ask: (query) => this.#ask(query) });
    this.#caller = {
      services: parts.services,
      parts,
      send: (sent) => this.#calls.send(sent),
      find: (query, running, again) => this.#find(query, running, again),
    };
  }

  async context<Value>(key: string, parameters = {}, options: ContextOptions = {}): Promise<ContextResult<Value>> {
    return (await this.#contextCalls().read(key, parameters, options)) as ContextResult<Value>;
  }

  async tool<Value>(name: string, args = {}, options: ToolOptions = {}): Promise<ToolResult<Value>> {
    return (await this.#toolCalls().run(name, args, options)) as ToolResult<Value>;
  }

  async card(server: string, options: TargetOptions = {}): Promise<Card> {
    return this.#cardCalls().read(server, options);
  }

  async lookup(request: LookupRequest, options: LookupOptions = {}): Promise<LookupResponse__Output> {
    const { failFast = false, deadlineMs, signal } = options;
    const method = this.services.Discovery.Lookup as unknown as Method;
    const run: Sent['run'] = (sent, running) => callRegistry({ method, request: sent, failFast }, running, this.#parts);
    return (await this.#calls.send({ method, request, run, deadlineMs, signal })) as LookupResponse__Output;
  }

  async endpoints(
    query: EndpointQuery,
    options: Pick<CallOptions, 'signal' | 'deadlineMs'> = {},
  ): Promise<readonly Endpoint[]> {
    const { signal = new AbortController().signal, deadlineMs: waitMs = DEADLINE_MS } = options;
    return this.#directory.find(await this.#queryOf(query), { signal, waitMs });
  }

  async call<Definition extends ServiceDefinition, Name extends MethodName<Definition>>(
    service: Definition,
    name: Name,
    request: RequestOf<Definition[Name]>,
    options: CallOptions,
  ): Promise<ResponseOf<Definition[Name]>> {
    const method = unaryMethod(service, name);
    const { idempotent = SAFE_METHODS.includes(method.path), deadlineMs, signal } = options;
    const run: Sent['run'] = async (sent, running) => {
      const find = (again: boolean) => this.#find(options, running, again);
      const { answer } = await callServer({ method, request: sent, idempotent, find }, running, this.#parts);
      return answer;
    };
    const answer = await this.#calls.send({ method, request: request as object, run, deadlineMs, signal });
    return answer as ResponseOf<Definition[Name]>;
  }

  publish(topic: string, payload: EventPayload, options?: PublishOptions): Promise<Published> {
    return this.#events.publish(topic, payload, options);
  }

  publisher(options?: PublisherOptions): Publisher {
    return this.#events.publisher(options);
  }

  subscribe(filter: string, options?: SubscribeOptions): Subscription {
    return this.#events.subscribe(filter, options);
  }

  topics(filter: string, options?: EventCallOptions): AsyncIterableIterator<TopicInfo, void, undefined> {
    return this.#events.topics(filter, options);
  }

  subscriptions(options?: EventCallOptions): Promise<readonly SubscriptionInfo[]> {
    return this.#events.subscriptions(options);
  }

  deleteSubscription(name: string, options?: EventCallOptions): Promise<boolean> {
    return this.#events.deleteSubscription(name, options);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#calls.close();
    this.#events.close();
    this.#parts.channel.close();
    this.#parts.pool.close();
    this.#parts.onClose();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #contextCalls(): ContextCalls {
    this.#contexts ??= new ContextCalls(this.#caller);
    return this.#contexts;
  }

  #cardCalls(): CardCalls {
    this.#cards ??= new CardCalls(this.#caller);
    return this.#cards;
  }

  #toolCalls(): ToolCalls {
    this.#tools ??= new ToolCalls(this.#caller, this.#cardCalls().directory);
    return this.#tools;
  }

  async #find(options: CallOptions, running: RunningCall, again: boolean): Promise<readonly Endpoint[]> {
    const { endpoints, capability, server } = options;
    if (endpoints !== undefined) return endpoints;
    if (capability === undefined) throw new TypeError('a call needs a capability to find a server by, or endpoints');
    const waitMs = remainingMs(running, this.#parts.clock);
    const query = await this.#queryOf({ capability, server });
    return this.#directory.find(query, { signal: running.signal, waitMs, again });
  }

  async #queryOf({ capability, server = '' }: EndpointQuery): Promise<Query> {
    if (typeof capability === 'string') return { capabilities: [capability], server };
    const capabilities = heldCapabilities(await takeToken(this.#parts.token), capability);
    if (capabilities.length > 0) return { capabilities, server };
    throw new CallError(`the token holds none of ${capability.join(', ')}`, {
      code: status.PERMISSION_DENIED,
      reason: 'CAPABILITY_DENIED',
      reachedServer: false,
    });
  }

  /** The first page holds the best hundred, which is more than anybody tries. */
  #ask({ capabilities, server }: Query): Promise<LookupResponse__Output> {
    return this.lookup({
      capability_filter: [...capabilities],
      mode: FilterMode.FILTER_MODE_ANY,
      server_name: server,
      client_zone: this.#parts.zone,
    });
  }
}

function unaryMethod(service: ServiceDefinition, name: string): Method {
  const method = service[name] as Method | undefined;
  if (method === undefined) throw new TypeError(`the service has no method ${name}`);
  if (method.requestStream || method.responseStream) throw new TypeError(`${method.path} is a stream, not a call`);
  return method;
}
