// Original file: protos/mcp2/event_bus.proto

/**
 * When an event counts as delivered.
 */
export const AckMode = {
  /**
   * Sending is delivery.
   */
  ACK_MODE_NONE: 0,
  /**
   * An event not acknowledged within ack_wait_ms comes again. Needs a durable_name.
   */
  ACK_MODE_EXPLICIT: 1,
} as const;

/**
 * When an event counts as delivered.
 */
export type AckMode =
  /**
   * Sending is delivery.
   */
  | 'ACK_MODE_NONE'
  | 0
  /**
   * An event not acknowledged within ack_wait_ms comes again. Needs a durable_name.
   */
  | 'ACK_MODE_EXPLICIT'
  | 1

/**
 * When an event counts as delivered.
 */
export type AckMode__Output = typeof AckMode[keyof typeof AckMode]
