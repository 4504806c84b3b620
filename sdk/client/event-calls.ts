/**
 * Everything that a client does with the event bus. The bus is looked for when it is first used; one that is not found is
 * looked for again the next time.
 */
import type { Clock } from '#lib/clock.ts';
import type { DeleteSubscriptionResponse__Output } from '#protos/generated/mcp2/DeleteSubscriptionResponse.ts';
import type { EventPublishResponse__Output } from '#protos/generated/mcp2/EventPublishResponse.ts';
import type { ListSubscriptionsResponse__Output } from '#protos/generated/mcp2/ListSubscriptionsResponse.ts';
import type { ListTopicsResponse__Output } from '#protos/generated/mcp2/ListTopicsResponse.ts';
import { callEventBus, type EventBusConnection, type EventBusMethod, eventBusMethod } from './event-bus-connection.ts';
import { type SubscriptionInfo, type TopicInfo, toSubscriptionInfo, toTopicInfo } from './event-lists.ts';
import {
  type EventPayload,
  type Published,
  type PublishOptions,
  toPublished,
  toPublishRequest,
} from './event-request.ts';
import type { LayeredCalls } from './layered-calls.ts';
import { type Publisher, type PublisherOptions, StreamPublisher } from './stream-publisher.ts';
import type { SubscribeOptions } from './subscribe-request.ts';
import { EventSubscription, type Subscription } from './subscription.ts';

export interface EventCallsParts {
  /** @throws NotConfigured */
  readonly open: () => Promise<EventBusConnection>;
  readonly calls: LayeredCalls;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

export interface EventCallOptions {
  /** Of the whole call, from now; of a list, of each page. Default 10 000. */
  readonly deadlineMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

const PAGE_SIZE = 1_000;

export class EventCalls {
  readonly #parts: EventCallsParts;
  #connection: Promise<EventBusConnection> | undefined;
  #isClosed = false;

  constructor(parts: EventCallsParts) {
    this.#parts = parts;
  }

  /** @throws CallError, NotConfigured; TypeError for what cannot be sent */
  async publish(topic: string, payload: EventPayload, options: PublishOptions = {}): Promise<Published> {
    const request = toPublishRequest(topic, payload, options);
    return toPublished(topic, (await this.#call('Publish', request, options)) as EventPublishResponse__Output);
  }

  publisher(options: PublisherOptions = {}): Publisher {
    return new StreamPublisher(options, this.#lasting());
  }

  subscribe(filter: string, options: SubscribeOptions = {}): Subscription {
    return new EventSubscription(filter, options, this.#lasting());
  }

  async *topics(filter: string, options: EventCallOptions = {}): AsyncGenerator<TopicInfo, void, undefined> {
    let page_token = '';
    do {
      const request = { topic_filter: filter, page_size: PAGE_SIZE, page_token };
      const answer = (await this.#call('ListTopics', request, options)) as ListTopicsResponse__Output;
      for (const topic of answer.topics) yield toTopicInfo(topic);
      page_token = answer.next_page_token;
    } while (page_token !== '');
  }

  async subscriptions(options: EventCallOptions = {}): Promise<readonly SubscriptionInfo[]> {
    const answer = (await this.#call('ListSubscriptions', {}, options)) as ListSubscriptionsResponse__Output;
    return answer.subscriptions.map(toSubscriptionInfo);
  }

  /** @returns false when there was none */
  async deleteSubscription(name: string, options: EventCallOptions = {}): Promise<boolean> {
    const request = { durable_name: name };
    const answer = (await this.#call('DeleteSubscription', request, options)) as DeleteSubscriptionResponse__Output;
    return answer.existed;
  }

  /** Ends the connection; what runs on it was ended with the calls. */
  close(): void {
    this.#isClosed = true;
    this.#connection?.then(
      (connection) => connection.close(),
      () => undefined,
    );
  }

  #lasting() {
    const { calls, clock, random } = this.#parts;
    return { calls, clock, random, connect: () => this.#connect() };
  }

  async #call(name: EventBusMethod, request: object, { deadlineMs, signal }: EventCallOptions): Promise<unknown> {
    const connection = await this.#connect();
    const method = eventBusMethod(connection.protos, name);
    return this.#parts.calls.send({
      ...{ method, request, deadlineMs, signal },
      run: (sent, running) => callEventBus(connection, { method, request: sent }, running),
    });
  }

  #connect(): Promise<EventBusConnection> {
    this.#connection ??= this.#open();
    return this.#connection;
  }

  async #open(): Promise<EventBusConnection> {
    try {
      const connection = await this.#parts.open();
      // Closed while it was looked for: calls are refused, and nobody else ends it.
      if (this.#isClosed) connection.close();
      return connection;
    } catch (error) {
      this.#connection = undefined;
      throw error;
    }
  }
}
