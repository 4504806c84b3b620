// Original file: protos/mcp2/context_tool.proto

import type { Long } from '@grpc/proto-loader';

export interface TelemetryPublished {
  /**
   * Frames that were taken.
   */
  'frames'?: (number | string | Long);
}

export interface TelemetryPublished__Output {
  /**
   * Frames that were taken.
   */
  'frames': (number);
}
