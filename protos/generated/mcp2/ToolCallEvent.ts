// Original file: protos/mcp2/context_tool.proto

import type { ToolProgress as _mcp2_ToolProgress, ToolProgress__Output as _mcp2_ToolProgress__Output } from '../mcp2/ToolProgress.ts';
import type { ToolLog as _mcp2_ToolLog, ToolLog__Output as _mcp2_ToolLog__Output } from '../mcp2/ToolLog.ts';
import type { ToolAsk as _mcp2_ToolAsk, ToolAsk__Output as _mcp2_ToolAsk__Output } from '../mcp2/ToolAsk.ts';
import type { Content as _mcp2_Content, Content__Output as _mcp2_Content__Output } from '../mcp2/Content.ts';
import type { ToolResponse as _mcp2_ToolResponse, ToolResponse__Output as _mcp2_ToolResponse__Output } from '../mcp2/ToolResponse.ts';

export interface ToolCallEvent {
  'progress'?: (_mcp2_ToolProgress | null);
  'log'?: (_mcp2_ToolLog | null);
  'ask'?: (_mcp2_ToolAsk | null);
  'partial'?: (_mcp2_Content | null);
  /**
   * Last, and only once.
   */
  'result'?: (_mcp2_ToolResponse | null);
  'event'?: "progress"|"log"|"ask"|"partial"|"result";
}

export interface ToolCallEvent__Output {
  'progress'?: (_mcp2_ToolProgress__Output | null);
  'log'?: (_mcp2_ToolLog__Output | null);
  'ask'?: (_mcp2_ToolAsk__Output | null);
  'partial'?: (_mcp2_Content__Output | null);
  /**
   * Last, and only once.
   */
  'result'?: (_mcp2_ToolResponse__Output | null);
  'event'?: "progress"|"log"|"ask"|"partial"|"result";
}
