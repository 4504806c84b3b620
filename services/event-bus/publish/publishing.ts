/**
 * One publish, as Publish and PublishStream have it: quota, schema, append. Credential, form and right were asked before.
 *
 * The log is asked in the tick of the call, so that the publishes of a stream are appended in their order.
 */

import type { VerifiedToken } from '#lib/token/verified-token.ts';
import type { EventPublishRequest__Output } from '#protos/generated/mcp2/EventPublishRequest.ts';
import type { EventPublishResponse } from '#protos/generated/mcp2/EventPublishResponse.ts';
import type { CallerKeys } from '../caller-key.ts';
import { encodeCursor } from '../cursor.ts';
import type { Appended, EventLog, NewEvent } from '../log/event-log.ts';
import type { EventBusMetrics } from '../metrics.ts';
import type { Quotas } from '../quotas.ts';
import type { KnownTopics } from './known-topics.ts';
import type { TopicSchemas } from './topic-schemas.ts';

export interface PublishingOptions {
  readonly log: EventLog;
  readonly quotas: Quotas;
  readonly callers: CallerKeys;
  readonly schemas: TopicSchemas;
  readonly topics: KnownTopics;
  readonly counts: Pick<EventBusMetrics, 'published'>;
}

export class Publishing {
  readonly #options: PublishingOptions;

  constructor(options: PublishingOptions) {
    this.#options = options;
  }

  /** @throws ServiceError, also as a rejection */
  publish(request: EventPublishRequest__Output, token: VerifiedToken): Promise<EventPublishResponse> {
    const { quotas, callers, schemas } = this.#options;
    const caller = callers.of(token);
    const event = toEvent(request, token, caller);
    const bytes = sizeOf(request);
    const spent = quotas.takePublish(caller, bytes);
    if (spent !== undefined) return this.#onlyDuplicate(event, spent);
    schemas.check(request);
    return this.#append(event, caller, bytes);
  }

  async #append(event: NewEvent, caller: string, bytes: number): Promise<EventPublishResponse> {
    const { log, topics } = this.#options;
    if (topics.has(event.topic)) return this.#appended(await log.append(event), event, caller, bytes);
    if (!topics.isBeginning(event.topic)) return this.#begin(event, caller, bytes);
    // Behind the publish that may begin the topic; if that one is refused, this one may.
    const appended = await log.append({ ...event, knownTopicOnly: true });
    return appended === undefined ? this.#append(event, caller, bytes) : this.#appended(appended, event, caller, bytes);
  }

  /** Only the log knows whether the topic is new: what that would cost is taken, and given back if it is not. */
  async #begin(event: NewEvent, caller: string, bytes: number): Promise<EventPublishResponse> {
    const { log, quotas, topics } = this.#options;
    const spent = quotas.takeNewTopic(caller);
    if (spent !== undefined) {
      const appended = await log.append({ ...event, knownTopicOnly: true });
      if (appended === undefined) throw spent;
      return this.#appended(appended, event, caller, bytes);
    }
    topics.begin(event.topic);
    let isNew = false;
    try {
      const appended = await log.append(event);
      isNew = appended.isNewTopic && !appended.duplicate;
      return this.#appended(appended, event, caller, bytes);
    } finally {
      topics.ended(event.topic);
      if (!isNew) quotas.giveBackNewTopic(caller);
    }
  }

  #appended(appended: Appended, { topic }: NewEvent, caller: string, bytes: number): EventPublishResponse {
    this.#options.topics.add(topic);
    if (appended.duplicate) this.#options.quotas.giveBackPublish(caller, bytes);
    return this.#toResponse(appended);
  }

  /** A retry is told its sequence also when the quota is spent. */
  async #onlyDuplicate(event: NewEvent, spent: Error): Promise<EventPublishResponse> {
    if (event.eventId === '') throw spent;
    const appended = await this.#options.log.append({ ...event, duplicateOnly: true });
    if (appended === undefined) throw spent;
    return this.#toResponse(appended);
  }

  #toResponse({ offset, sequence, duplicate }: Appended): EventPublishResponse {
    this.#options.counts.published(duplicate ? 'duplicate' : 'published');
    const cursor = encodeCursor(this.#options.log.epoch, offset);
    const message = duplicate ? 'published before' : 'published';
    return { success: true, message, sequence_id: sequence, duplicate, cursor };
  }
}

function toEvent(request: EventPublishRequest__Output, token: VerifiedToken, publisherKey: string): NewEvent {
  const { topic, payload, event_id: eventId, content_type: contentType, attributes } = request;
  // A field that is absent reads as 0 all the same: only this member says whether it is there.
  const isExpected = request._expected_last_sequence !== undefined;
  const expectedLastSequence = isExpected ? request.expected_last_sequence : undefined;
  const { sub: publisher } = token;
  return { topic, payload, contentType, attributes, eventId, publisher, publisherKey, expectedLastSequence };
}

function sizeOf({ payload, attributes }: EventPublishRequest__Output): number {
  let bytes = payload.length;
  for (const key in attributes) bytes += key.length + (attributes[key] as string).length;
  return bytes;
}
