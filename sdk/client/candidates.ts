/**
 * The endpoints that one call may go to: those that were found, less those that were tried, and, once it may have been
 * carried out somewhere, only where that does no harm.
 */
import type { EndpointDescriptor__Output as Endpoint } from '#protos/generated/mcp2/EndpointDescriptor.ts';
import { chooseEndpoint } from './endpoint-choice.ts';
import type { EndpointPool } from './endpoint-pool.ts';

/**
 * Where a call may be sent that may have been carried out: to any server; to the replicas of the one that had it; to the
 * very process that had it.
 */
export type Repeat = 'anywhere' | 'same server' | 'same endpoint' | 'nowhere';

export interface CandidateDependencies {
  readonly pool: Pick<EndpointPool, 'peek'>;
  readonly zone: string;
  readonly random: () => number;
}

export class Candidates {
  readonly #dependencies: CandidateDependencies;
  readonly #triedUrls = new Set<string>();
  readonly #order: string[] = [];
  #known: readonly Endpoint[];
  /** Nothing else is asked for once it is known. */
  #isFinal = false;
  #last: Endpoint | undefined;

  constructor(known: readonly Endpoint[], dependencies: CandidateDependencies) {
    this.#known = known;
    this.#dependencies = dependencies;
  }

  /** In order, as "name at host:port". */
  get tried(): readonly string[] {
    return this.#order;
  }

  get last(): Endpoint | undefined {
    return this.#last;
  }

  get hasFresh(): boolean {
    return this.#fresh().length > 0;
  }

  /** All of them have failed: the registry may know others by now. */
  get areUsedUp(): boolean {
    return !this.#isFinal && this.#triedUrls.size > 0 && !this.hasFresh;
  }

  replace(known: readonly Endpoint[]): void {
    this.#known = known;
  }

  /** @returns false when there is none. */
  confine(repeat: Repeat): boolean {
    const { last } = this;
    if (repeat === 'anywhere') return true;
    if (repeat === 'nowhere' || last === undefined) return false;
    const isFit = ({ server_name, grpc_url }: Endpoint) =>
      server_name === last.server_name && (repeat === 'same server' || grpc_url === last.grpc_url);
    this.#known = this.#known.filter(isFit);
    this.#isFinal = true;
    return this.#known.length > 0;
  }

  /** One that was not tried before, as long as there is one. */
  choose(): Endpoint | undefined {
    const { pool, zone, random } = this.#dependencies;
    const fresh = this.#fresh();
    const candidates = (fresh.length > 0 ? fresh : this.#known).map((endpoint) => {
      const { latencyMs, inFlight = 0, breaker } = pool.peek(endpoint) ?? {};
      return { endpoint, latencyMs, inFlight, isCallable: breaker?.isCallable ?? true };
    });
    const endpoint = chooseEndpoint(candidates, { zone, random })?.endpoint;
    if (endpoint === undefined) return undefined;
    this.#last = endpoint;
    this.#triedUrls.add(endpoint.grpc_url);
    this.#order.push(`${endpoint.server_name} at ${endpoint.grpc_url}`);
    return endpoint;
  }

  #fresh(): readonly Endpoint[] {
    return this.#known.filter((endpoint) => !this.#triedUrls.has(endpoint.grpc_url));
  }
}
