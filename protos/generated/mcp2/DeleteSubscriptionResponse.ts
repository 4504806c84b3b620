// Original file: protos/mcp2/event_bus.proto


export interface DeleteSubscriptionResponse {
  /**
   * False: there was nothing to delete.
   */
  'existed'?: (boolean);
}

export interface DeleteSubscriptionResponse__Output {
  /**
   * False: there was nothing to delete.
   */
  'existed': (boolean);
}
