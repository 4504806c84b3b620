// Original file: protos/mcp2/context_tool.proto

import type { Long } from '@grpc/proto-loader';

export interface TelemetryFrame {
  /**
   * When the frame was taken, in milliseconds since the Unix epoch.
   */
  'timestamp_ms'?: (number | string | Long);
  /**
   * At most 1 MiB.
   */
  'payload'?: (Buffer | Uint8Array | string);
  /**
   * Counts the frames of this subscription from 1, dropped ones included.
   */
  'sequence'?: (number | string | Long);
  /**
   * Frames of this subscription dropped so far because the reader was slow.
   */
  'dropped'?: (number | string | Long);
  /**
   * Media type of payload. Empty: not stated.
   */
  'content_type'?: (string);
}

export interface TelemetryFrame__Output {
  /**
   * When the frame was taken, in milliseconds since the Unix epoch.
   */
  'timestamp_ms': (number);
  /**
   * At most 1 MiB.
   */
  'payload': (Buffer);
  /**
   * Counts the frames of this subscription from 1, dropped ones included.
   */
  'sequence': (number);
  /**
   * Frames of this subscription dropped so far because the reader was slow.
   */
  'dropped': (number);
  /**
   * Media type of payload. Empty: not stated.
   */
  'content_type': (string);
}
