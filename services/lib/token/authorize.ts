/**
 * May this token make this call? The rule that composes a token's sections, and nothing about time or signatures.
 *
 * A call is allowed when the `capabilities` section, where there is one, has an entry that covers it, AND the `grants`
 * section, where there is one, has a grant that permits the whole of it. Each section narrows; adding one never widens.
 */
import { audienceMatches } from '#lib/capability/audience.ts';
import { type Arguments, grantCovers, refusedParameter } from '#lib/capability/grant.ts';
import { quote } from '#lib/capability/name.ts';
import type { Pattern } from '#lib/capability/pattern.ts';
import { requiredCapabilities } from '#lib/capability/required.ts';
import { compileFilter, compileResource, type Method } from '#lib/capability/resource.ts';
import { ServiceError } from '#lib/errors.ts';
import type { VerifiedToken } from './verified-token.ts';

export interface Call {
  readonly method: Method;
  /** Context key, tool, stream, session kind (or ''), topic, server name or filter, as the method has it. */
  readonly resource: Pattern | string;
  /** The arguments, for methods that have some. */
  readonly params?: Arguments | undefined;
}

/**
 * RFC 7519 Section 4.1.3. Not for Lookup and Watch, where the audience filters the answer instead.
 *
 * @throws ServiceError AUDIENCE_MISMATCH
 */
export function requireAudience(token: VerifiedToken, serverName: string): void {
  if (audienceMatches(token.audience, serverName)) return;
  throw new ServiceError('AUDIENCE_MISMATCH', `the token is not meant for server ${quote(serverName)}`);
}

/**
 * @throws ServiceError CAPABILITY_DENIED naming what would have been enough; NAME_INVALID or FILTER_INVALID for a
 *   resource outside its grammar
 */
export function authorize(token: VerifiedToken, call: Call): void {
  const resource = compileResource(call.method, call.resource);
  requireCapability(token, call.method, resource);
  requireGrant(token, call.method, resource, call.params);
}

export interface Family {
  /** Every capability of the family, for example "event:subscribe:*". */
  readonly pattern: Pattern;
  /** A grant of any of these is one of it. */
  readonly methods: readonly Method[];
}

/**
 * For what any right of a family is enough for, whatever its resource: to be told that something does not exist.
 *
 * @throws ServiceError CAPABILITY_DENIED
 */
export function requireSomeRight(token: VerifiedToken, { pattern, methods }: Family): void {
  const byCapability = token.capabilities === undefined || token.capabilities.overlaps(pattern);
  const byGrant =
    token.grants === undefined || token.grants.some((grant) => methods.some((method) => method === grant.method));
  if (byCapability && byGrant) return;
  throw new ServiceError('CAPABILITY_DENIED', `the token holds no right of ${pattern.text}`);
}

/** The methods that search; for each of them the filter is the resource. */
export type SearchMethod = 'Discovery.Lookup' | 'Discovery.Watch';

/**
 * The filters of a search, compiled, when the token may search for every one of them. One that it may not fails the
 * whole call: an answer for the others would tell which filters it may use.
 *
 * @throws ServiceError CAPABILITY_DENIED or FILTER_INVALID
 */
export function authorizeLookup(
  token: VerifiedToken,
  filters: readonly string[],
  method: SearchMethod = 'Discovery.Lookup',
): readonly Pattern[] {
  const compiled = filters.map((filter) => compileFilter('filter', filter));
  for (const filter of compiled) authorize(token, { method, resource: filter });
  return compiled;
}

/** Whether a search for exactly this capability would be allowed; what an answer may show is cut by it. */
export function couldLookUp(
  token: VerifiedToken,
  capability: Pattern,
  method: SearchMethod = 'Discovery.Lookup',
): boolean {
  return hasCapability(token, method, capability) && hasGrant(token, method, capability, undefined);
}

/** Throws unless some entry of the `capabilities` section covers one of `required`. */
export function requireAnyOf(token: VerifiedToken, required: readonly Pattern[]): void {
  const held = token.capabilities;
  if (held === undefined || required.some((pattern) => held.covers(pattern))) return;
  throw denied(required);
}

/** Throws unless some grant of the `grants` section permits the whole call. */
export function requireGrant(
  token: VerifiedToken,
  method: Method,
  resource: Pattern | undefined,
  params: Arguments | undefined,
): void {
  if (hasGrant(token, method, resource, params)) return;
  const covering = token.grants?.find((grant) => grantCovers(grant, method, resource));
  const parameter = covering && refusedParameter(covering, params);
  const target = resource ? `${method} on ${quote(resource.text)}` : method;
  const detail = parameter === undefined ? '' : ` with the parameter ${quote(parameter)} as it is`;
  throw new ServiceError('CAPABILITY_DENIED', `no grant of the token permits ${target}${detail}`, {
    metadata: { method, ...(resource && { resource: resource.text }) },
  });
}

function requireCapability(token: VerifiedToken, method: Method, resource: Pattern | undefined): void {
  if (hasCapability(token, method, resource)) return;
  throw denied(requiredCapabilities(method, resource, token.sub));
}

function hasCapability(token: VerifiedToken, method: Method, resource: Pattern | undefined): boolean {
  const held = token.capabilities;
  if (held === undefined) return true;
  if (method === 'ServiceInfo.GetCard') return !held.isEmpty;
  return requiredCapabilities(method, resource, token.sub).some((required) => held.covers(required));
}

function hasGrant(
  token: VerifiedToken,
  method: Method,
  resource: Pattern | undefined,
  params: Arguments | undefined,
): boolean {
  if (token.grants === undefined) return true;
  return token.grants.some(
    (grant) => grantCovers(grant, method, resource) && refusedParameter(grant, params) === undefined,
  );
}

function denied(required: readonly Pattern[]): ServiceError {
  const [first, ...others] = required.map(({ text }) => quote(text));
  if (first === undefined) return new ServiceError('CAPABILITY_DENIED', 'the token grants no capability at all');
  const alternatives = others.length > 0 ? ` (or ${others.join(', ')})` : '';
  return new ServiceError('CAPABILITY_DENIED', `the token does not grant ${first}${alternatives}`, {
    metadata: { required: required[0]?.text ?? '' },
  });
}
