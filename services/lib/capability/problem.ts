/**
 * Why text that a person wrote cannot be granted, in a sentence that says what to write instead.
 *
 * Stricter than what a verifier accepts: it lets a misspelt entry match nothing, here it is refused.
 */
import { compileCapability, NAMESPACES } from './capability.ts';
import { readGrant } from './grant.ts';
import { quote } from './name.ts';
import type { ParameterConstraint } from './parameter-constraint.ts';
import { compareDecimals } from './parameter-value.ts';
import { compilePattern, ONE, type Pattern } from './pattern.ts';
import { isMethod } from './resource.ts';
import { parseServerNamePattern } from './server-name-pattern.ts';

const NAME_PATTERN_RULE =
  'a server name, or at least 3 of its characters ending in "_", "-" or "." and then "*", such as "InventoryDB_*"';

/** @returns undefined when the capability may be granted. */
export function capabilityProblem(
  text: string,
  options: { readonly allowEverything?: boolean } = {},
): string | undefined {
  if (compileCapability(text) !== undefined) {
    const pattern = compilePattern(text);
    if (options.allowEverything || pattern === undefined || !isEverything(pattern)) return undefined;
    return `${quote(text)} grants everything; name what is meant, for example "db:inventory:read" or "tool:*"`;
  }
  if (text.startsWith('registry:register:')) return `after "registry:register:" write "*" or ${NAME_PATTERN_RULE}`;
  const problem = patternProblem(text);
  if (problem !== undefined) return problem;
  return `${quote(text)} begins with an unknown namespace; use one of ${NAMESPACES.join(', ')}`;
}

/** @returns undefined when the text is a legal pattern. */
export function patternProblem(text: string): string | undefined {
  if (compilePattern(text) !== undefined) return undefined;
  const [wildcard] = text.split(':').filter((segment) => segment !== ONE && segment.includes(ONE));
  if (wildcard !== undefined) {
    return `${quote(text)} has "*" inside the segment ${quote(wildcard)}; a whole segment may be "*", a part of one may not`;
  }
  const rule =
    '1 to 16 segments of A-Z a-z 0-9 _ . @ = + ~ - joined by ":", each "*" or beginning with a letter, digit or _';
  return `${quote(text)} is not a pattern; use ${rule}`;
}

/** @returns undefined when the text is a server name or a legal prefix of some. */
export function audienceProblem(text: string): string | undefined {
  return parseServerNamePattern(text) ? undefined : `${quote(text)} is not an audience; use ${NAME_PATTERN_RULE}`;
}

/** @returns undefined when the grant may be granted. */
export function grantProblem(value: unknown): string | undefined {
  const grant = readGrant(value);
  if (typeof grant === 'string') return grant;
  if (!isMethod(grant.method)) return `${quote(grant.method)} is no method; methods look like "ContextTool.InvokeTool"`;
  const { resource } = value as { readonly resource: readonly string[] };
  if (resource.length === 0) return 'resource is empty, so the grant would permit nothing';
  const problem = resource.map(patternProblem).find((each) => each !== undefined);
  return problem ?? [...(grant.params ?? [])].map(constraintProblem).find((each) => each !== undefined);
}

/** Operands that are well-formed and yet let no value through. */
function constraintProblem([name, { operators }]: readonly [string, ParameterConstraint]): string | undefined {
  for (const operator of operators) {
    if (operator.kind === 'pattern' && operator.pattern === undefined) return `params.${name}: pattern is no pattern`;
    if (operator.kind === 'in' && operator.values.length === 0) return `params.${name}: in is empty`;
    if (operator.kind !== 'range' || !operator.min || !operator.max) continue;
    if (compareDecimals(operator.min, operator.max) > 0) return `params.${name}: min of range is above max`;
  }
  return undefined;
}

/** "*", and "*:*" or "*:*:*" too: few rights have fewer segments. */
function isEverything(pattern: Pattern): boolean {
  return pattern.hasRest && pattern.atoms.every((atom) => atom === ONE);
}
