/**
 * What a client reads from its own token, without verifying it: of several capabilities that would each be enough those that
 * it may ask for (one filter that it may not fails the whole Lookup), and whose answers it may be shown again.
 */
import { hash } from 'node:crypto';
import { compilePattern } from '#lib/capability/pattern.ts';
import { requiredCapabilities } from '#lib/capability/required.ts';
import { isMethod } from '#lib/capability/resource.ts';
import { ServiceError } from '#lib/errors.ts';
import { couldLookUp } from '#lib/token/authorize.ts';
import { parseCommonClaims } from '#lib/token/claims.ts';
import { parseCompact } from '#lib/token/compact.ts';
import { toVerifiedToken, type VerifiedToken } from '#lib/token/verified-token.ts';

/** The registry takes no more in one question. */
const MAX_FILTERS = 64;

/** @returns all of them for a token that cannot be read here: the registry says what is wrong with it. */
export function heldCapabilities(token: string, wanted: readonly string[]): readonly string[] {
  const claims = readClaims(token)?.verified;
  if (claims === undefined) return wanted;
  return wanted.filter((capability) => {
    const pattern = compilePattern(capability);
    return pattern !== undefined && couldLookUp(claims, pattern);
  });
}

/** Filters that find everything that the token may find; none for a token that cannot be read here. */
export function searchableCapabilities(token: string): readonly string[] {
  const claims = readClaims(token);
  if (claims === undefined) return ['*'];
  const { verified, capabilities = [] } = claims;
  const granted = (verified.grants ?? []).flatMap(({ method, resource }) =>
    isMethod(method) ? resource.flatMap((each) => requiredCapabilities(method, each, verified.sub)) : [],
  );
  const candidates = [...new Set(['*', ...capabilities, ...granted.map(({ text }) => text)])];
  const held = heldCapabilities(token, candidates);
  return held.includes('*') ? ['*'] : held.slice(0, MAX_FILTERS);
}

export interface Standing {
  /** Who may see what: equal for a token and its renewal, different for any other subject, right or audience. */
  readonly text: string;
  /** Unix milliseconds; Infinity where the token does not say. */
  readonly endsAtMs: number;
}

export function standingOf(token: string): Standing {
  const claims = readClaims(token);
  if (claims === undefined) return { text: hash('sha256', token, 'base64url'), endsAtMs: Number.POSITIVE_INFINITY };
  const { issuer, verified } = claims;
  return { text: `${issuer} ${verified.standing}`, endsAtMs: verified.exp * 1000 };
}

interface ReadClaims {
  readonly issuer: string;
  readonly verified: VerifiedToken;
  readonly capabilities: readonly string[] | undefined;
}

function readClaims(token: string): ReadClaims | undefined {
  try {
    const { payload } = parseCompact(token);
    const claims = parseCommonClaims(payload, { iss: '', jti: '' });
    const issuer = JSON.stringify(payload.iss ?? null);
    return { issuer, verified: toVerifiedToken(claims), capabilities: claims.capabilities };
  } catch (error) {
    if (error instanceof ServiceError) return undefined;
    throw error;
  }
}
