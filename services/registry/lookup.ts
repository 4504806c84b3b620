/**
 * Lookup: who offers this, among the servers that the caller may see?
 *
 * Everything comes from memory, and with a token that was verified before there is no `await` between request and
 * answer; the store may be away.
 */
import type { Clock } from '#lib/clock.ts';
import { ServiceError } from '#lib/errors.ts';
import type { CallContext } from '#lib/grpc/call-context.ts';
import type { UnaryHandler } from '#lib/grpc/unary.ts';
import type { Authenticate } from '#lib/middleware/authenticate.ts';
import type { Revision } from '#lib/store/store.ts';
import type { VerifiedToken } from '#lib/token/verified-token.ts';
import type { LookupRequest__Output } from '#protos/generated/mcp2/LookupRequest.ts';
import type { LookupResponse } from '#protos/generated/mcp2/LookupResponse.ts';
import { Callers } from './caller.ts';
import { hashQuery, type LookupQuery, readQuery, requireFewFilters } from './lookup-query.ts';
import type { ObservedLatency } from './observed-latency.ts';
import { encodePageToken } from './paging.ts';
import { rank } from './ranking.ts';
import type { RegistrationIndex } from './registration-index.ts';
import { type FoundEndpoint, type SearchResult, search } from './search.ts';

/** How long `min_revision` is waited for. */
export const REACH_TIMEOUT_MS = 2_000;
/** How long a client may reuse an answer. Half the shortest lease, so that a dead instance is not called for long. */
const CACHE_TTL_MS = 5_000;
/** The same for an answer without endpoints: whoever waits for a server to come up should see it soon. */
const EMPTY_CACHE_TTL_MS = 1_000;

export interface LookupDependencies {
  readonly authenticate: Authenticate;
  readonly index: RegistrationIndex;
  readonly latency: Pick<ObservedLatency, 'medianMs'>;
  readonly staleness: { readonly isStale: boolean };
  readonly clock: Clock;
  /** Of the loaded service definition. */
  readonly encode: (response: LookupResponse) => Buffer;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Told how many endpoints each answer holds. */
  readonly onAnswer?: (endpoints: number) => void;
}

type Lookup = UnaryHandler<LookupRequest__Output, LookupResponse>;

export function createLookup(dependencies: LookupDependencies): Lookup {
  const { authenticate, index, latency, staleness, clock, random, encode, onAnswer } = dependencies;
  const callers = new Callers((descriptor) => encode({ endpoints: [descriptor] }));
  /** What follows the endpoints of a usual answer, until the next change. */
  let kept: { readonly revision: Revision; readonly stale: boolean; readonly bytes: Buffer } | undefined;
  return function lookup(request, call) {
    const token = authenticate({ token: request.requester_token, proof: request.agent_delegation_proof }, call);
    if (token instanceof Promise) return token.then((verified) => whenReached(verified, request, call));
    return whenReached(token, request, call);
  };

  function whenReached(token: VerifiedToken, request: LookupRequest__Output, call: CallContext) {
    if (!index.isLoaded) throw new ServiceError('STORE_UNAVAILABLE', 'the registry is still loading; try again');
    if (index.has(request.min_revision)) return answer(token, request);
    return index.reach(request.min_revision, REACH_TIMEOUT_MS, call.signal).then(() => answer(token, request));
  }

  function answer(token: VerifiedToken, request: LookupRequest__Output): Buffer {
    requireFewFilters(request);
    const caller = callers.of(token);
    const query = readQuery(request, caller.mayLookUp(request.capability_filter));
    const found = search(index.table, query, (registration) => caller.sees(registration));
    const nowMs = clock.nowMs();
    const frames = inOrder(found.endpoints, query).map(({ registration, endpoint }) =>
      caller.frameOf(registration, endpoint, { latencyMs: latency.medianMs(registration.foldedName), nowMs }),
    );
    // A message is its fields in any order: encoded parts joined are the encoding of the whole.
    frames.push(encodeRest(found, request));
    onAnswer?.(found.endpoints.length);
    return Buffer.concat(frames);
  }

  function inOrder(endpoints: readonly FoundEndpoint[], { clientZone }: LookupQuery): readonly FoundEndpoint[] {
    if (endpoints.length < 2) return endpoints;
    return rank(endpoints, { clientZone, latencyOf, random });
  }

  function latencyOf({ name }: FoundEndpoint): number | undefined {
    return latency.medianMs(name);
  }

  function encodeRest({ endpoints, notServing, last }: SearchResult, request: LookupRequest__Output): Buffer {
    const next_page_token = last === undefined ? '' : encodePageToken(last, hashQuery(request));
    const usual = { revision: index.revision, stale: staleness.isStale };
    if (endpoints.length === 0 || notServing.length > 0 || last !== undefined) {
      const cache_ttl_ms = endpoints.length === 0 ? EMPTY_CACHE_TTL_MS : CACHE_TTL_MS;
      return encode({ ...usual, cache_ttl_ms, next_page_token, not_serving: [...notServing] });
    }
    if (kept?.revision !== usual.revision || kept.stale !== usual.stale) {
      kept = { ...usual, bytes: encode({ ...usual, cache_ttl_ms: CACHE_TTL_MS }) };
    }
    return kept.bytes;
  }
}
