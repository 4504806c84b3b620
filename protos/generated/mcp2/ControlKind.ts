// Original file: protos/mcp2/event_bus.proto

/**
 * What an envelope without an event says.
 */
export const ControlKind = {
  /**
   * The log was read up to `cursor`, its end, and nothing came for idle_heartbeat_ms, or since the stream was opened.
   */
  CONTROL_KIND_HEARTBEAT: 0,
  /**
   * Events were removed by retention, or were found damaged, before they could be delivered.
   */
  CONTROL_KIND_GAP: 1,
} as const;

/**
 * What an envelope without an event says.
 */
export type ControlKind =
  /**
   * The log was read up to `cursor`, its end, and nothing came for idle_heartbeat_ms, or since the stream was opened.
   */
  | 'CONTROL_KIND_HEARTBEAT'
  | 0
  /**
   * Events were removed by retention, or were found damaged, before they could be delivered.
   */
  | 'CONTROL_KIND_GAP'
  | 1

/**
 * What an envelope without an event says.
 */
export type ControlKind__Output = typeof ControlKind[keyof typeof ControlKind]
