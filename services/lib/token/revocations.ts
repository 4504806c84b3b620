/**
 * What is known about revoked tokens, as the verifier asks for it on every call.
 *
 * Without a revocation feed the set is empty and never stale: nothing can have been revoked that we missed.
 */
import { ServiceError } from '#lib/errors.ts';

/** The identity of a token. Its text is none: a mirrored ECDSA signature gives one token two texts. */
export interface TokenIdentity {
  readonly iss: string;
  readonly jti: string;
  readonly sub: string;
  /** Seconds since the Unix epoch; a subject is revoked together with all its tokens that are older than a time. */
  readonly iat: number;
}

export interface Revocations {
  /** Must answer from memory: it is asked on every call. */
  isRevoked(token: TokenIdentity): boolean;
  /** True when the feed has been silent for so long that writes must wait; reads go on until the token expires. */
  isStale(): boolean;
}

export const noRevocations: Revocations = Object.freeze({ isRevoked: () => false, isStale: () => false });

/**
 * For methods that write (InvokeTool, Publish, UploadContext, Register, Exchange).
 *
 * @throws ServiceError REVOCATION_STALE
 */
export function requireFreshRevocations(revocations: Revocations): void {
  if (!revocations.isStale()) return;
  throw new ServiceError(
    'REVOCATION_STALE',
    'revocations cannot be checked at the moment; try again, reads still work',
  );
}
