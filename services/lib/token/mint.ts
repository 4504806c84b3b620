/**
 * Minting root tokens, for the command line, the operator's probes and tests.
 *
 * The mint refuses what a verifier would only ignore (a capability that matches nothing), because whoever reads
 * "denied" an hour later no longer knows that the token was misspelt.
 */
import { randomBytes } from 'node:crypto';
import { CompactSign } from 'jose';
import type { Clock } from '#lib/clock.ts';
import { ServiceError } from '#lib/errors.ts';
import { parseRootClaims } from './claims.ts';
import { MAX_TOKEN_BYTES } from './compact.ts';
import { type MintRequest, mintProblems } from './mint-request.ts';
import type { SigningKey } from './signing-key.ts';
import { TOKEN_TYPE } from './verify.ts';

export interface MintDependencies {
  readonly clock: Pick<Clock, 'nowMs'>;
  /** At least 16 random bytes for jti. Default: node:crypto. */
  readonly randomBytes?: (count: number) => Uint8Array;
}

export const DEFAULT_LIFETIME_SECONDS = 900;
export const PROBE_LIFETIME_SECONDS = 60;

/** @throws ServiceError ARGUMENT_INVALID naming every problem of the request. */
export async function mintToken(
  signingKey: SigningKey,
  request: MintRequest,
  dependencies: MintDependencies,
): Promise<string> {
  const problems = mintProblems(request);
  if (problems.length > 0) throw new ServiceError('ARGUMENT_INVALID', problems.join('; '));
  const payload = claimsOf(request, dependencies);
  const token = await new CompactSign(new TextEncoder().encode(JSON.stringify(payload)))
    .setProtectedHeader({ alg: signingKey.alg, typ: TOKEN_TYPE, kid: signingKey.kid })
    .sign(signingKey.key);
  if (token.length <= MAX_TOKEN_BYTES) return token;
  const size = `the token would have ${token.length} bytes; verifiers take at most ${MAX_TOKEN_BYTES}`;
  throw new ServiceError('ARGUMENT_INVALID', `${size}: ask for fewer capabilities and grants, or wider ones`);
}

/** The operator's handshake: good for one server, for one minute, and for nothing but asking who it is. */
export function mintProbeToken(
  signingKey: SigningKey,
  probe: { readonly iss: string; readonly sub: string; readonly serverName: string },
  dependencies: MintDependencies,
): Promise<string> {
  const { iss, sub, serverName } = probe;
  const grants = [{ method: 'ServiceInfo.GetCard', resource: [serverName] }];
  return mintToken(
    signingKey,
    { iss, sub, aud: [serverName], grants, ttlSeconds: PROBE_LIFETIME_SECONDS },
    dependencies,
  );
}

/** Checked once more by the verifier's own rules, so that no token leaves that it would refuse. */
function claimsOf(request: MintRequest, dependencies: MintDependencies): object {
  const { iss, sub, aud, capabilities, grants, tid, txn, ttlSeconds = DEFAULT_LIFETIME_SECONDS } = request;
  const iat = Math.floor(dependencies.clock.nowMs() / 1000);
  const jti = Buffer.from((dependencies.randomBytes ?? randomBytes)(16)).toString('base64url');
  const claims = { iss, sub, aud, capabilities, grants, tid, txn, iat, exp: iat + ttlSeconds, jti };
  try {
    parseRootClaims(claims);
  } catch (error) {
    throw error instanceof ServiceError ? new ServiceError('ARGUMENT_INVALID', error.message) : error;
  }
  return claims;
}
