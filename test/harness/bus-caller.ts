/** Calls of the event bus as somebody makes them: the generated methods on the wire, with the token of one subject. */
import type { ServiceClient } from '#lib/grpc/client.ts';
import type { MintRequest } from '#lib/token/mint-request.ts';
import type { DeleteSubscriptionResponse__Output } from '#protos/generated/mcp2/DeleteSubscriptionResponse.ts';
import type { EventAckRequest } from '#protos/generated/mcp2/EventAckRequest.ts';
import type { EventAckResponse__Output } from '#protos/generated/mcp2/EventAckResponse.ts';
import type { EventBusDefinition } from '#protos/generated/mcp2/EventBus.ts';
import type { EventPublishRequest } from '#protos/generated/mcp2/EventPublishRequest.ts';
import type { EventPublishResponse__Output } from '#protos/generated/mcp2/EventPublishResponse.ts';
import type { EventSubscribeRequest } from '#protos/generated/mcp2/EventSubscribeRequest.ts';
import type { ListTopicsRequest } from '#protos/generated/mcp2/ListTopicsRequest.ts';
import type { ListTopicsResponse__Output } from '#protos/generated/mcp2/ListTopicsResponse.ts';
import type { SubscriptionInfo__Output } from '#protos/generated/mcp2/SubscriptionInfo.ts';
import type { TopicInfo__Output } from '#protos/generated/mcp2/TopicInfo.ts';
import { EventReader } from './event-reader.ts';
import { PublishWriter } from './publish-writer.ts';

export type CallerClaims = Partial<Omit<MintRequest, 'iss'>>;

/** Of the proposal's clients: what is not set is not sent. */
export type PublishFields = Omit<EventPublishRequest, 'topic'>;
export type SubscribeFields = Omit<EventSubscribeRequest, 'topic_filter'>;
export type AckFields = Omit<EventAckRequest, 'durable_name'>;

export class BusCaller {
  readonly token: string;
  readonly sub: string;
  /** Asked for with each call: a bus that was started again has another one. */
  readonly #client: () => ServiceClient<EventBusDefinition>;

  constructor(token: string, sub: string, client: () => ServiceClient<EventBusDefinition>) {
    this.token = token;
    this.sub = sub;
    this.#client = client;
  }

  get client(): ServiceClient<EventBusDefinition> {
    return this.#client();
  }

  publish(topic: string, fields: PublishFields = {}): Promise<EventPublishResponse__Output> {
    return this.client.call('Publish', { topic, publisher_token: this.token, ...fields });
  }

  /** One after the other, with payloads "1", "2" and so on. @returns the answers in the same order */
  async publishEach(topics: readonly string[], fields: PublishFields = {}): Promise<EventPublishResponse__Output[]> {
    const answers = [];
    for (const [i, topic] of topics.entries()) {
      answers.push(await this.publish(topic, { payload: Buffer.from(`${i + 1}`), ...fields }));
    }
    return answers;
  }

  /** Over one stream, with payloads "1", "2" and so on; faster where there are many. */
  async publishMany(topic: string, count: number, fields: PublishFields = {}): Promise<void> {
    await using writer = this.openPublisher();
    for (let i = 1; i <= count; i++) {
      writer.send({ topic, payload: Buffer.from(`${i}`), publisher_token: i === 1 ? this.token : '', ...fields });
    }
    writer.halfClose();
    const refused = (await writer.untilAcks(count)).find(({ result }) => result === 'error');
    if (refused !== undefined) throw new Error(`request ${refused.index} was refused: ${refused.error?.message}`);
    const error = await writer.ended();
    if (error !== undefined) throw error;
  }

  openPublisher(): PublishWriter {
    return new PublishWriter(this.client);
  }

  subscribe(filter: string, fields: SubscribeFields = {}): EventReader {
    return new EventReader(this.client, { topic_filter: filter, subscriber_token: this.token, ...fields });
  }

  ack(durable: string, fields: AckFields): Promise<EventAckResponse__Output> {
    return this.client.call('Ack', { durable_name: durable, subscriber_token: this.token, ...fields });
  }

  deleteSubscription(durable: string): Promise<DeleteSubscriptionResponse__Output> {
    return this.client.call('DeleteSubscription', { durable_name: durable, subscriber_token: this.token });
  }

  listTopics(filter: string, fields: ListTopicsRequest = {}): Promise<ListTopicsResponse__Output> {
    return this.client.call('ListTopics', { topic_filter: filter, subscriber_token: this.token, ...fields });
  }

  async topic(name: string): Promise<TopicInfo__Output | undefined> {
    return (await this.listTopics(name)).topics[0];
  }

  async listSubscriptions(): Promise<SubscriptionInfo__Output[]> {
    return (await this.client.call('ListSubscriptions', { subscriber_token: this.token })).subscriptions;
  }

  async subscription(name: string): Promise<SubscriptionInfo__Output | undefined> {
    return (await this.listSubscriptions()).find(({ durable_name }) => durable_name === name);
  }
}
