// Original file: protos/mcp2/context_tool.proto

import type { UploadHeader as _mcp2_UploadHeader, UploadHeader__Output as _mcp2_UploadHeader__Output } from '../mcp2/UploadHeader.ts';

export interface UploadChunk {
  /**
   * First message, and only there.
   */
  'header'?: (_mcp2_UploadHeader | null);
  /**
   * At most 1 MiB.
   */
  'data'?: (Buffer | Uint8Array | string);
  'part'?: "header"|"data";
}

export interface UploadChunk__Output {
  /**
   * First message, and only there.
   */
  'header'?: (_mcp2_UploadHeader__Output | null);
  /**
   * At most 1 MiB.
   */
  'data'?: (Buffer);
  'part'?: "header"|"data";
}
