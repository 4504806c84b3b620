// Original file: protos/mcp2/token_service.proto


export interface ExchangeResponse {
  'token'?: (string);
  /**
   * RFC 8693 Section 3 token type URI.
   */
  'issued_token_type'?: (string);
  /**
   * "Bearer" or "DPoP".
   */
  'token_type'?: (string);
  /**
   * Seconds until the token ends.
   */
  'expires_in'?: (number);
  'capabilities'?: (string)[];
}

export interface ExchangeResponse__Output {
  'token': (string);
  /**
   * RFC 8693 Section 3 token type URI.
   */
  'issued_token_type': (string);
  /**
   * "Bearer" or "DPoP".
   */
  'token_type': (string);
  /**
   * Seconds until the token ends.
   */
  'expires_in': (number);
  'capabilities': (string)[];
}
