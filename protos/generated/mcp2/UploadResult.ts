// Original file: protos/mcp2/context_tool.proto

import type { Long } from '@grpc/proto-loader';

export interface UploadResult {
  /**
   * Version of the value now in force.
   */
  'etag'?: (string);
  'bytes_written'?: (number | string | Long);
  /**
   * SHA-256 of what was written.
   */
  'sha256'?: (Buffer | Uint8Array | string);
}

export interface UploadResult__Output {
  /**
   * Version of the value now in force.
   */
  'etag': (string);
  'bytes_written': (number);
  /**
   * SHA-256 of what was written.
   */
  'sha256': (Buffer);
}
