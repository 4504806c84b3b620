/**
 * Answers to Lookup, made once and sent until something changes: ready but for the order of the endpoints, which is drawn
 * for each call.
 */
import type { Clock } from '#lib/clock.ts';
import type { LookupResponse } from '#protos/generated/mcp2/LookupResponse.ts';
import type { Caller } from './caller.ts';
import { type AnonymousRequest, hashQuery, type LookupQuery } from './lookup-query.ts';
import type { ObservedLatency } from './observed-latency.ts';
import { encodePageToken } from './paging.ts';
import { drawOrder, type Ranked, rank } from './ranking.ts';
import type { RegistrationIndex } from './registration-index.ts';
import { type FoundEndpoint, type SearchResult, search } from './search.ts';

/** How long a client may reuse an answer. Half the shortest lease, so that a dead instance is not called for long. */
const CACHE_TTL_MS = 5_000;
/** The same for an answer without endpoints: whoever waits for a server to come up should see it soon. */
const EMPTY_CACHE_TTL_MS = 1_000;
/** A page is cut before it grows beyond what clients take, 4 MiB: a server may say a lot of itself, and must hide nobody. */
const MAX_PAGE_BYTES = 3 * 1024 * 1024;
/** How late an answer may tell what changes without the index: staleness, observed latencies, the end of leases. */
const MAX_AGE_MS = 1_000;

export interface AnswerSources {
  readonly index: Pick<RegistrationIndex, 'table' | 'revision' | 'edition'>;
  readonly latency: Pick<ObservedLatency, 'medianMs'>;
  readonly staleness: { readonly isStale: boolean };
  readonly clock: Pick<Clock, 'nowMs' | 'monotonicMs'>;
  /** Of the loaded service definition. */
  readonly encode: (response: LookupResponse) => Buffer;
}

export interface Question {
  readonly caller: Caller;
  readonly query: LookupQuery;
  /** What the query was read from. */
  readonly request: AnonymousRequest;
}

export class Answer {
  readonly endpointCount: number;
  readonly byteLength: number;
  /** Of the index that it was made from. */
  readonly edition: number;
  readonly madeAtMs: number;
  readonly #endpoints: readonly Ranked<Buffer>[];
  readonly #rest: Buffer;

  constructor(endpoints: readonly Ranked<Buffer>[], rest: Buffer, made: Pick<Answer, 'edition' | 'madeAtMs'>) {
    this.endpointCount = endpoints.length;
    this.byteLength = endpoints.reduce((sum, { item }) => sum + item.length, rest.length);
    this.edition = made.edition;
    this.madeAtMs = made.madeAtMs;
    this.#endpoints = endpoints;
    this.#rest = rest;
  }

  /** @param random Uniform in [0, 1). */
  encode(random: () => number): Buffer {
    const parts = drawOrder(this.#endpoints, random);
    // A message is its fields in any order: encoded parts joined are the encoding of the whole.
    parts.push(this.#rest);
    return Buffer.concat(parts, this.byteLength);
  }
}

export class Answers {
  readonly #sources: AnswerSources;

  constructor(sources: AnswerSources) {
    this.#sources = sources;
  }

  /** False when another answer has to be made. `nowMs` is monotonic. */
  isCurrent({ edition, madeAtMs }: Answer, nowMs: number): boolean {
    return edition === this.#sources.index.edition && nowMs - madeAtMs < MAX_AGE_MS;
  }

  make(question: Question): Answer {
    for (let { pageSize } = question.query; ; pageSize = Math.ceil(pageSize / 4)) {
      const page = this.#makePage({ ...question, query: { ...question.query, pageSize } });
      if (page.byteLength <= MAX_PAGE_BYTES || pageSize === 1) return page;
    }
  }

  #makePage({ caller, query, request }: Question): Answer {
    const { index, latency, clock } = this.#sources;
    const found = search(index.table, query, (registration) => caller.sees(registration));
    const latencyOf = ({ name }: FoundEndpoint) => latency.medianMs(name);
    const nowMs = clock.nowMs();
    const endpoints = rank(found.endpoints, { clientZone: query.clientZone, latencyOf }).map(({ item, ...place }) => {
      const { registration, endpoint } = item;
      return { ...place, item: caller.frameOf(registration, endpoint, { latencyMs: latencyOf(item), nowMs }) };
    });
    const made = { edition: index.edition, madeAtMs: clock.monotonicMs() };
    return new Answer(endpoints, this.#encodeRest(found, request), made);
  }

  #encodeRest({ endpoints, notServing, last }: SearchResult, request: AnonymousRequest): Buffer {
    const { index, staleness, encode } = this.#sources;
    return encode({
      next_page_token: last === undefined ? '' : encodePageToken(last, hashQuery(request)),
      revision: index.revision,
      stale: staleness.isStale,
      cache_ttl_ms: endpoints.length === 0 ? EMPTY_CACHE_TTL_MS : CACHE_TTL_MS,
      not_serving: [...notServing],
    });
  }
}
