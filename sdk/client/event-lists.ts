/** Topics and durable subscriptions as callers see them. */
import type { SubscriptionInfo__Output } from '#protos/generated/mcp2/SubscriptionInfo.ts';
import type { TopicInfo__Output } from '#protos/generated/mcp2/TopicInfo.ts';

export interface TopicInfo {
  readonly topic: string;
  /** Of the oldest event that is kept; 0: none is. */
  readonly firstSequence: number;
  /** Of the newest event, kept or not. */
  readonly lastSequence: number;
  /** Events that are kept. */
  readonly events: number;
  /** Their size; undefined: the log does not know. */
  readonly bytes: number | undefined;
  /** Unix milliseconds. */
  readonly lastPublishedAtMs: number;
}

export interface SubscriptionInfo {
  readonly name: string;
  readonly filter: string;
  /** Events that were not delivered yet. */
  readonly pending: number;
  /** Events that were delivered and are not settled. */
  readonly inFlight: number;
  /** Events that were set aside: a subscription to `_dlq:<name>` reads them. */
  readonly parked: number;
  /** A stream is open. */
  readonly isActive: boolean;
  /** Unix milliseconds. */
  readonly lastUsedMs: number;
}

export function toTopicInfo(info: TopicInfo__Output): TopicInfo {
  const { topic, first_sequence, last_sequence, events, bytes, last_published_at_ms } = info;
  return {
    ...{ topic, firstSequence: first_sequence, lastSequence: last_sequence },
    ...{ events, bytes, lastPublishedAtMs: last_published_at_ms },
  };
}

export function toSubscriptionInfo(info: SubscriptionInfo__Output): SubscriptionInfo {
  const { durable_name: name, topic_filter: filter, pending, in_flight, parked, active, last_used_ms } = info;
  return { name, filter, pending, inFlight: in_flight, parked, isActive: active, lastUsedMs: last_used_ms };
}
