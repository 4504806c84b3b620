import { expect, test } from 'vitest';
import { ServiceError } from '#lib/errors.ts';
import { AckMode } from '#protos/generated/mcp2/AckMode.ts';
import type { EventSubscribeRequest__Output } from '#protos/generated/mcp2/EventSubscribeRequest.ts';
import { StartPolicy } from '#protos/generated/mcp2/StartPolicy.ts';
import { requireSubscribeForm } from './subscribe-form.ts';

const SOUND: EventSubscribeRequest__Output = {
  topic_filter: 'inventory:*:low_stock',
  subscriber_token: '',
  agent_delegation_proof: '',
  start: StartPolicy.START_POLICY_NEW,
  start_sequence: 0,
  start_cursor: Buffer.alloc(0),
  start_time_ms: 0,
  durable_name: '',
  max_in_flight: 0,
  ack_mode: AckMode.ACK_MODE_NONE,
  ack_wait_ms: 0,
  max_deliver: 0,
  idle_heartbeat_ms: 0,
};
const { START_POLICY_SEQUENCE, START_POLICY_CURSOR, START_POLICY_TIME } = StartPolicy;

function outcomeOf(change: Partial<EventSubscribeRequest__Output>): string {
  try {
    requireSubscribeForm({ ...SOUND, ...change });
    return 'accepted';
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    return [error.reason, error.metadata.path].filter((part) => part !== undefined).join(' ');
  }
}

test.each<[string, Partial<EventSubscribeRequest__Output>, string]>([
  ['as it should be', {}, 'accepted'],
  ['everything', { topic_filter: '*' }, 'accepted'],
  ['half a segment', { topic_filter: 'inv*' }, 'FILTER_INVALID'],
  ['thirteen segments', { topic_filter: Array(13).fill('a').join(':') }, 'FILTER_INVALID'],
  ['parked events', { topic_filter: '_dlq:mine' }, 'accepted'],
  ['all parked events', { topic_filter: '_dlq:*' }, 'TOPIC_RESERVED'],
  ['parked events below a name', { topic_filter: '_dlq:a:b' }, 'TOPIC_RESERVED'],
  ['parked events of no name', { topic_filter: '_dlq:a.b' }, 'TOPIC_RESERVED'],
  ['another topic of the bus', { topic_filter: '_x' }, 'TOPIC_RESERVED'],
  [
    'a durable subscription of parked events',
    { topic_filter: '_dlq:a', durable_name: 'b' },
    'ARGUMENT_INVALID durable_name',
  ],
  ['a name that begins with -', { durable_name: '-a' }, 'NAME_INVALID'],
  ['a name with a dot', { durable_name: 'a.b' }, 'NAME_INVALID'],
  ['a name of 65', { durable_name: 'a'.repeat(65) }, 'NAME_INVALID'],
  ['a policy of tomorrow', { start: 9 as never }, 'ARGUMENT_INVALID start'],
  [
    'a sequence without a value',
    { start: START_POLICY_SEQUENCE, topic_filter: 'a' },
    'ARGUMENT_INVALID start_sequence',
  ],
  ['a sequence of a wildcard', { start: START_POLICY_SEQUENCE, start_sequence: 1 }, 'ARGUMENT_INVALID start'],
  ['a sequence', { start: START_POLICY_SEQUENCE, start_sequence: 1, topic_filter: 'a' }, 'accepted'],
  [
    'a field of another policy',
    { start: START_POLICY_TIME, start_time_ms: 1, start_sequence: 1 },
    'ARGUMENT_INVALID start_sequence',
  ],
  [
    'a cursor that is too short',
    { start: START_POLICY_CURSOR, start_cursor: Buffer.alloc(15) },
    'ARGUMENT_INVALID start_cursor',
  ],
  ['a cursor', { start: START_POLICY_CURSOR, start_cursor: Buffer.alloc(16) }, 'accepted'],
  ['a time before 1970', { start: START_POLICY_TIME, start_time_ms: -1 }, 'ARGUMENT_INVALID start_time_ms'],
  ['acknowledgements without a name', { ack_mode: AckMode.ACK_MODE_EXPLICIT }, 'ARGUMENT_INVALID ack_mode'],
  ['1,025 in flight', { max_in_flight: 1_025 }, 'ARGUMENT_INVALID max_in_flight'],
  ['too short a wait', { ack_wait_ms: 99 }, 'ARGUMENT_INVALID ack_wait_ms'],
  ['too long a wait', { ack_wait_ms: 3_600_001 }, 'ARGUMENT_INVALID ack_wait_ms'],
  ['too fast a heartbeat', { idle_heartbeat_ms: 99 }, 'ARGUMENT_INVALID idle_heartbeat_ms'],
])('%s', (_title, change, outcome) => {
  expect(outcomeOf(change)).toBe(outcome);
});
