// Original file: protos/mcp2/token_service.proto

/**
 * What a RevocationEvent ends.
 */
export const RevocationKind = {
  /**
   * One token, and every chain through it. key_hash is the SHA-256 of its `iss` and `jti`.
   */
  REVOCATION_KIND_JTI: 0,
  /**
   * Every token of a subject issued before not_before.
   */
  REVOCATION_KIND_SUB: 1,
  /**
   * Every token bound to a key. key_hash is its JWK thumbprint (RFC 7638).
   */
  REVOCATION_KIND_KEY: 2,
  /**
   * No entry; everything up to `revision` has been sent.
   */
  REVOCATION_KIND_BOOKMARK: 3,
} as const;

/**
 * What a RevocationEvent ends.
 */
export type RevocationKind =
  /**
   * One token, and every chain through it. key_hash is the SHA-256 of its `iss` and `jti`.
   */
  | 'REVOCATION_KIND_JTI'
  | 0
  /**
   * Every token of a subject issued before not_before.
   */
  | 'REVOCATION_KIND_SUB'
  | 1
  /**
   * Every token bound to a key. key_hash is its JWK thumbprint (RFC 7638).
   */
  | 'REVOCATION_KIND_KEY'
  | 2
  /**
   * No entry; everything up to `revision` has been sent.
   */
  | 'REVOCATION_KIND_BOOKMARK'
  | 3

/**
 * What a RevocationEvent ends.
 */
export type RevocationKind__Output = typeof RevocationKind[keyof typeof RevocationKind]
