// Original file: protos/mcp2/context_tool.proto

/**
 * Who may reuse a ContextResponse.
 */
export const CacheScope = {
  /**
   * Only for callers with the same authority.
   */
  CACHE_SCOPE_PRIVATE: 0,
  /**
   * For every caller that is authorized to ask.
   */
  CACHE_SCOPE_PUBLIC: 1,
} as const;

/**
 * Who may reuse a ContextResponse.
 */
export type CacheScope =
  /**
   * Only for callers with the same authority.
   */
  | 'CACHE_SCOPE_PRIVATE'
  | 0
  /**
   * For every caller that is authorized to ask.
   */
  | 'CACHE_SCOPE_PUBLIC'
  | 1

/**
 * Who may reuse a ContextResponse.
 */
export type CacheScope__Output = typeof CacheScope[keyof typeof CacheScope]
