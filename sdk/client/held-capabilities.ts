/**
 * Of several capabilities that would each be enough, those that a token may ask for: one filter that it may not fails
 * the whole Lookup. Read from the claims without verifying them; the registry decides.
 */
import { compilePattern } from '#lib/capability/pattern.ts';
import { ServiceError } from '#lib/errors.ts';
import { couldLookUp } from '#lib/token/authorize.ts';
import { parseCommonClaims } from '#lib/token/claims.ts';
import { parseCompact } from '#lib/token/compact.ts';
import { toVerifiedToken, type VerifiedToken } from '#lib/token/verified-token.ts';

/** @returns all of them for a token that cannot be read here: the registry says what is wrong with it. */
export function heldCapabilities(token: string, wanted: readonly string[]): readonly string[] {
  const claims = readClaims(token);
  if (claims === undefined) return wanted;
  return wanted.filter((capability) => {
    const pattern = compilePattern(capability);
    return pattern !== undefined && couldLookUp(claims, pattern);
  });
}

function readClaims(token: string): VerifiedToken | undefined {
  try {
    return toVerifiedToken(parseCommonClaims(parseCompact(token).payload, { iss: '', jti: '' }));
  } catch (error) {
    if (error instanceof ServiceError) return undefined;
    throw error;
  }
}
