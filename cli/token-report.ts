/**
 * What a token says and whether it holds, for people. Pure but for the verifier that is handed in.
 *
 * Reading a token needs no key: its claims are shown in any case, and the signature is checked where the issuer's
 * public keys are at hand.
 */
import { audienceProblem, capabilityProblem, grantProblem } from '#lib/capability/problem.ts';
import { ServiceError } from '#lib/errors.ts';
import { parseRootClaims, type RootClaims } from '#lib/token/claims.ts';
import { type CompactToken, parseCompact } from '#lib/token/compact.ts';
import type { TokenVerifier } from '#lib/token/verify.ts';
import { formatTable } from './text/table.ts';
import { formatDistance } from './text/time.ts';

export interface TokenReport {
  readonly header: Pick<CompactToken, 'alg' | 'typ' | 'kid'>;
  readonly claims: CompactToken['payload'];
  readonly signature: 'valid' | 'invalid' | 'unchecked';
  /** Why a server would refuse it, or what in it has no effect. */
  readonly problems: readonly string[];
  /** Why a server would refuse it whatever is asked. */
  readonly isUsable: boolean;
}

/** @param verifier Undefined when no keys are at hand. @throws ServiceError for text that is no token at all. */
export async function reportToken(
  text: string,
  verifier: TokenVerifier | undefined,
  nowMs: number,
): Promise<TokenReport> {
  const { payload: claims, ...header } = parseCompact(text);
  const refusal = await refusalOf(() => verifier?.verify(text));
  const shape = await refusalOf(() => parseRootClaims(claims));
  const time = shape === undefined ? timeProblem(parseRootClaims(claims), nowMs) : undefined;
  const fatal = [refusal?.message, shape?.message, time].filter((problem) => problem !== undefined);
  return {
    header,
    claims,
    signature: signatureOf(verifier, refusal),
    problems: [...new Set([...fatal, ...withoutEffect(claims)])],
    isUsable: fatal.length === 0,
  };
}

export function formatReport({ header, claims, signature, problems }: TokenReport, nowMs: number): string[] {
  const rows: [string, string][] = [
    ['issuer', show(claims.iss)],
    ['subject', show(claims.sub)],
    ['audience', [claims.aud].flat().map(show).join(', ')],
    ...listOf(claims.capabilities).map((capability): [string, string] => ['capability', show(capability)]),
    ...listOf(claims.grants).map((grant): [string, string] => ['grant', show(grant)]),
    ['issued', showTime(claims.iat, nowMs)],
    ...(claims.nbf === undefined ? [] : [['not before', showTime(claims.nbf, nowMs)] as [string, string]]),
    ['expires', showTime(claims.exp, nowMs)],
    ['id', show(claims.jti)],
    ['key', `${header.kid ?? 'no kid'} (${header.alg})`],
    ['signature', signature],
    ...problems.map((problem): [string, string] => ['problem', problem]),
  ];
  return formatTable(['CLAIM', 'VALUE'], rows);
}

async function refusalOf(act: () => unknown): Promise<ServiceError | undefined> {
  try {
    await act();
    return undefined;
  } catch (error) {
    if (error instanceof ServiceError) return error;
    throw error;
  }
}

/** Expired or not yet valid tokens were verified first: the verifier asks about the signature before the time. */
function signatureOf(verifier: TokenVerifier | undefined, refusal: ServiceError | undefined): TokenReport['signature'] {
  if (verifier === undefined) return 'unchecked';
  if (refusal === undefined) return 'valid';
  const isAboutTime = refusal.reason === 'TOKEN_EXPIRED' || refusal.reason === 'TOKEN_NOT_YET_VALID';
  return isAboutTime ? 'valid' : 'invalid';
}

function timeProblem({ exp, iat, nbf }: RootClaims, nowMs: number): string | undefined {
  if (nowMs >= exp * 1000) return 'the token has expired; get a new one';
  if (nowMs < Math.max(iat, nbf ?? 0) * 1000)
    return 'the token is not valid yet; compare the clocks of issuer and server';
  return undefined;
}

/** A verifier lets entries that mean nothing match nothing, so nobody would hear of them. */
function withoutEffect({ aud, capabilities, grants }: CompactToken['payload']): string[] {
  return [
    ...listOf([aud].flat()).map((entry) => audienceProblem(String(entry))),
    ...listOf(capabilities).map((entry) => capabilityProblem(String(entry), { allowEverything: true })),
    ...listOf(grants).map((entry, i) => {
      const problem = grantProblem(entry);
      return problem === undefined ? undefined : `grant ${i + 1} ${problem}`;
    }),
  ].filter((problem) => problem !== undefined);
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function show(value: unknown): string {
  if (value === undefined) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function showTime(seconds: unknown, nowMs: number): string {
  const ms = Number(seconds) * 1000;
  if (typeof seconds !== 'number' || Number.isNaN(new Date(ms).getTime())) return show(seconds);
  return `${new Date(ms).toISOString().replace('.000', '')} (${formatDistance(nowMs, ms)})`;
}
