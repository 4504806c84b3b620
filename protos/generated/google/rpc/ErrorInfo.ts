// Original file: protos/google/rpc/error_details.proto


/**
 * Why a call failed, for programs.
 */
export interface ErrorInfo {
  /**
   * Stable, UPPER_SNAKE_CASE; the list is REASONS in services/lib/errors.ts.
   */
  'reason'?: (string);
  /**
   * "mcp2".
   */
  'domain'?: (string);
  /**
   * Facts that belong to the reason. Never a token, key or secret.
   */
  'metadata'?: ({[key: string]: string});
}

/**
 * Why a call failed, for programs.
 */
export interface ErrorInfo__Output {
  /**
   * Stable, UPPER_SNAKE_CASE; the list is REASONS in services/lib/errors.ts.
   */
  'reason': (string);
  /**
   * "mcp2".
   */
  'domain': (string);
  /**
   * Facts that belong to the reason. Never a token, key or secret.
   */
  'metadata': ({[key: string]: string});
}
