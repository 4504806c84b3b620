// Original file: protos/mcp2/event_bus.proto

import type { EventControl as _mcp2_EventControl, EventControl__Output as _mcp2_EventControl__Output } from '../mcp2/EventControl.ts';
import type { Long } from '@grpc/proto-loader';

export interface EventEnvelope {
  /**
   * Empty only in a control envelope.
   */
  'topic'?: (string);
  'payload'?: (Buffer | Uint8Array | string);
  /**
   * Position in the topic.
   */
  'sequence_id'?: (number | string | Long);
  /**
   * Position of the topic's event before this one. Zero: the log knows none before it. Events were lost if this is greater
   * than the last sequence seen of the topic.
   */
  'previous_sequence_id'?: (number | string | Long);
  /**
   * Resume after this envelope with EventSubscribeRequest.start_cursor.
   */
  'cursor'?: (Buffer | Uint8Array | string);
  'event_id'?: (string);
  /**
   * Set by the bus, in milliseconds since the Unix epoch.
   */
  'published_at_ms'?: (number | string | Long);
  /**
   * `sub` of the publisher, set by the bus.
   */
  'publisher'?: (string);
  'content_type'?: (string);
  'attributes'?: ({[key: string]: string});
  /**
   * 1 for the first delivery of a durable subscription. Zero: not counted.
   */
  'delivery_attempt'?: (number);
  /**
   * Settle with Ack. Empty: nothing to settle.
   */
  'ack_id'?: (string);
  /**
   * Present: this is no event. Only sent to subscribers that set idle_heartbeat_ms.
   */
  'control'?: (_mcp2_EventControl | null);
}

export interface EventEnvelope__Output {
  /**
   * Empty only in a control envelope.
   */
  'topic': (string);
  'payload': (Buffer);
  /**
   * Position in the topic.
   */
  'sequence_id': (number);
  /**
   * Position of the topic's event before this one. Zero: the log knows none before it. Events were lost if this is greater
   * than the last sequence seen of the topic.
   */
  'previous_sequence_id': (number);
  /**
   * Resume after this envelope with EventSubscribeRequest.start_cursor.
   */
  'cursor': (Buffer);
  'event_id': (string);
  /**
   * Set by the bus, in milliseconds since the Unix epoch.
   */
  'published_at_ms': (number);
  /**
   * `sub` of the publisher, set by the bus.
   */
  'publisher': (string);
  'content_type': (string);
  'attributes': ({[key: string]: string});
  /**
   * 1 for the first delivery of a durable subscription. Zero: not counted.
   */
  'delivery_attempt': (number);
  /**
   * Settle with Ack. Empty: nothing to settle.
   */
  'ack_id': (string);
  /**
   * Present: this is no event. Only sent to subscribers that set idle_heartbeat_ms.
   */
  'control': (_mcp2_EventControl__Output | null);
}
