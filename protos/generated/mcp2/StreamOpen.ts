// Original file: protos/mcp2/context_tool.proto


export interface StreamOpen {
  /**
   * JWT of the caller.
   */
  'capability_token'?: (string);
  /**
   * See ContextRequest.agent_delegation_proof.
   */
  'agent_delegation_proof'?: (string);
  /**
   * One segment of the capability grammar. Empty: none.
   */
  'session_kind'?: (string);
  /**
   * Media types that the caller can read. Empty: any.
   */
  'accept'?: (string)[];
}

export interface StreamOpen__Output {
  /**
   * JWT of the caller.
   */
  'capability_token': (string);
  /**
   * See ContextRequest.agent_delegation_proof.
   */
  'agent_delegation_proof': (string);
  /**
   * One segment of the capability grammar. Empty: none.
   */
  'session_kind': (string);
  /**
   * Media types that the caller can read. Empty: any.
   */
  'accept': (string)[];
}
