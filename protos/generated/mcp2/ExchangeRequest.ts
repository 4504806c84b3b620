// Original file: protos/mcp2/token_service.proto


export interface ExchangeRequest {
  /**
   * What proves the caller: a Kubernetes ServiceAccount token with audience mcp2-token-service, a token of a trusted
   * issuer, or a capability chain to narrow.
   */
  'subject_token'?: (string);
  /**
   * RFC 8693 Section 3 token type URI.
   */
  'subject_token_type'?: (string);
  /**
   * Who acts for the subject. Empty: the subject itself.
   */
  'actor_token'?: (string);
  'actor_token_type'?: (string);
  /**
   * Server names, or one prefix form such as "InventoryDB_*". At most 16. Empty: the policy's default.
   */
  'requested_audience'?: (string)[];
  /**
   * At most 64. Empty together with requested_grants_json: all that the policy grants.
   */
  'requested_capabilities'?: (string)[];
  /**
   * JSON array in the form of RFC 9396 authorization_details with type mcp2_grant. At most 32 grants.
   */
  'requested_grants_json'?: (string);
  /**
   * At most 3600. Zero: 900.
   */
  'ttl_seconds'?: (number);
  /**
   * How many hand-overs the token allows, at most 4. Zero: none.
   */
  'delegation_depth'?: (number);
  /**
   * Name patterns that it may be handed to.
   */
  'delegation_to'?: (string)[];
  /**
   * Self-signed JWT (typ mcp2-key+jwt) that shows the key to bind the token to. Empty: an unbound token, where allowed.
   */
  'proof'?: (string);
}

export interface ExchangeRequest__Output {
  /**
   * What proves the caller: a Kubernetes ServiceAccount token with audience mcp2-token-service, a token of a trusted
   * issuer, or a capability chain to narrow.
   */
  'subject_token': (string);
  /**
   * RFC 8693 Section 3 token type URI.
   */
  'subject_token_type': (string);
  /**
   * Who acts for the subject. Empty: the subject itself.
   */
  'actor_token': (string);
  'actor_token_type': (string);
  /**
   * Server names, or one prefix form such as "InventoryDB_*". At most 16. Empty: the policy's default.
   */
  'requested_audience': (string)[];
  /**
   * At most 64. Empty together with requested_grants_json: all that the policy grants.
   */
  'requested_capabilities': (string)[];
  /**
   * JSON array in the form of RFC 9396 authorization_details with type mcp2_grant. At most 32 grants.
   */
  'requested_grants_json': (string);
  /**
   * At most 3600. Zero: 900.
   */
  'ttl_seconds': (number);
  /**
   * How many hand-overs the token allows, at most 4. Zero: none.
   */
  'delegation_depth': (number);
  /**
   * Name patterns that it may be handed to.
   */
  'delegation_to': (string)[];
  /**
   * Self-signed JWT (typ mcp2-key+jwt) that shows the key to bind the token to. Empty: an unbound token, where allowed.
   */
  'proof': (string);
}
