// Original file: protos/mcp2/context_tool.proto


export interface ToolLog {
  /**
   * As ToolRequest.log_level.
   */
  'level'?: (string);
  'logger'?: (string);
  'data_json'?: (Buffer | Uint8Array | string);
}

export interface ToolLog__Output {
  /**
   * As ToolRequest.log_level.
   */
  'level': (string);
  'logger': (string);
  'data_json': (Buffer);
}
