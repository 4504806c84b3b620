/** What a caller subscribes to, as the bus' message. Pure. */

import type { CallError } from '#lib/grpc/call-error.ts';
import { AckMode } from '#protos/generated/mcp2/AckMode.ts';
import type { EventSubscribeRequest } from '#protos/generated/mcp2/EventSubscribeRequest.ts';
import { StartPolicy } from '#protos/generated/mcp2/StartPolicy.ts';

/**
 * Where a subscription begins: with events published from now on, with the oldest retained, with the last one of each topic,
 * at a sequence (only for a filter without `*`), after a cursor, or at a time in Unix milliseconds.
 */
export type StartPosition =
  | 'new'
  | 'earliest'
  | 'last-per-topic'
  | { readonly sequence: number }
  | { readonly cursor: Uint8Array }
  | { readonly timeMs: number };

export interface SubscribeOptions {
  /** The bus keeps position and acknowledgements under this name, for 7 days without use: [A-Za-z0-9_-]{1,64}. */
  readonly durable?: string | undefined;
  /** Default "new". A durable subscription that exists goes on where it stood. */
  readonly from?: StartPosition | undefined;
  /** "explicit": an event that is not acknowledged comes again. Default: "explicit" with `durable`, else "none". */
  readonly ack?: 'explicit' | 'none' | undefined;
  /**
   * Events that are sent and not acknowledged. Default 64, most 1,024. As many as are handled within `ackWaitMs`: the ones
   * that wait here come again as well.
   */
  readonly maxInFlight?: number | undefined;
  /** After so long an event that was not acknowledged comes again. Default 30 000. */
  readonly ackWaitMs?: number | undefined;
  /** Deliveries of one event before the bus sets it aside. Default 10. */
  readonly maxDeliver?: number | undefined;
  /** For the first stream to open; later ones are tried for as long as the subscription lives. Default 10 000. */
  readonly deadlineMs?: number | undefined;
  /** Ends the subscription: the loop over it fails with its reason. */
  readonly signal?: AbortSignal | undefined;
  /** Events were removed, or found damaged, before they could be delivered. Default: nobody hears of it. */
  readonly onGap?: ((gap: Gap) => void) | undefined;
  /** The stream broke and is opened again. Default: nobody hears of it. */
  readonly onResume?: ((resume: Resume) => void) | undefined;
}

export interface Gap {
  /** Undefined: not known, at least one. */
  readonly missed: number | undefined;
  /** Up to where they are missing. */
  readonly cursor: Buffer;
}

export interface Resume {
  /** Why the stream ended. */
  readonly cause: CallError;
  /** Before the next one is opened. */
  readonly pauseMs: number;
}

export const DEFAULT_ACK_WAIT_MS = 30_000;
export const DEFAULT_IN_FLIGHT = 64;
/** A quiet stream says so after this: one that does not is dead, whatever TCP thinks. */
export const HEARTBEAT_MS = 15_000;

export interface SubscribeTerms extends EventSubscribeRequest {
  readonly topic_filter: string;
  readonly durable_name: string;
  readonly ack_mode: AckMode;
}

/** @throws TypeError for a start that says nothing */
export function toSubscribeRequest(filter: string, options: SubscribeOptions): SubscribeTerms {
  const { durable = '', from = 'new', maxInFlight = 0, ackWaitMs = 0, maxDeliver = 0 } = options;
  const { ack = durable === '' ? 'none' : 'explicit' } = options;
  return {
    topic_filter: filter,
    durable_name: durable,
    ack_mode: ack === 'explicit' ? AckMode.ACK_MODE_EXPLICIT : AckMode.ACK_MODE_NONE,
    max_in_flight: requireCount(maxInFlight, 'maxInFlight'),
    ack_wait_ms: requireCount(ackWaitMs, 'ackWaitMs'),
    max_deliver: requireCount(maxDeliver, 'maxDeliver'),
    idle_heartbeat_ms: HEARTBEAT_MS,
    ...startOf(from),
  };
}

type StartFields = Pick<EventSubscribeRequest, 'start' | 'start_sequence' | 'start_cursor' | 'start_time_ms'>;

function startOf(from: StartPosition): StartFields {
  if (from === 'new') return { start: StartPolicy.START_POLICY_NEW };
  if (from === 'earliest') return { start: StartPolicy.START_POLICY_EARLIEST };
  if (from === 'last-per-topic') return { start: StartPolicy.START_POLICY_LAST_PER_TOPIC };
  if (typeof from === 'object' && from !== null) {
    if ('sequence' in from) {
      const start_sequence = requireCount(from.sequence, 'from.sequence');
      return { start: StartPolicy.START_POLICY_SEQUENCE, start_sequence };
    }
    if ('timeMs' in from) {
      return { start: StartPolicy.START_POLICY_TIME, start_time_ms: requireCount(from.timeMs, 'from.timeMs') };
    }
    if ('cursor' in from) return afterCursor(Buffer.from(from.cursor));
  }
  throw new TypeError('from is "new", "earliest", "last-per-topic", {sequence}, {cursor} or {timeMs}');
}

export function afterCursor(cursor: Buffer): StartFields {
  return { start: StartPolicy.START_POLICY_CURSOR, start_cursor: cursor };
}

function requireCount(value: number, what: string): number {
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new TypeError(`${what} is a whole number, and not negative`);
}
