// Original file: protos/mcp2/context_tool.proto


/**
 * Points to something that can be read instead of holding it.
 */
export interface ContextRef {
  'uri'?: (string);
  /**
   * Read it with RequestContext. Empty: only uri says where it is.
   */
  'context_key'?: (string);
  'name'?: (string);
  /**
   * Media type. Empty: not stated.
   */
  'mime_type'?: (string);
  'description'?: (string);
}

/**
 * Points to something that can be read instead of holding it.
 */
export interface ContextRef__Output {
  'uri': (string);
  /**
   * Read it with RequestContext. Empty: only uri says where it is.
   */
  'context_key': (string);
  'name': (string);
  /**
   * Media type. Empty: not stated.
   */
  'mime_type': (string);
  'description': (string);
}
