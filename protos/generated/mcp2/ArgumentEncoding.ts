// Original file: protos/mcp2/context_tool.proto

/**
 * How the bytes of one argument are meant.
 */
export const ArgumentEncoding = {
  /**
   * As the argument's schema says: text as it is, anything else as JSON.
   */
  ARGUMENT_ENCODING_RAW: 0,
  /**
   * A JSON text, whatever the schema says.
   */
  ARGUMENT_ENCODING_JSON: 1,
} as const;

/**
 * How the bytes of one argument are meant.
 */
export type ArgumentEncoding =
  /**
   * As the argument's schema says: text as it is, anything else as JSON.
   */
  | 'ARGUMENT_ENCODING_RAW'
  | 0
  /**
   * A JSON text, whatever the schema says.
   */
  | 'ARGUMENT_ENCODING_JSON'
  | 1

/**
 * How the bytes of one argument are meant.
 */
export type ArgumentEncoding__Output = typeof ArgumentEncoding[keyof typeof ArgumentEncoding]
