/**
 * How far a subscription has come whose stream gives each event once, in the order of the log: where the next stream begins,
 * and which of its events were there already. Pure.
 */
import type { EventSubscribeRequest } from '#protos/generated/mcp2/EventSubscribeRequest.ts';
import { StartPolicy } from '#protos/generated/mcp2/StartPolicy.ts';
import { afterCursor, type SubscribeTerms } from './subscribe-request.ts';

export interface PlacedEvent {
  readonly topic: string;
  readonly sequence_id: number;
  readonly cursor: Buffer;
}

/** A cursor is 8 bytes that name the log and 8 that rise along it. */
const LOG_BYTES = 8;
const CURSOR_BYTES = 16;

export class StreamPosition {
  readonly #terms: SubscribeTerms;
  #cursor: Buffer | undefined;
  /**
   * While the last event of each topic comes: those that came, by topic. Their cursor is that of the whole phase's end, so
   * it says nothing before that; a stream that breaks begins the phase anew.
   */
  #lastSequences: Map<string, number> | undefined;
  #phaseEnd: Buffer | undefined;

  constructor(terms: SubscribeTerms) {
    this.#terms = terms;
    if (terms.start === StartPolicy.START_POLICY_LAST_PER_TOPIC) this.#lastSequences = new Map();
  }

  /** Where the next stream begins. */
  request(): EventSubscribeRequest {
    if (this.#cursor === undefined || this.#lastSequences !== undefined) return this.#terms;
    // A durable subscription has its place on the bus, and its first start is part of what it is.
    if (this.#terms.durable_name !== '') return this.#terms;
    const { start_sequence: _sequence, start_time_ms: _time, ...terms } = this.#terms;
    return { ...terms, ...afterCursor(this.#cursor) };
  }

  /** @returns false for an event that was there already */
  accept(event: PlacedEvent): boolean {
    if (this.#lastSequences !== undefined) return this.#acceptLast(this.#lastSequences, event);
    if (this.#cursor !== undefined && !isBehind(event.cursor, this.#cursor)) return false;
    this.#cursor = event.cursor;
    return true;
  }

  /** Nothing was received that says where to go on. */
  get isUnknown(): boolean {
    return this.#cursor === undefined;
  }

  /** The last event of each topic is still coming. */
  get isInPhase(): boolean {
    return this.#lastSequences !== undefined;
  }

  /** Everything up to here was delivered: the log was read to its end. */
  arrive(cursor: Buffer): void {
    this.#lastSequences = undefined;
    this.skipTo(cursor);
  }

  /** What lies before cannot be delivered. */
  skipTo(cursor: Buffer): void {
    if (this.#cursor === undefined || isBehind(cursor, this.#cursor)) this.#cursor = cursor;
  }

  #acceptLast(lastSequences: Map<string, number>, event: PlacedEvent): boolean {
    const isRepeated = event.sequence_id <= (lastSequences.get(event.topic) ?? 0);
    this.#phaseEnd ??= event.cursor;
    if (event.cursor.equals(this.#phaseEnd))
      lastSequences.set(event.topic, Math.max(event.sequence_id, lastSequences.get(event.topic) ?? 0));
    else this.#lastSequences = undefined;
    this.#cursor = event.cursor;
    return !isRepeated;
  }

  /** The stream broke: the phase, if it was not over, begins anew and ends elsewhere. */
  restart(): void {
    this.#phaseEnd = undefined;
  }
}

/** Of two logs nothing is known: then it is. */
function isBehind(cursor: Buffer, other: Buffer): boolean {
  if (cursor.length !== CURSOR_BYTES || other.length !== CURSOR_BYTES) return !cursor.equals(other);
  const isSameLog = cursor.subarray(0, LOG_BYTES).equals(other.subarray(0, LOG_BYTES));
  return !isSameLog || Buffer.compare(cursor, other) > 0;
}
