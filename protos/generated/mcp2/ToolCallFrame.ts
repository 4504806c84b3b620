// Original file: protos/mcp2/context_tool.proto

import type { ToolRequest as _mcp2_ToolRequest, ToolRequest__Output as _mcp2_ToolRequest__Output } from '../mcp2/ToolRequest.ts';
import type { ToolAnswer as _mcp2_ToolAnswer, ToolAnswer__Output as _mcp2_ToolAnswer__Output } from '../mcp2/ToolAnswer.ts';

export interface ToolCallFrame {
  'request'?: (_mcp2_ToolRequest | null);
  'answer'?: (_mcp2_ToolAnswer | null);
  'frame'?: "request"|"answer";
}

export interface ToolCallFrame__Output {
  'request'?: (_mcp2_ToolRequest__Output | null);
  'answer'?: (_mcp2_ToolAnswer__Output | null);
  'frame'?: "request"|"answer";
}
