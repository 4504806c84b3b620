// Original file: protos/mcp2/event_bus.proto

import type { Long } from '@grpc/proto-loader';

export interface EventPublishResponse {
  /**
   * Always true: a refusal is a status.
   */
  'success'?: (boolean);
  /**
   * For people; do not parse.
   */
  'message'?: (string);
  /**
   * Position in the topic; rises, is never reused. Begins at 1, or higher once the log has forgotten a topic that had no
   * event for the retention time.
   */
  'sequence_id'?: (number | string | Long);
  /**
   * The event was there already; sequence_id is the first one's.
   */
  'duplicate'?: (boolean);
  /**
   * Position in the log; see EventSubscribeRequest.start_cursor.
   */
  'cursor'?: (Buffer | Uint8Array | string);
}

export interface EventPublishResponse__Output {
  /**
   * Always true: a refusal is a status.
   */
  'success': (boolean);
  /**
   * For people; do not parse.
   */
  'message': (string);
  /**
   * Position in the topic; rises, is never reused. Begins at 1, or higher once the log has forgotten a topic that had no
   * event for the retention time.
   */
  'sequence_id': (number);
  /**
   * The event was there already; sequence_id is the first one's.
   */
  'duplicate': (boolean);
  /**
   * Position in the log; see EventSubscribeRequest.start_cursor.
   */
  'cursor': (Buffer);
}
