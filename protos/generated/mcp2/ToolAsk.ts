// Original file: protos/mcp2/context_tool.proto


export interface ToolAsk {
  'ask_id'?: (string);
  /**
   * What is asked for, for example "elicitation/create".
   */
  'method'?: (string);
  'params_json'?: (Buffer | Uint8Array | string);
}

export interface ToolAsk__Output {
  'ask_id': (string);
  /**
   * What is asked for, for example "elicitation/create".
   */
  'method': (string);
  'params_json': (Buffer);
}
