/** What a Subscribe may look like, asked before any right, and what its fields mean: event-bus.md Section 1. */
import { quote } from '#lib/capability/name.ts';
import { isConcrete } from '#lib/capability/pattern.ts';
import { compileFilter } from '#lib/capability/resource.ts';
import { ServiceError } from '#lib/errors.ts';
import { AckMode } from '#protos/generated/mcp2/AckMode.ts';
import type { EventSubscribeRequest__Output } from '#protos/generated/mcp2/EventSubscribeRequest.ts';
import { StartPolicy } from '#protos/generated/mcp2/StartPolicy.ts';
import { CURSOR_BYTES } from '../cursor.ts';
import { PARKED_TOPIC } from '../envelope.ts';
import { invalid } from '../invalid.ts';

export const DEFAULT_IN_FLIGHT = 64;
export const MAX_IN_FLIGHT = 1_024;
export const DEFAULT_ACK_WAIT_MS = 30_000;
export const DEFAULT_MAX_DELIVER = 10;
const MIN_ACK_WAIT_MS = 100;
const MAX_ACK_WAIT_MS = 3_600_000;
const MIN_HEARTBEAT_MS = 100;
const DURABLE_NAME = /^[A-Za-z0-9_][A-Za-z0-9_-]{0,63}$/;

/** @throws ServiceError ARGUMENT_INVALID (metadata `path`), NAME_INVALID, FILTER_INVALID or TOPIC_RESERVED */
export function requireSubscribeForm(request: EventSubscribeRequest__Output): void {
  const { topic_filter: filter, durable_name: name } = request;
  requireFilterForm(filter);
  if (name !== '') requireDurableName(name);
  if (name !== '' && isParkedFilter(filter)) {
    throw invalid(
      'durable_name',
      `${quote(filter)} cannot be read by a durable subscription; leave durable_name empty`,
    );
  }
  requireStart(request);
  requireDelivery(request);
}

/** @throws ServiceError FILTER_INVALID or TOPIC_RESERVED */
export function requireFilterForm(filter: string): void {
  const pattern = compileFilter('topic filter', filter);
  if (!filter.startsWith('_')) return;
  const [first, name, ...rest] = pattern.atoms;
  const isParked = first === PARKED_TOPIC && name !== undefined && rest.length === 0 && isConcrete(pattern);
  if (isParked && DURABLE_NAME.test(name)) return;
  throw new ServiceError(
    'TOPIC_RESERVED',
    `${quote(filter)} begins with "_": such topics belong to the bus, and only ${PARKED_TOPIC}:<durable name> can be read`,
  );
}

/** @throws ServiceError NAME_INVALID */
export function requireDurableName(name: string): void {
  if (DURABLE_NAME.test(name)) return;
  const rule = '1 to 64 of A-Z a-z 0-9 _ -, beginning with a letter, a digit or _';
  throw new ServiceError('NAME_INVALID', `durable_name ${quote(name)} is not allowed: use ${rule}`);
}

export function isParkedFilter(filter: string): boolean {
  return filter.startsWith(`${PARKED_TOPIC}:`);
}

/** The fields of START_POLICY_SEQUENCE, CURSOR and TIME, each with its own policy alone. */
function requireStart(request: EventSubscribeRequest__Output): void {
  const {
    start,
    start_sequence: sequence,
    start_cursor: cursor,
    start_time_ms: timeMs,
    topic_filter: filter,
  } = request;
  requireEnum('start', start, StartPolicy);
  requireWith('start_sequence', sequence !== 0, start === StartPolicy.START_POLICY_SEQUENCE);
  requireWith('start_cursor', cursor.length > 0, start === StartPolicy.START_POLICY_CURSOR);
  requireWith('start_time_ms', timeMs !== 0, start === StartPolicy.START_POLICY_TIME);
  if (sequence < 0) throw invalid('start_sequence', 'start_sequence is negative; sequences begin at 1');
  if (timeMs < 0) throw invalid('start_time_ms', 'start_time_ms is negative; use milliseconds since 1970');
  if (cursor.length > 0 && cursor.length !== CURSOR_BYTES) {
    throw invalid('start_cursor', `start_cursor has ${cursor.length} bytes; use a cursor as it was received`);
  }
  if (start === StartPolicy.START_POLICY_SEQUENCE && filter.includes('*')) {
    throw invalid('start', 'START_POLICY_SEQUENCE needs a filter without "*": sequences are counted for each topic');
  }
}

function requireWith(field: string, isGiven: boolean, isWanted: boolean): void {
  if (isGiven === isWanted) return;
  const message = isWanted
    ? `${field} is missing; this start policy needs it`
    : `${field} is set, but start asks for another policy`;
  throw invalid(field, message);
}

function requireDelivery(request: EventSubscribeRequest__Output): void {
  const { ack_mode: mode, durable_name: name, max_in_flight: inFlight, ack_wait_ms: waitMs } = request;
  requireEnum('ack_mode', mode, AckMode);
  if (mode === AckMode.ACK_MODE_EXPLICIT && name === '') {
    throw invalid('ack_mode', 'ACK_MODE_EXPLICIT needs a durable_name: what is not acknowledged is kept under it');
  }
  if (inFlight > MAX_IN_FLIGHT)
    throw invalid('max_in_flight', `max_in_flight is ${inFlight}; at most ${MAX_IN_FLIGHT}`);
  if (waitMs !== 0 && (waitMs < MIN_ACK_WAIT_MS || waitMs > MAX_ACK_WAIT_MS)) {
    throw invalid('ack_wait_ms', `ack_wait_ms is ${waitMs}; use ${MIN_ACK_WAIT_MS} to ${MAX_ACK_WAIT_MS}`);
  }
  const { idle_heartbeat_ms: heartbeatMs } = request;
  if (heartbeatMs !== 0 && heartbeatMs < MIN_HEARTBEAT_MS) {
    throw invalid(
      'idle_heartbeat_ms',
      `idle_heartbeat_ms is ${heartbeatMs}; at least ${MIN_HEARTBEAT_MS}, or 0 for none`,
    );
  }
}

function requireEnum(field: string, value: number, known: Readonly<Record<string, unknown>>): void {
  if (Object.values(known).includes(value)) return;
  throw invalid(field, `${field} is ${value}, which this version does not know`);
}
