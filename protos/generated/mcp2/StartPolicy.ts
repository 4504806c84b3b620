// Original file: protos/mcp2/event_bus.proto

/**
 * Where a subscription begins.
 */
export const StartPolicy = {
  /**
   * With events published from now on; a durable subscription that exists resumes where it stood.
   */
  START_POLICY_NEW: 0,
  /**
   * With the oldest event retained.
   */
  START_POLICY_EARLIEST: 1,
  /**
   * With the last event of each topic, then new ones.
   */
  START_POLICY_LAST_PER_TOPIC: 2,
  /**
   * At start_sequence; only with a filter without `*`.
   */
  START_POLICY_SEQUENCE: 3,
  /**
   * After start_cursor.
   */
  START_POLICY_CURSOR: 4,
  /**
   * At start_time_ms.
   */
  START_POLICY_TIME: 5,
} as const;

/**
 * Where a subscription begins.
 */
export type StartPolicy =
  /**
   * With events published from now on; a durable subscription that exists resumes where it stood.
   */
  | 'START_POLICY_NEW'
  | 0
  /**
   * With the oldest event retained.
   */
  | 'START_POLICY_EARLIEST'
  | 1
  /**
   * With the last event of each topic, then new ones.
   */
  | 'START_POLICY_LAST_PER_TOPIC'
  | 2
  /**
   * At start_sequence; only with a filter without `*`.
   */
  | 'START_POLICY_SEQUENCE'
  | 3
  /**
   * After start_cursor.
   */
  | 'START_POLICY_CURSOR'
  | 4
  /**
   * At start_time_ms.
   */
  | 'START_POLICY_TIME'
  | 5

/**
 * Where a subscription begins.
 */
export type StartPolicy__Output = typeof StartPolicy[keyof typeof StartPolicy]
