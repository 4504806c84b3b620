/**
 * The search behind Lookup: which endpoints answer a query and may be seen by the caller, one page of them.
 *
 * A server that matches but has no SERVING endpoint takes a place on the page as well, so that the list of those names
 * is bounded and complete like the endpoints.
 */
import { overlaps, type Pattern } from '#lib/capability/pattern.ts';
import type { Endpoint } from '#lib/store/servers.ts';
import type { LookupQuery } from './lookup-query.ts';
import { PageSelection, type Position } from './paging.ts';
import type { Registration } from './registration.ts';
import type { RegistrationTable } from './registration-table.ts';

export interface FoundEndpoint extends Position {
  readonly registration: Registration;
  readonly endpoint: Endpoint;
}

export interface SearchResult {
  /** In no order. */
  readonly endpoints: readonly FoundEndpoint[];
  /** Names of servers without a SERVING endpoint. */
  readonly notServing: readonly string[];
  /** The last place on this page when another follows. */
  readonly last: Position | undefined;
}

/** One place on a page. */
interface Place extends Position {
  readonly registration: Registration;
  /** Undefined for a server without a SERVING endpoint. */
  readonly endpoint: Endpoint | undefined;
}

type SearchQuery = Omit<LookupQuery, 'clientZone'>;
type Sees = (registration: Registration) => boolean;

export function search(table: RegistrationTable, query: SearchQuery, sees: Sees): SearchResult {
  const page = new PageSelection<Place>(query.after, query.pageSize);
  const named = new Set<string>();
  const isWanted = (registration: Registration) => hasTraits(registration, query) && sees(registration);
  for (const registration of candidates(table, query)) {
    if (!isWanted(registration)) continue;
    const { foldedName, endpoints } = registration;
    for (const endpoint of endpoints) {
      if (!query.includeUnhealthy && endpoint.health !== 'SERVING') continue;
      const { instanceId } = endpoint;
      if (page.wants(foldedName, instanceId)) page.add({ name: foldedName, instanceId, registration, endpoint });
    }
    if (registration.isServing || named.has(foldedName) || !page.wants(foldedName, '')) continue;
    named.add(foldedName);
    if (isServedByAnother(registration)) continue;
    page.add({ name: foldedName, instanceId: '', registration, endpoint: undefined });
  }
  const { items, last } = page.result();
  if (named.size === 0) return { endpoints: items.filter(isEndpoint), notServing: [], last };
  const notServing = items.flatMap((item) => (isEndpoint(item) ? [] : item.registration.serverName));
  return { endpoints: items.filter(isEndpoint), notServing: notServing.sort(), last };

  /** The instances of a server that registered itself are registrations of their own. */
  function isServedByAnother({ foldedName }: Registration): boolean {
    for (const other of table.ofServer(foldedName)) {
      if (other.isServing && offers(other, query) && isWanted(other)) return true;
    }
    return false;
  }
}

function candidates(table: RegistrationTable, query: SearchQuery): Iterable<Registration> {
  const { filters, serverName, mustMatchAll } = query;
  const [first, ...others] = filters;
  if (first === undefined) return [];
  if (serverName !== undefined) return where(table.ofServer(serverName), (found) => offers(found, query));
  const found = table.find(first);
  if (others.length === 0) return found;
  if (mustMatchAll) return where(found, (registration) => others.every((filter) => offersOne(registration, filter)));
  const union = new Set(found);
  for (const filter of others) for (const registration of table.find(filter)) union.add(registration);
  return union;
}

function offers(registration: Registration, { filters, mustMatchAll }: SearchQuery): boolean {
  const offersThis = (filter: Pattern) => offersOne(registration, filter);
  return mustMatchAll ? filters.every(offersThis) : filters.some(offersThis);
}

function offersOne({ capabilities }: Registration, filter: Pattern): boolean {
  return capabilities.some((capability) => overlaps(capability, filter));
}

function hasTraits({ tags, version }: Registration, query: SearchQuery): boolean {
  for (const [key, value] of query.tags) {
    if (!Object.hasOwn(tags, key) || tags[key] !== value) return false;
  }
  // No range contains "" or what is no semantic version.
  return query.versions === undefined || query.versions.test(version);
}

function* where(registrations: Iterable<Registration>, accept: (registration: Registration) => boolean) {
  for (const registration of registrations) if (accept(registration)) yield registration;
}

function isEndpoint(place: Place): place is FoundEndpoint {
  return place.endpoint !== undefined;
}
