// Original file: protos/mcp2/event_bus.proto

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

export type AckMode__Output = typeof AckMode[keyof typeof AckMode]
