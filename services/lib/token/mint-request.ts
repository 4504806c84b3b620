/** A request for a root token, and what is wrong with it in sentences that say what to write instead, all at once. */
import { MAX_AUDIENCES } from '#lib/capability/audience.ts';
import { MAX_CAPABILITIES } from '#lib/capability/capability.ts';
import { MAX_GRANTS } from '#lib/capability/grant.ts';
import { audienceProblem, capabilityProblem, grantProblem } from '#lib/capability/problem.ts';
import { MAX_LIFETIME_SECONDS } from './claims.ts';

export interface MintRequest {
  readonly iss: string;
  readonly sub: string;
  /** Server names, or prefixes such as "InventoryDB_*". */
  readonly aud: readonly string[];
  readonly capabilities?: readonly string[];
  readonly grants?: readonly unknown[];
  /** Default 900; at most 3600. */
  readonly ttlSeconds?: number;
  readonly tid?: string;
  readonly txn?: string;
  /** Lets capabilities hold "*". Only for whoever may hand out everything. Default false. */
  readonly allowEverything?: boolean;
}

export function mintProblems(request: MintRequest): readonly string[] {
  const { aud, capabilities, grants, ttlSeconds = 1, allowEverything = false } = request;
  const problems: string[] = [];
  if (!Number.isSafeInteger(ttlSeconds) || ttlSeconds < 1 || ttlSeconds > MAX_LIFETIME_SECONDS) {
    problems.push(`ttlSeconds must be a whole number from 1 to ${MAX_LIFETIME_SECONDS}`);
  }
  if (capabilities === undefined && grants === undefined) problems.push('a token needs capabilities or grants');
  if (aud.length < 1 || aud.length > MAX_AUDIENCES) problems.push(`aud needs 1 to ${MAX_AUDIENCES} server names`);
  if ((capabilities?.length ?? 0) > MAX_CAPABILITIES) problems.push(`at most ${MAX_CAPABILITIES} capabilities`);
  if ((grants?.length ?? 0) > MAX_GRANTS) problems.push(`at most ${MAX_GRANTS} grants`);
  problems.push(...each('aud', aud, audienceProblem));
  problems.push(...each('capabilities', capabilities, (text) => capabilityProblem(text, { allowEverything })));
  problems.push(...each('grants', grants, grantProblem));
  return problems;
}

function each<T>(
  what: string,
  values: readonly T[] | undefined,
  problemOf: (value: T) => string | undefined,
): string[] {
  return (values ?? []).flatMap((value, i) => {
    const problem = problemOf(value);
    return problem === undefined ? [] : [`${what}[${i}]: ${problem}`];
  });
}
