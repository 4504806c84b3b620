// Original file: protos/mcp2/event_bus.proto

/**
 * What an envelope without an event says.
 */
export const ControlKind = {
  /**
   * Nothing was published for idle_heartbeat_ms; `cursor` says how far the log was read.
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
   * Nothing was published for idle_heartbeat_ms; `cursor` says how far the log was read.
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
