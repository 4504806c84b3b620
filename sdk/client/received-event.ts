/** An event as its subscriber gets it. */
import type { EventEnvelope__Output } from '#protos/generated/mcp2/EventEnvelope.ts';
import type { Settlement } from './settlements.ts';

export interface ReceivedEvent {
  readonly topic: string;
  readonly payload: Buffer;
  /** Position in the topic. */
  readonly sequence: number;
  /** Of the topic's event before this one; 0: the log knows none. Events were lost if it is above the last one seen. */
  readonly previousSequence: number;
  /** Position in the log: `from: {cursor}` begins after it. */
  readonly cursor: Buffer;
  /** As its publisher chose it. */
  readonly id: string;
  /** Unix milliseconds, as the bus set it. */
  readonly publishedAtMs: number;
  /** `sub` of the publisher, as the bus set it. */
  readonly publisher: string;
  /** Media type; "" is not stated. */
  readonly contentType: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** 1 for the first delivery of a durable subscription; 0: not counted. */
  readonly attempt: number;
  /** The payload as UTF-8. */
  text(): string;
  /** @throws SyntaxError for a payload that is no JSON */
  json<Value = unknown>(): Value;
  /**
   * It is done. Where nothing is to be acknowledged this resolves at once.
   *
   * @returns false when the subscription does not know the delivery any more
   * @throws CallError when the bus could not be told; the event comes again then, so that nobody needs to wait for it
   */
  ack(): Promise<boolean>;
  /** Deliver it again, after so many milliseconds (default: at once). As `ack`. */
  nack(delayMs?: number): Promise<boolean>;
  /** Never deliver it again: the bus sets it aside, see `_dlq:<durable>`. As `ack`. */
  term(): Promise<boolean>;
}

/** Undefined: there is nothing to settle. */
export type Settle = ((settlement: Settlement) => Promise<boolean>) | undefined;

export function toReceivedEvent(envelope: EventEnvelope__Output, settle: Settle): ReceivedEvent {
  return new Received(envelope, settle);
}

class Received implements ReceivedEvent {
  readonly topic: string;
  readonly payload: Buffer;
  readonly sequence: number;
  readonly previousSequence: number;
  readonly cursor: Buffer;
  readonly id: string;
  readonly publishedAtMs: number;
  readonly publisher: string;
  readonly contentType: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly attempt: number;
  readonly #settle: Settle;
  #settled: Promise<boolean> | undefined;

  constructor(envelope: EventEnvelope__Output, settle: Settle) {
    this.topic = envelope.topic;
    this.payload = envelope.payload;
    this.sequence = envelope.sequence_id;
    this.previousSequence = envelope.previous_sequence_id;
    this.cursor = envelope.cursor;
    this.id = envelope.event_id;
    this.publishedAtMs = envelope.published_at_ms;
    this.publisher = envelope.publisher;
    this.contentType = envelope.content_type;
    this.attributes = envelope.attributes;
    this.attempt = envelope.delivery_attempt;
    this.#settle = settle;
  }

  text(): string {
    return this.payload.toString('utf8');
  }

  json<Value>(): Value {
    return JSON.parse(this.text()) as Value;
  }

  ack(): Promise<boolean> {
    return this.#once({ kind: 'ack' });
  }

  nack(delayMs = 0): Promise<boolean> {
    return this.#once({ kind: 'nack', delayMs });
  }

  term(): Promise<boolean> {
    return this.#once({ kind: 'term' });
  }

  /** The first word counts. A reader that does not wait for it is not ended by its failure. */
  #once(settlement: Settlement): Promise<boolean> {
    if (this.#settle === undefined) return Promise.resolve(true);
    this.#settled ??= this.#settle(settlement);
    this.#settled.catch(() => undefined);
    return this.#settled;
  }
}
