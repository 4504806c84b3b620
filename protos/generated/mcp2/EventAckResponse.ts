// Original file: protos/mcp2/event_bus.proto


export interface EventAckResponse {
  'accepted'?: (number);
  /**
   * Ids that are not, or no longer, of this subscription.
   */
  'unknown_ids'?: (string)[];
}

export interface EventAckResponse__Output {
  'accepted': (number);
  /**
   * Ids that are not, or no longer, of this subscription.
   */
  'unknown_ids': (string)[];
}
