// Original file: protos/mcp2/context_tool.proto


export interface TelemetryHeader {
  /**
   * As TelemetryRequest.stream_id.
   */
  'stream_id'?: (string);
  /**
   * JWT of the caller. Metadata `capability_token` is accepted instead.
   */
  'capability_token'?: (string);
  /**
   * See ContextRequest.agent_delegation_proof.
   */
  'agent_delegation_proof'?: (string);
}

export interface TelemetryHeader__Output {
  /**
   * As TelemetryRequest.stream_id.
   */
  'stream_id': (string);
  /**
   * JWT of the caller. Metadata `capability_token` is accepted instead.
   */
  'capability_token': (string);
  /**
   * See ContextRequest.agent_delegation_proof.
   */
  'agent_delegation_proof': (string);
}
