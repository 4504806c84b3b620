// Original file: protos/mcp2/discovery.proto

/**
 * Whether an endpoint may be called.
 */
export const Health = {
  /**
   * Not proved yet: written by the operator before its first handshake. Not returned by Lookup by default.
   */
  HEALTH_UNKNOWN: 0,
  HEALTH_SERVING: 1,
  HEALTH_NOT_SERVING: 2,
  /**
   * Finishing its calls and about to leave: stays in Watch, sorted last, left out of Lookup by default.
   */
  HEALTH_DRAINING: 3,
} as const;

/**
 * Whether an endpoint may be called.
 */
export type Health =
  /**
   * Not proved yet: written by the operator before its first handshake. Not returned by Lookup by default.
   */
  | 'HEALTH_UNKNOWN'
  | 0
  | 'HEALTH_SERVING'
  | 1
  | 'HEALTH_NOT_SERVING'
  | 2
  /**
   * Finishing its calls and about to leave: stays in Watch, sorted last, left out of Lookup by default.
   */
  | 'HEALTH_DRAINING'
  | 3

/**
 * Whether an endpoint may be called.
 */
export type Health__Output = typeof Health[keyof typeof Health]
