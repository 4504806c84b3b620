/**
 * A Lookup request, checked: what is searched, who among the found is wanted, and which page.
 *
 * Everything is refused before anything is searched, so that a malformed request gets one answer whatever exists.
 */
import semver from 'semver';
import { foldServerName, quote, requireServerName } from '#lib/capability/name.ts';
import { ONE, type Pattern } from '#lib/capability/pattern.ts';
import { ServiceError } from '#lib/errors.ts';
import { FilterMode } from '#protos/generated/mcp2/FilterMode.ts';
import type { LookupRequest__Output } from '#protos/generated/mcp2/LookupRequest.ts';
import { decodePageToken, hashFilter, MAX_PAGE_SIZE, type Position } from './paging.ts';
import { checkTags, MAX_TAG_VALUE_CHARACTERS, TAG_VALUE } from './tags.ts';

export const MAX_FILTERS = 64;
/** Each may find every server there is: 64 of them among 100,000 servers would take seconds, in which nobody is answered. */
export const MAX_WILDCARD_FILTERS = 8;
/** Of a version and of a range: parsing is quadratic in the worst case (npm's own limit is 256). */
export const MAX_VERSION_CHARACTERS = 64;

/** What a request asks, without who asks. */
export type AnonymousRequest = Omit<LookupRequest__Output, 'requester_token'>;

export interface LookupQuery {
  readonly filters: readonly Pattern[];
  readonly mustMatchAll: boolean;
  /** Folded; undefined = any server. */
  readonly serverName: string | undefined;
  readonly tags: readonly (readonly [string, string])[];
  /** Undefined = any version, none included. */
  readonly versions: semver.Range | undefined;
  readonly includeUnhealthy: boolean;
  readonly clientZone: string;
  readonly pageSize: number;
  readonly after: Position | undefined;
}

/** Before each filter is looked at. @throws ServiceError FILTER_INVALID */
export function requireFewFilters({
  capability_filter: filters,
}: Pick<LookupRequest__Output, 'capability_filter'>): void {
  if (filters.length > MAX_FILTERS) {
    throw new ServiceError('FILTER_INVALID', `${filters.length} filters; at most ${MAX_FILTERS} in one call`);
  }
  const wildcards = filters.filter((filter) => filter.includes(ONE)).length;
  if (wildcards <= MAX_WILDCARD_FILTERS) return;
  const message = `${wildcards} filters with "*"; at most ${MAX_WILDCARD_FILTERS} in one call`;
  throw new ServiceError('FILTER_INVALID', message);
}

/**
 * The filters were compiled when they were authorised.
 *
 * @throws ServiceError TAG_INVALID, NAME_INVALID, PAGE_TOKEN_INVALID, or ARGUMENT_INVALID for anything else.
 */
export function readQuery(request: LookupRequest__Output, filters: readonly Pattern[]): LookupQuery {
  return {
    filters,
    mustMatchAll: readMode(request.mode),
    serverName: readServerName(request.server_name),
    tags: checkTags(request.tag_selector, 'tag_selector'),
    versions: readVersions(request.version_constraint),
    includeUnhealthy: request.include_unhealthy,
    clientZone: readZone(request.client_zone),
    pageSize: Math.min(request.page_size === 0 ? MAX_PAGE_SIZE : request.page_size, MAX_PAGE_SIZE),
    after: request.page_token === '' ? undefined : decodePageToken(request.page_token, hashQuery(request)),
  };
}

/** What must stay the same from page to page. Zone and page size may change: they choose no endpoint. */
export function hashQuery(request: AnonymousRequest): string {
  const { capability_filter, mode, server_name, tag_selector, version_constraint, include_unhealthy } = request;
  return hashFilter({ capability_filter, mode, server_name, tag_selector, version_constraint, include_unhealthy });
}

function readMode(mode: FilterMode): boolean {
  if (mode === FilterMode.FILTER_MODE_ALL) return true;
  if (mode === FilterMode.FILTER_MODE_ANY) return false;
  throw new ServiceError('ARGUMENT_INVALID', `mode ${mode} is unknown; use FILTER_MODE_ANY or FILTER_MODE_ALL`);
}

function readServerName(name: string): string | undefined {
  if (name === '') return undefined;
  requireServerName(name, 'server_name');
  return foldServerName(name);
}

function readVersions(constraint: string): semver.Range | undefined {
  if (constraint === '') return undefined;
  const problem = constraint.length > MAX_VERSION_CHARACTERS || !/^[\x20-\x7e]*$/.test(constraint);
  const range = problem ? undefined : parseRange(constraint);
  if (range !== undefined) return range;
  const rule = `a range of at most ${MAX_VERSION_CHARACTERS} characters in the syntax of npm, for example "^1.4"`;
  throw new ServiceError('ARGUMENT_INVALID', `version_constraint ${quote(constraint)} is not allowed: write ${rule}`);
}

function parseRange(text: string): semver.Range | undefined {
  try {
    return new semver.Range(text);
  } catch {
    return undefined; // semver throws TypeError for what it cannot parse
  }
}

function readZone(zone: string): string {
  if (TAG_VALUE.test(zone)) return zone;
  const rule = `at most ${MAX_TAG_VALUE_CHARACTERS} printable ASCII characters`;
  throw new ServiceError('ARGUMENT_INVALID', `client_zone ${quote(zone)} is not allowed: use ${rule}`);
}
