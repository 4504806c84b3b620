/**
 * Structured grants: one method, the resources it may touch, and what its arguments may be.
 *
 * One grant must permit the whole call: arguments allowed by two grants never combine. `params` absent means any
 * arguments; `params` present is a closed set, and `{}` means none. Whatever a grant says that we do not understand
 * voids it as a whole, because an ignored restriction would be a wider right.
 */
import { isParameterName, quote } from './name.ts';
import {
  constraintAccepts,
  constraintContains,
  type ParameterConstraint,
  parseConstraint,
} from './parameter-constraint.ts';
import { compilePattern, contains, type Pattern } from './pattern.ts';

export interface Grant {
  /** `Service.Method`, exact: there are no wildcard methods. */
  readonly method: string;
  /** Patterns outside the grammar are left out: they match nothing. */
  readonly resource: readonly Pattern[];
  readonly params: ReadonlyMap<string, ParameterConstraint> | undefined;
}

/** The arguments of a call, as a map or as the plain object that protobuf decodes a map into. */
export type Arguments = ReadonlyMap<string, Uint8Array> | Readonly<Record<string, Uint8Array>>;

export const MAX_GRANTS = 32;
export const MAX_GRANT_PARAMETERS = 32;

const METHOD = /^[A-Z][A-Za-z0-9]{0,63}\.[A-Z][A-Za-z0-9]{0,63}$/;

/** @returns undefined when the grant is void: an unknown member or operator, or a wrong type. */
export function parseGrant(value: unknown): Grant | undefined {
  const grant = readGrant(value);
  return typeof grant === 'string' ? undefined : grant;
}

/** As `parseGrant`, but says why a grant is void. */
export function readGrant(value: unknown): Grant | string {
  if (!isRecord(value)) return 'must be an object {"method", "resource", "params"}';
  const { method, resource, params, ...unknown } = value;
  const [member] = Object.keys(unknown);
  if (member !== undefined) return `has the unknown member ${quote(member)}; a grant has method, resource and params`;
  if (typeof method !== 'string' || !METHOD.test(method))
    return 'method must be one "Service.Method", without wildcard';
  if (!Array.isArray(resource) || !resource.every((entry) => typeof entry === 'string')) {
    return 'resource must be a list of patterns';
  }
  const patterns = resource.map(compilePattern).filter((pattern) => pattern !== undefined);
  if (!Object.hasOwn(value, 'params')) return { method, resource: patterns, params: undefined };
  const constraints = readParameters(params);
  return typeof constraints === 'string' ? constraints : { method, resource: patterns, params: constraints };
}

/**
 * True when the grant covers the method on the resource, whatever the arguments. `resource` undefined is a call
 * without one (a multimodal session of no kind): only the bare "*" covers it.
 */
export function grantCovers(grant: Grant, method: string, resource: Pattern | undefined): boolean {
  if (grant.method !== method) return false;
  return grant.resource.some((pattern) =>
    resource === undefined ? pattern.hasRest && pattern.atoms.length === 0 : contains(pattern, resource),
  );
}

/** The first parameter that the grant does not allow as it is, or undefined when all are allowed. */
export function refusedParameter(grant: Grant, args: Arguments | undefined): string | undefined {
  if (grant.params === undefined) return undefined;
  const present = args instanceof Map ? args : new Map(Object.entries(args ?? {}));
  for (const [name, value] of present) {
    const constraint = grant.params.get(name);
    if (constraint === undefined || !constraintAccepts(constraint, value)) return name;
  }
  for (const [name, constraint] of grant.params) {
    if (constraint.required && !present.has(name)) return name;
  }
  return undefined;
}

/** True when every call that `child` permits is also permitted by `parent`. May be false although it is so. */
export function grantContains(parent: Grant, child: Grant): boolean {
  if (parent.method !== child.method) return false;
  if (!child.resource.every((wanted) => parent.resource.some((held) => contains(held, wanted)))) return false;
  if (parent.params === undefined) return true;
  return child.params !== undefined && parametersContain(parent.params, child.params);
}

function parametersContain(
  parent: ReadonlyMap<string, ParameterConstraint>,
  child: ReadonlyMap<string, ParameterConstraint>,
): boolean {
  for (const [name, constraint] of child) {
    const allowed = parent.get(name);
    if (allowed === undefined || !constraintContains(allowed, constraint)) return false;
  }
  return [...parent].every(([name, constraint]) => !constraint.required || child.has(name));
}

function readParameters(value: unknown): ReadonlyMap<string, ParameterConstraint> | string {
  if (!isRecord(value)) return 'params must be an object of parameter names; {"filter": {}} allows any filter';
  const entries = Object.entries(value);
  if (entries.length > MAX_GRANT_PARAMETERS) return `params has more than ${MAX_GRANT_PARAMETERS} parameters`;
  const constraints = new Map<string, ParameterConstraint>();
  for (const [name, operators] of entries) {
    if (!isParameterName(name)) return `params has ${quote(name)}, which is no parameter name`;
    const constraint = parseConstraint(operators);
    if (typeof constraint === 'string') return `params.${name}: ${constraint}`;
    constraints.set(name, constraint);
  }
  return constraints;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
