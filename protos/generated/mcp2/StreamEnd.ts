// Original file: protos/mcp2/context_tool.proto

import type { Long } from '@grpc/proto-loader';

export interface StreamEnd {
  /**
   * Frames that this side sent, this one left out.
   */
  'frames'?: (number | string | Long);
  /**
   * SHA-256 over the payload bytes that this side sent. Empty: not checked.
   */
  'sha256'?: (Buffer | Uint8Array | string);
  /**
   * For people; do not parse. Empty: finished as planned.
   */
  'status'?: (string);
}

export interface StreamEnd__Output {
  /**
   * Frames that this side sent, this one left out.
   */
  'frames': (number);
  /**
   * SHA-256 over the payload bytes that this side sent. Empty: not checked.
   */
  'sha256': (Buffer);
  /**
   * For people; do not parse. Empty: finished as planned.
   */
  'status': (string);
}
