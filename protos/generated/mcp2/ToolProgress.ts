// Original file: protos/mcp2/context_tool.proto


export interface ToolProgress {
  /**
   * How far it is; rises.
   */
  'progress'?: (number | string);
  /**
   * How far it has to go. Absent: not known.
   */
  'total'?: (number | string);
  /**
   * For people; do not parse.
   */
  'message'?: (string);
  '_total'?: "total";
}

export interface ToolProgress__Output {
  /**
   * How far it is; rises.
   */
  'progress': (number);
  /**
   * How far it has to go. Absent: not known.
   */
  'total'?: (number);
  /**
   * For people; do not parse.
   */
  'message': (string);
  '_total'?: "total";
}
