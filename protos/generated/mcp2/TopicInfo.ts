// Original file: protos/mcp2/event_bus.proto

import type { Long } from '@grpc/proto-loader';

export interface TopicInfo {
  'topic'?: (string);
  /**
   * Of the oldest event retained. Zero: none is.
   */
  'first_sequence'?: (number | string | Long);
  /**
   * Of the newest event, retained or not.
   */
  'last_sequence'?: (number | string | Long);
  /**
   * Events retained.
   */
  'events'?: (number | string | Long);
  /**
   * Their size with 100 bytes of overhead each. Absent: the log does not know.
   */
  'bytes'?: (number | string | Long);
  /**
   * In milliseconds since the Unix epoch.
   */
  'last_published_at_ms'?: (number | string | Long);
  '_bytes'?: "bytes";
}

export interface TopicInfo__Output {
  'topic': (string);
  /**
   * Of the oldest event retained. Zero: none is.
   */
  'first_sequence': (number);
  /**
   * Of the newest event, retained or not.
   */
  'last_sequence': (number);
  /**
   * Events retained.
   */
  'events': (number);
  /**
   * Their size with 100 bytes of overhead each. Absent: the log does not know.
   */
  'bytes'?: (number);
  /**
   * In milliseconds since the Unix epoch.
   */
  'last_published_at_ms': (number);
  '_bytes'?: "bytes";
}
