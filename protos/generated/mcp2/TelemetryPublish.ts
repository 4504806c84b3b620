// Original file: protos/mcp2/context_tool.proto

import type { TelemetryHeader as _mcp2_TelemetryHeader, TelemetryHeader__Output as _mcp2_TelemetryHeader__Output } from '../mcp2/TelemetryHeader.ts';
import type { TelemetryFrame as _mcp2_TelemetryFrame, TelemetryFrame__Output as _mcp2_TelemetryFrame__Output } from '../mcp2/TelemetryFrame.ts';

export interface TelemetryPublish {
  /**
   * First message, and only there.
   */
  'header'?: (_mcp2_TelemetryHeader | null);
  'frame'?: (_mcp2_TelemetryFrame | null);
  'part'?: "header"|"frame";
}

export interface TelemetryPublish__Output {
  /**
   * First message, and only there.
   */
  'header'?: (_mcp2_TelemetryHeader__Output | null);
  'frame'?: (_mcp2_TelemetryFrame__Output | null);
  'part'?: "header"|"frame";
}
