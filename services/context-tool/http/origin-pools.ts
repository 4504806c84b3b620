/**
 * The pools of all upstreams: by origin, and by whether loopback is allowed, since a redirect from elsewhere must not find
 * a kept connection to this machine.
 */
import type { Clock } from '#lib/clock.ts';
import type { NameLookup } from '#lib/net/dial.ts';
import { ConnectionPool } from './connection-pool.ts';
import { type Connect, createConnect } from './connector.ts';

export interface OriginPoolsOptions {
  /** lib/net/name-lookup.ts: by the system in standalone mode, else by DNS. */
  readonly lookup: NameLookup;
  /** Standalone mode only. */
  readonly allowLoopback: boolean;
  readonly clock: Clock;
  /** PEM, in place of the certificates that Node trusts (and NODE_EXTRA_CA_CERTS). */
  readonly ca?: string | undefined;
  /** To one origin. Default 32. */
  readonly maxConnections?: number;
  /** Calls that wait for a connection to one origin. Default 128. */
  readonly maxWaiting?: number;
}

/** Redirects may lead to any number of origins; pools that nobody uses give way. */
const MAX_POOLS = 64;

export class OriginPools {
  readonly #options: OriginPoolsOptions;
  readonly #pools = new Map<string, ConnectionPool>();
  readonly #connect: Readonly<Record<'loopback' | 'elsewhere', Connect>>;

  constructor(options: OriginPoolsOptions) {
    this.#options = options;
    this.#connect = {
      loopback: createConnect({ ...options, allowLoopback: true }),
      elsewhere: createConnect({ ...options, allowLoopback: false }),
    };
  }

  readonly connections = (): number => this.#sum((pool) => pool.connections);
  readonly waiting = (): number => this.#sum((pool) => pool.waiting);

  of(origin: string, mayReachLoopback: boolean): ConnectionPool {
    const reach = mayReachLoopback ? 'loopback' : 'elsewhere';
    const key = `${reach} ${origin}`;
    const known = this.#pools.get(key);
    if (known !== undefined) return known;
    this.#makeRoom();
    const { clock, maxConnections = 32, maxWaiting = 128 } = this.#options;
    const pool = new ConnectionPool({ origin, connect: this.#connect[reach], clock, maxConnections, maxWaiting });
    this.#pools.set(key, pool);
    return pool;
  }

  close(): void {
    for (const pool of this.#pools.values()) pool.close();
  }

  /** Pools in use stay, so that there may be more for a while: as many as calls that run. */
  #makeRoom(): void {
    if (this.#pools.size < MAX_POOLS) return;
    const unused = [...this.#pools].find(([, pool]) => pool.isUnused);
    if (unused === undefined) return;
    this.#pools.delete(unused[0]);
    unused[1].close();
  }

  #sum(read: (pool: ConnectionPool) => number): number {
    return [...this.#pools.values()].reduce((sum, pool) => sum + read(pool), 0);
  }
}
