// Original file: protos/mcp2/context_tool.proto


export interface TelemetryRequest {
  /**
   * 1..16 segments joined by ":", for example "fleet123:engine_temp".
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
  /**
   * Frames kept for a slow reader before the oldest are dropped. Zero: 64. At most 1024.
   */
  'buffer_frames'?: (number);
}

export interface TelemetryRequest__Output {
  /**
   * 1..16 segments joined by ":", for example "fleet123:engine_temp".
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
  /**
   * Frames kept for a slow reader before the oldest are dropped. Zero: 64. At most 1024.
   */
  'buffer_frames': (number);
}
