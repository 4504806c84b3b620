// Original file: protos/mcp2/card.proto


/**
 * A card and the signature over it.
 */
export interface SignedCard {
  /**
   * The card as canonical JSON (RFC 8785), at most 256 KiB: {name, version, protocol, services, capabilities}, texts and
   * lists of texts; docs/own-server.md has their bounds. The signature is over exactly these bytes.
   */
  'card_json'?: (Buffer | Uint8Array | string);
  /**
   * Detached JWS over card_json (RFC 7515 Appendix F), header {alg, typ} with typ "mcp2-card+jws", made with the key the
   * server registered with. Empty: the server is not key-bound and the card is unsigned.
   */
  'jws'?: (string);
}

/**
 * A card and the signature over it.
 */
export interface SignedCard__Output {
  /**
   * The card as canonical JSON (RFC 8785), at most 256 KiB: {name, version, protocol, services, capabilities}, texts and
   * lists of texts; docs/own-server.md has their bounds. The signature is over exactly these bytes.
   */
  'card_json': (Buffer);
  /**
   * Detached JWS over card_json (RFC 7515 Appendix F), header {alg, typ} with typ "mcp2-card+jws", made with the key the
   * server registered with. Empty: the server is not key-bound and the card is unsigned.
   */
  'jws': (string);
}
