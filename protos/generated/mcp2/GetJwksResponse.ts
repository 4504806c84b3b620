// Original file: protos/mcp2/token_service.proto


export interface GetJwksResponse {
  /**
   * JSON Web Key Set (RFC 7517 Section 5); public members only.
   */
  'jwks_json'?: (string);
  /**
   * How long it may be kept.
   */
  'max_age_seconds'?: (number);
}

export interface GetJwksResponse__Output {
  /**
   * JSON Web Key Set (RFC 7517 Section 5); public members only.
   */
  'jwks_json': (string);
  /**
   * How long it may be kept.
   */
  'max_age_seconds': (number);
}
