/**
 * HS256 tokens of the proposal's reference client: typ JWT, no iss, jti or kid. For development only.
 *
 * Whoever can verify such a token can also mint one, so this never stands beside real keys of the same issuer and is
 * never on by default. The token has no identity of its own; the hash of its text serves as one.
 */
import { createHash } from 'node:crypto';
import { compactVerify } from 'jose';
import { MIN_DEVELOPMENT_SECRET_BYTES } from '#lib/config/common-settings.ts';
import { ServiceError } from '#lib/errors.ts';
import { parseCommonClaims } from './claims.ts';
import type { CompactToken } from './compact.ts';
import { toVerifiedToken, type VerifiedToken } from './verified-token.ts';

export interface DevelopmentIssuer {
  /** Stands in for the claim that these tokens lack. */
  readonly iss: string;
  readonly secret: Uint8Array;
}

/** @throws RangeError for a secret under 32 bytes, such as the 20 bytes in the proposal's own source. */
export function createDevelopmentIssuer(iss: string, secret: Uint8Array): DevelopmentIssuer {
  if (secret.length < MIN_DEVELOPMENT_SECRET_BYTES) {
    throw new RangeError(
      `the HS256 secret has ${secret.length} bytes; use at least ${MIN_DEVELOPMENT_SECRET_BYTES} random ones`,
    );
  }
  return { iss, secret };
}

/** Exactly the form that the reference client mints; anything else goes the ordinary way. */
export function isDevelopmentToken({ alg, typ, kid, payload }: CompactToken): boolean {
  return alg === 'HS256' && typ === 'JWT' && kid === undefined && !('iss' in payload) && !('jti' in payload);
}

/** @throws ServiceError TOKEN_UNTRUSTED or TOKEN_MALFORMED */
export async function verifyDevelopmentToken(
  token: string,
  { payload }: CompactToken,
  { iss, secret }: DevelopmentIssuer,
): Promise<VerifiedToken> {
  try {
    await compactVerify(token, secret, { algorithms: ['HS256'] });
  } catch {
    throw new ServiceError('TOKEN_UNTRUSTED', 'the signature of the token is not valid');
  }
  const jti = `sha256:${createHash('sha256').update(token).digest('base64url')}`;
  return toVerifiedToken(parseCommonClaims(payload, { iss, jti }));
}
