// Original file: protos/mcp2/discovery.proto

/**
 * How several entries of a capability filter combine.
 */
export const FilterMode = {
  /**
   * A server that satisfies one entry matches.
   */
  FILTER_MODE_ANY: 0,
  /**
   * Only a server that satisfies every entry matches.
   */
  FILTER_MODE_ALL: 1,
} as const;

/**
 * How several entries of a capability filter combine.
 */
export type FilterMode =
  /**
   * A server that satisfies one entry matches.
   */
  | 'FILTER_MODE_ANY'
  | 0
  /**
   * Only a server that satisfies every entry matches.
   */
  | 'FILTER_MODE_ALL'
  | 1

/**
 * How several entries of a capability filter combine.
 */
export type FilterMode__Output = typeof FilterMode[keyof typeof FilterMode]
