// Original file: protos/mcp2/discovery.proto


export interface DeregisterResponse {
  /**
   * Always true: a refusal is a status.
   */
  'success'?: (boolean);
}

export interface DeregisterResponse__Output {
  /**
   * Always true: a refusal is a status.
   */
  'success': (boolean);
}
