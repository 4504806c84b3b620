// Original file: protos/mcp2/context_tool.proto


export interface ToolAnswer {
  /**
   * Of the ToolAsk that it answers.
   */
  'ask_id'?: (string);
  'result_json'?: (Buffer | Uint8Array | string);
  /**
   * There will be no answer.
   */
  'declined'?: (boolean);
}

export interface ToolAnswer__Output {
  /**
   * Of the ToolAsk that it answers.
   */
  'ask_id': (string);
  'result_json': (Buffer);
  /**
   * There will be no answer.
   */
  'declined': (boolean);
}
