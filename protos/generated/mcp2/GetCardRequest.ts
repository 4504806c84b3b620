// Original file: protos/mcp2/card.proto


export interface GetCardRequest {
  /**
   * JWT of the caller. Any capability held on the server gives the right to read its card.
   */
  'requester_token'?: (string);
  /**
   * Server whose card is wanted. ServiceInfo accepts only its own name, or empty for its own.
   */
  'server_name'?: (string);
  /**
   * SHA-256 of the card wanted (EndpointDescriptor.card_digest). Empty: the card now in force.
   */
  'card_digest'?: (Buffer | Uint8Array | string);
  /**
   * Chain that holds the caller's rights when it acts for another agent. A server that does not verify chains refuses a
   * non-empty value (UNAUTHENTICATED, PROOF_UNSUPPORTED); it is never ignored.
   */
  'agent_delegation_proof'?: (string);
}

export interface GetCardRequest__Output {
  /**
   * JWT of the caller. Any capability held on the server gives the right to read its card.
   */
  'requester_token': (string);
  /**
   * Server whose card is wanted. ServiceInfo accepts only its own name, or empty for its own.
   */
  'server_name': (string);
  /**
   * SHA-256 of the card wanted (EndpointDescriptor.card_digest). Empty: the card now in force.
   */
  'card_digest': (Buffer);
  /**
   * Chain that holds the caller's rights when it acts for another agent. A server that does not verify chains refuses a
   * non-empty value (UNAUTHENTICATED, PROOF_UNSUPPORTED); it is never ignored.
   */
  'agent_delegation_proof': (string);
}
