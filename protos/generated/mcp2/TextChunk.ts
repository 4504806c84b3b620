// Original file: protos/mcp2/context_tool.proto


export interface TextChunk {
  'content'?: (string);
  /**
   * Order for reassembly.
   */
  'sequence'?: (number);
  /**
   * The text that these chunks make up is complete.
   */
  'last'?: (boolean);
}

export interface TextChunk__Output {
  'content': (string);
  /**
   * Order for reassembly.
   */
  'sequence': (number);
  /**
   * The text that these chunks make up is complete.
   */
  'last': (boolean);
}
