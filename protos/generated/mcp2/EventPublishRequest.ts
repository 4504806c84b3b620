// Original file: protos/mcp2/event_bus.proto

import type { Long } from '@grpc/proto-loader';

export interface EventPublishRequest {
  /**
   * 1..12 segments joined by ":", at most 512 bytes, for example "inventory:prod_12345:low_stock". No `*`.
   */
  'topic'?: (string);
  /**
   * At most 256 KiB; never looked into.
   */
  'payload'?: (Buffer | Uint8Array | string);
  /**
   * JWT of the publisher.
   */
  'publisher_token'?: (string);
  /**
   * See GetCardRequest.agent_delegation_proof.
   */
  'agent_delegation_proof'?: (string);
  /**
   * The same id and payload within 2 minutes is one event. At most 128 bytes, scoped to publisher and topic. Empty: every
   * call is an event.
   */
  'event_id'?: (string);
  /**
   * Media type of payload. Empty: not stated.
   */
  'content_type'?: (string);
  /**
   * Handed to subscribers unchanged, CloudEvents attributes for example. At most 64 entries and 32 KiB; a key is a
   * parameter name and does not begin with "mcp2-".
   */
  'attributes'?: ({[key: string]: string});
  /**
   * Publish only if the topic's last sequence is this one (0: the topic has no event yet), else ABORTED. Absent: not
   * checked.
   */
  'expected_last_sequence'?: (number | string | Long);
  '_expected_last_sequence'?: "expected_last_sequence";
}

export interface EventPublishRequest__Output {
  /**
   * 1..12 segments joined by ":", at most 512 bytes, for example "inventory:prod_12345:low_stock". No `*`.
   */
  'topic': (string);
  /**
   * At most 256 KiB; never looked into.
   */
  'payload': (Buffer);
  /**
   * JWT of the publisher.
   */
  'publisher_token': (string);
  /**
   * See GetCardRequest.agent_delegation_proof.
   */
  'agent_delegation_proof': (string);
  /**
   * The same id and payload within 2 minutes is one event. At most 128 bytes, scoped to publisher and topic. Empty: every
   * call is an event.
   */
  'event_id': (string);
  /**
   * Media type of payload. Empty: not stated.
   */
  'content_type': (string);
  /**
   * Handed to subscribers unchanged, CloudEvents attributes for example. At most 64 entries and 32 KiB; a key is a
   * parameter name and does not begin with "mcp2-".
   */
  'attributes': ({[key: string]: string});
  /**
   * Publish only if the topic's last sequence is this one (0: the topic has no event yet), else ABORTED. Absent: not
   * checked.
   */
  'expected_last_sequence'?: (number);
  '_expected_last_sequence'?: "expected_last_sequence";
}
