/** Every page of a lookup, for every token it takes, as one answer. */
import type { EndpointDescriptor__Output } from '#protos/generated/mcp2/EndpointDescriptor.ts';
import type { LookupRequest } from '#protos/generated/mcp2/LookupRequest.ts';
import type { LookupOptions, Mcp2Client } from '#sdk/client/index.ts';

export interface LookupAnswer {
  readonly endpoints: readonly EndpointDescriptor__Output[];
  /** Visible servers that match but have no endpoint that serves. */
  readonly notServing: readonly string[];
  readonly revision: number;
  /** The registry could not confirm that this is current. */
  readonly stale: boolean;
  /** There was more than `limit`. */
  readonly cut: boolean;
}

export type LookupQuery = Omit<LookupRequest, 'requester_token' | 'page_size' | 'page_token'>;

export interface LookupCall {
  readonly client: Pick<Mcp2Client, 'lookup'>;
  readonly tokens: readonly string[];
  readonly query: LookupQuery;
  /** Endpoints at most. */
  readonly limit: number;
  /** For each page. */
  readonly deadlineMs: number;
}

/** The most that the registry gives at once. */
const PAGE_SIZE = 100;
/** A registry that always has another page is none that is worth waiting for. */
const MAX_PAGES = 2_000;

export async function lookUpAll({ client, tokens, query, limit, deadlineMs }: LookupCall): Promise<LookupAnswer> {
  const endpoints = new Map<string, EndpointDescriptor__Output>();
  const notServing = new Set<string>();
  let revision = 0;
  let stale = false;
  let pages = 0;
  // A person waits: what does not answer is said at once.
  const options: LookupOptions = { deadlineMs, failFast: true };
  for (const requester_token of tokens) {
    let page_token = '';
    do {
      pages += 1;
      const request = { ...query, requester_token, page_size: PAGE_SIZE, page_token };
      const answer = await client.lookup(request, options);
      // Two tokens may see one endpoint: audiences can be prefixes.
      for (const endpoint of answer.endpoints) endpoints.set(identityOf(endpoint), endpoint);
      for (const name of answer.not_serving) notServing.add(name);
      revision = Math.max(revision, answer.revision);
      stale ||= answer.stale;
      page_token = answer.next_page_token;
    } while (page_token !== '' && endpoints.size <= limit && pages < MAX_PAGES);
  }
  return {
    endpoints: [...endpoints.values()].slice(0, limit),
    notServing: [...notServing].sort(),
    revision,
    stale,
    cut: endpoints.size > limit || pages >= MAX_PAGES,
  };
}

function identityOf({ server_name, instance_id, grpc_url }: EndpointDescriptor__Output): string {
  return `${server_name} ${instance_id} ${grpc_url}`;
}
