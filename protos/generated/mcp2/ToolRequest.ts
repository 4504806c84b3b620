// Original file: protos/mcp2/context_tool.proto


export interface ToolRequest {
  /**
   * [A-Za-z0-9_.-]{1,128}, for example "enhance_image".
   */
  'tool_name'?: (string);
  /**
   * As ContextRequest.parameters.
   */
  'arguments'?: ({[key: string]: Buffer | Uint8Array | string});
  /**
   * JWT of the caller. Metadata `capability_token` is accepted instead.
   */
  'capability_token'?: (string);
  /**
   * See ContextRequest.agent_delegation_proof.
   */
  'agent_delegation_proof'?: (string);
  /**
   * A second call with the same key and arguments gets the first one's answer and runs nothing. At most 128 bytes. Empty:
   * every call runs.
   */
  'idempotency_key'?: (string);
  /**
   * Call only while the tool's schema still has this SHA-256, else FAILED_PRECONDITION. Empty: not checked.
   */
  'schema_hash'?: (Buffer | Uint8Array | string);
}

export interface ToolRequest__Output {
  /**
   * [A-Za-z0-9_.-]{1,128}, for example "enhance_image".
   */
  'tool_name': (string);
  /**
   * As ContextRequest.parameters.
   */
  'arguments': ({[key: string]: Buffer});
  /**
   * JWT of the caller. Metadata `capability_token` is accepted instead.
   */
  'capability_token': (string);
  /**
   * See ContextRequest.agent_delegation_proof.
   */
  'agent_delegation_proof': (string);
  /**
   * A second call with the same key and arguments gets the first one's answer and runs nothing. At most 128 bytes. Empty:
   * every call runs.
   */
  'idempotency_key': (string);
  /**
   * Call only while the tool's schema still has this SHA-256, else FAILED_PRECONDITION. Empty: not checked.
   */
  'schema_hash': (Buffer);
}
