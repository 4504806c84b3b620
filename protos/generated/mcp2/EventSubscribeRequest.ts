// Original file: protos/mcp2/event_bus.proto

import type { StartPolicy as _mcp2_StartPolicy, StartPolicy__Output as _mcp2_StartPolicy__Output } from '../mcp2/StartPolicy.ts';
import type { AckMode as _mcp2_AckMode, AckMode__Output as _mcp2_AckMode__Output } from '../mcp2/AckMode.ts';
import type { Long } from '@grpc/proto-loader';

export interface EventSubscribeRequest {
  /**
   * Topic pattern: a trailing `*` is one or more segments, any other exactly one, for example "inventory:*:low_stock".
   */
  'topic_filter'?: (string);
  /**
   * JWT of the subscriber. The stream ends UNAUTHENTICATED within 5 s of its expiry.
   */
  'subscriber_token'?: (string);
  /**
   * See GetCardRequest.agent_delegation_proof.
   */
  'agent_delegation_proof'?: (string);
  'start'?: (_mcp2_StartPolicy);
  /**
   * For START_POLICY_SEQUENCE: the first sequence wanted.
   */
  'start_sequence'?: (number | string | Long);
  /**
   * For START_POLICY_CURSOR: the last cursor seen. Opaque.
   */
  'start_cursor'?: (Buffer | Uint8Array | string);
  /**
   * For START_POLICY_TIME, in milliseconds since the Unix epoch.
   */
  'start_time_ms'?: (number | string | Long);
  /**
   * [A-Za-z0-9_-]{1,64}: position and settlements are kept under this name for the caller's `sub`, until unused for 7
   * days. Empty: a plain subscription.
   */
  'durable_name'?: (string);
  /**
   * Events sent and not settled. Zero: 64. At most 1024.
   */
  'max_in_flight'?: (number);
  'ack_mode'?: (_mcp2_AckMode);
  /**
   * Zero: 30000.
   */
  'ack_wait_ms'?: (number);
  /**
   * Deliveries of one event before it is set aside. Zero: 10.
   */
  'max_deliver'?: (number);
  /**
   * Send control envelopes, a heartbeat after this much silence included, and one at once where there is no event to begin
   * with. Zero: never send one.
   */
  'idle_heartbeat_ms'?: (number);
}

export interface EventSubscribeRequest__Output {
  /**
   * Topic pattern: a trailing `*` is one or more segments, any other exactly one, for example "inventory:*:low_stock".
   */
  'topic_filter': (string);
  /**
   * JWT of the subscriber. The stream ends UNAUTHENTICATED within 5 s of its expiry.
   */
  'subscriber_token': (string);
  /**
   * See GetCardRequest.agent_delegation_proof.
   */
  'agent_delegation_proof': (string);
  'start': (_mcp2_StartPolicy__Output);
  /**
   * For START_POLICY_SEQUENCE: the first sequence wanted.
   */
  'start_sequence': (number);
  /**
   * For START_POLICY_CURSOR: the last cursor seen. Opaque.
   */
  'start_cursor': (Buffer);
  /**
   * For START_POLICY_TIME, in milliseconds since the Unix epoch.
   */
  'start_time_ms': (number);
  /**
   * [A-Za-z0-9_-]{1,64}: position and settlements are kept under this name for the caller's `sub`, until unused for 7
   * days. Empty: a plain subscription.
   */
  'durable_name': (string);
  /**
   * Events sent and not settled. Zero: 64. At most 1024.
   */
  'max_in_flight': (number);
  'ack_mode': (_mcp2_AckMode__Output);
  /**
   * Zero: 30000.
   */
  'ack_wait_ms': (number);
  /**
   * Deliveries of one event before it is set aside. Zero: 10.
   */
  'max_deliver': (number);
  /**
   * Send control envelopes, a heartbeat after this much silence included, and one at once where there is no event to begin
   * with. Zero: never send one.
   */
  'idle_heartbeat_ms': (number);
}
