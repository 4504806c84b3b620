/**
 * Events as subscribers get them. The bulk of an envelope is the same for all of them and encoded once; what differs is a
 * field or two, appended to it: a message's fields may come in any order, and of a field that comes twice the last counts
 * (https://protobuf.dev/programming-guides/encoding/#last-one-wins).
 */
import type { EventEnvelope } from '#protos/generated/mcp2/EventEnvelope.ts';
import { encodeCursor } from './cursor.ts';
import type { Offset, ParkedEvent, StoredEvent } from './log/event-log.ts';

export type EncodeEnvelope = (envelope: EventEnvelope) => Buffer;

export interface DeliveryMark {
  readonly attempt: number;
  /** Empty: nothing to settle. */
  readonly ackId: string;
}

export const PARKED_TOPIC = '_dlq';

export class Envelopes {
  readonly #epoch: Buffer;
  readonly #encode: EncodeEnvelope;

  constructor(epoch: Buffer, encode: EncodeEnvelope) {
    this.#epoch = epoch;
    this.#encode = encode;
  }

  event({ offset, topic, sequence, previous, publishedAtMs, ...event }: StoredEvent): Buffer {
    return this.#encode({
      topic,
      payload: event.payload as Buffer,
      sequence_id: sequence,
      previous_sequence_id: previous,
      cursor: this.cursor(offset),
      event_id: event.eventId,
      published_at_ms: publishedAtMs,
      publisher: event.publisher,
      content_type: event.contentType,
      attributes: { ...event.attributes },
    });
  }

  /** `_dlq:<durable>`, with where the event came from among its attributes. */
  parked(durable: string, event: ParkedEvent): Buffer {
    const { number, parkedAtMs, reason, attempts, topic, sequence, attributes } = event;
    const origin = {
      'mcp2-topic': topic,
      'mcp2-sequence': String(sequence),
      'mcp2-reason': reason,
      'mcp2-attempts': String(attempts),
    };
    return this.event({
      ...event,
      offset: number,
      topic: `${PARKED_TOPIC}:${durable}`,
      sequence: number,
      previous: number - 1,
      publishedAtMs: parkedAtMs,
      attributes: { ...attributes, ...origin },
    });
  }

  /** @param bytes An envelope. */
  marked(bytes: Buffer, { attempt, ackId }: DeliveryMark): Buffer {
    return Buffer.concat([bytes, this.#encode({ delivery_attempt: attempt, ack_id: ackId })]);
  }

  /** The same envelope, from which a reader resumes at another place. */
  withCursor(bytes: Buffer, offset: Offset): Buffer {
    return Buffer.concat([bytes, this.#encode({ cursor: this.cursor(offset) })]);
  }

  heartbeat(offset: Offset): Buffer {
    const cursor = this.cursor(offset);
    return this.#encode({ cursor, control: { kind: 'CONTROL_KIND_HEARTBEAT', cursor } });
  }

  /** @param missed 0: unknown, at least one. */
  gap(offset: Offset, missed: number): Buffer {
    const cursor = this.cursor(offset);
    return this.#encode({ cursor, control: { kind: 'CONTROL_KIND_GAP', cursor, missed } });
  }

  cursor(offset: Offset): Buffer {
    return encodeCursor(this.#epoch, offset);
  }
}
