// Original file: protos/mcp2/context_tool.proto


export interface ContextRequest {
  /**
   * 1..16 segments joined by ":", at most 512 bytes, for example "inventory:prod_12345:stock_count".
   */
  'context_key'?: (string);
  /**
   * At most 256. Name [A-Za-z_][A-Za-z0-9_.-]{0,63} except __proto__; value UTF-8 text, or canonical JSON of what is not
   * a string. A peer that declares map<string, string> reads and writes the same bytes.
   */
  'parameters'?: ({[key: string]: Buffer | Uint8Array | string});
  /**
   * JWT of the caller. Metadata `capability_token` is accepted instead.
   */
  'capability_token'?: (string);
  /**
   * Link that hands authority to the server, or chain that the caller acts under. A server that does not verify them
   * refuses a non-empty value (UNAUTHENTICATED, PROOF_UNSUPPORTED); it is never ignored.
   */
  'agent_delegation_proof'?: (string);
  /**
   * etag of the copy that the caller holds: when it is current, serialized_value stays empty and etag is repeated.
   */
  'if_none_match'?: (string);
  /**
   * Media type wanted. Empty: the server's choice.
   */
  'accept'?: (string);
  /**
   * Answers to ContextResponse.input_requests, by their names; JSON.
   */
  'input_responses'?: ({[key: string]: Buffer | Uint8Array | string});
  /**
   * As ContextResponse.request_state said it. Opaque.
   */
  'request_state'?: (string);
}

export interface ContextRequest__Output {
  /**
   * 1..16 segments joined by ":", at most 512 bytes, for example "inventory:prod_12345:stock_count".
   */
  'context_key': (string);
  /**
   * At most 256. Name [A-Za-z_][A-Za-z0-9_.-]{0,63} except __proto__; value UTF-8 text, or canonical JSON of what is not
   * a string. A peer that declares map<string, string> reads and writes the same bytes.
   */
  'parameters': ({[key: string]: Buffer});
  /**
   * JWT of the caller. Metadata `capability_token` is accepted instead.
   */
  'capability_token': (string);
  /**
   * Link that hands authority to the server, or chain that the caller acts under. A server that does not verify them
   * refuses a non-empty value (UNAUTHENTICATED, PROOF_UNSUPPORTED); it is never ignored.
   */
  'agent_delegation_proof': (string);
  /**
   * etag of the copy that the caller holds: when it is current, serialized_value stays empty and etag is repeated.
   */
  'if_none_match': (string);
  /**
   * Media type wanted. Empty: the server's choice.
   */
  'accept': (string);
  /**
   * Answers to ContextResponse.input_requests, by their names; JSON.
   */
  'input_responses': ({[key: string]: Buffer});
  /**
   * As ContextResponse.request_state said it. Opaque.
   */
  'request_state': (string);
}
