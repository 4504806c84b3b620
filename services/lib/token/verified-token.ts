/**
 * A token whose signature and claims were checked, in the form that every call asks: rights compiled, identity known.
 *
 * Being a VerifiedToken says nothing about now: expiry, revocation and audience are asked again on each call.
 */
import { canonicalHash } from '#lib/canonical-json.ts';
import { type Audience, compileAudience } from '#lib/capability/audience.ts';
import { CapabilitySet } from '#lib/capability/capability.ts';
import { type Grant, parseGrant } from '#lib/capability/grant.ts';
import { ServiceError } from '#lib/errors.ts';
import type { RootClaims } from './claims.ts';
import type { Revocations } from './revocations.ts';

export interface VerifiedToken extends Omit<RootClaims, 'capabilities' | 'grants'> {
  /** `aud`, compiled. */
  readonly audience: Audience;
  /** Undefined when the token has no such claim; that section then narrows nothing. */
  readonly capabilities: CapabilitySet | undefined;
  /** Void grants are left out, so that a section of void grants alone covers nothing. */
  readonly grants: readonly Grant[] | undefined;
  /**
   * Who may do what: equal for two tokens of one subject with equal rights, whatever their jti, times and audience. What a
   * server's cache of answers is keyed by; never the token's text.
   */
  readonly authority: string;
  /** The same with the audience, where an answer depends on that too: Lookup hides servers that the token is not for. */
  readonly standing: string;
}

/** Clocks that run early: a token may be used this long before its iat or nbf. There is none for exp. */
export const EARLY_CLOCK_SECONDS = 30;

export function toVerifiedToken({ capabilities, grants, ...claims }: RootClaims): VerifiedToken {
  const authority = canonicalHash([
    [claims.iss, claims.sub, claims.tid ?? ''],
    capabilities ? [...new Set(capabilities)].sort() : null,
    grants ? [...new Set(grants.map(canonicalHash))].sort() : null,
  ]);
  return Object.freeze({
    ...claims,
    audience: compileAudience(claims.aud),
    capabilities: capabilities && new CapabilitySet(capabilities, claims.sub),
    grants: grants?.map(parseGrant).filter((grant) => grant !== undefined),
    authority,
    standing: canonicalHash([authority, [...claims.aud].sort()]),
  });
}

/** The token is genuine, and holds no more or not yet. Who presented it is known then, for audit and nothing else. */
export class TokenNotValidNow extends ServiceError {
  readonly token: VerifiedToken;

  constructor(
    reason: 'TOKEN_EXPIRED' | 'TOKEN_NOT_YET_VALID' | 'TOKEN_REVOKED',
    message: string,
    token: VerifiedToken,
  ) {
    super(reason, message);
    this.token = token;
  }
}

/**
 * What may change from one call to the next without the token's text changing.
 *
 * @throws TokenNotValidNow
 */
export function requireValidNow(token: VerifiedToken, nowMs: number, revocations: Revocations): void {
  // RFC 7519 Section 4.1.4: "on or after" exp the token must not be accepted.
  if (nowMs >= token.exp * 1000) {
    throw new TokenNotValidNow('TOKEN_EXPIRED', 'the token has expired; get a new one', token);
  }
  const earliest = Math.max(token.iat, token.nbf ?? 0) - EARLY_CLOCK_SECONDS;
  if (nowMs < earliest * 1000) {
    const message = 'the token is not valid yet; compare the clocks of issuer and server';
    throw new TokenNotValidNow('TOKEN_NOT_YET_VALID', message, token);
  }
  if (revocations.isRevoked(token)) throw new TokenNotValidNow('TOKEN_REVOKED', 'the token was revoked', token);
}
