/** What a caller publishes as the bus' message, and its answer as what a caller gets. Pure, but for the id. */
import { randomUUID } from 'node:crypto';
import type { EventPublishRequest } from '#protos/generated/mcp2/EventPublishRequest.ts';
import type { EventPublishResponse__Output } from '#protos/generated/mcp2/EventPublishResponse.ts';

/** Bytes, a text, or anything that JSON can say. */
export type EventPayload = Uint8Array | string | number | boolean | null | object;

export interface PublishOptions {
  /** The same id and payload within 2 minutes is one event. Default: a random UUID. */
  readonly id?: string | undefined;
  /** Media type. Default: application/json for a payload that is neither bytes nor a text; for those none. */
  readonly contentType?: string | undefined;
  /** Handed to subscribers as they are. */
  readonly attributes?: Readonly<Record<string, string>> | undefined;
  /** Only if the topic's last sequence is this one; 0: if it has no event yet. */
  readonly expectedLastSequence?: number | undefined;
  /** Of the whole call, from now. Default 10 000; of a publisher 60 000. */
  readonly deadlineMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface Published {
  readonly topic: string;
  /** Position in the topic. */
  readonly sequence: number;
  /** The event was there already; sequence and cursor are the first one's. */
  readonly duplicate: boolean;
  /** Position in the log: a subscription can begin after it. */
  readonly cursor: Buffer;
}

export type PublishRequest = EventPublishRequest & { readonly topic: string; readonly payload: Buffer };

const JSON_TYPE = 'application/json';

/** @throws TypeError for what cannot be sent */
export function toPublishRequest(topic: string, payload: EventPayload, options: PublishOptions = {}): PublishRequest {
  const { id = randomUUID(), contentType = defaultType(payload), attributes = {}, expectedLastSequence } = options;
  if (id === '') throw new TypeError('the id of an event is not empty: leave it out for a random one');
  if (
    expectedLastSequence !== undefined &&
    !(Number.isSafeInteger(expectedLastSequence) && expectedLastSequence >= 0)
  ) {
    throw new TypeError('expectedLastSequence is a whole number, and not negative');
  }
  return {
    topic,
    payload: toBytes(payload),
    event_id: id,
    content_type: contentType,
    attributes: { ...attributes },
    ...(expectedLastSequence === undefined ? {} : { expected_last_sequence: expectedLastSequence }),
  };
}

export function toPublished(
  topic: string,
  { sequence_id, duplicate, cursor }: EventPublishResponse__Output,
): Published {
  return { topic, sequence: sequence_id, duplicate, cursor };
}

/** What a request takes up, roughly. */
export function sizeOfRequest({ topic, payload, attributes = {} }: PublishRequest): number {
  const texts = Object.entries(attributes).reduce((sum, [key, value]) => sum + key.length + value.length, 0);
  return payload.length + topic.length + texts + 100;
}

function defaultType(payload: EventPayload): string {
  return typeof payload === 'string' || payload instanceof Uint8Array ? '' : JSON_TYPE;
}

/** Bytes are copied: they are sent later, perhaps more than once, and must not change until then. */
function toBytes(payload: EventPayload): Buffer {
  if (typeof payload === 'string') return Buffer.from(payload, 'utf8');
  if (payload instanceof Uint8Array) return Buffer.from(payload);
  const json = JSON.stringify(payload) as string | undefined;
  if (json === undefined) throw new TypeError('the payload is neither bytes nor a text, and JSON cannot say it');
  return Buffer.from(json, 'utf8');
}
