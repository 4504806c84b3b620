/**
 * The leases of the embedded store: when each ends, and the timer that ends them.
 *
 * Only the time to live is kept on the disk. The store and what keeps its leases alive stop and start together, so
 * after a restart every lease has its whole time again (etcd does the same after a change of leader), and no time
 * of the wall clock decides anything.
 */
import { randomBytes } from 'node:crypto';
import type { Clock } from '#lib/clock.ts';
import type { Lease } from '../store.ts';
import type { KnownLease } from './requests.ts';

/** How often expired leases are looked for; a lease outlives its time by this much at most. */
const CHECK_INTERVAL_MS = 250;

export interface LeasesOptions {
  readonly clock: Clock;
  /** Writes the lease. */
  grant(leaseId: string, ttlSeconds: number): Promise<void>;
  /** Removes it with its entries; harmless when it is gone. */
  revoke(leaseId: string): Promise<void>;
}

export class EmbeddedLeases {
  readonly #options: LeasesOptions;
  readonly #leases = new Map<string, { readonly ttlMs: number; endsAtMs: number }>();

  constructor(options: LeasesOptions) {
    this.#options = options;
  }

  /** What the database holds; leases that are known already go on as they are. */
  adopt(leases: readonly KnownLease[]): void {
    for (const { id, ttlSeconds } of leases) if (!this.#leases.has(id)) this.#begin(id, ttlSeconds);
  }

  async grant(ttlSeconds: number): Promise<Lease> {
    const id = newLeaseId();
    await this.#options.grant(id, ttlSeconds);
    this.#begin(id, ttlSeconds);
    return { id, ttlSeconds };
  }

  keepAlive(leaseId: string): boolean {
    const lease = this.#leases.get(leaseId);
    const nowMs = this.#options.clock.monotonicMs();
    if (lease === undefined || lease.endsAtMs <= nowMs) return false;
    lease.endsAtMs = nowMs + lease.ttlMs;
    return true;
  }

  async revoke(leaseId: string): Promise<void> {
    const lease = this.#leases.get(leaseId);
    this.#leases.delete(leaseId);
    try {
      await this.#options.revoke(leaseId);
    } catch (error) {
      if (lease !== undefined) this.#leases.set(leaseId, lease);
      throw error;
    }
  }

  /** Ends leases as they expire, until the signal aborts. A disk that refuses is asked again with the next round. */
  async expire(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    while (!signal.aborted) {
      await clock.sleep(CHECK_INTERVAL_MS, signal).catch(() => undefined);
      const nowMs = clock.monotonicMs();
      const expired = [...this.#leases].filter(([, { endsAtMs }]) => endsAtMs <= nowMs);
      if (!signal.aborted) await Promise.allSettled(expired.map(([id]) => this.revoke(id)));
    }
  }

  #begin(leaseId: string, ttlSeconds: number): void {
    const ttlMs = ttlSeconds * 1000;
    this.#leases.set(leaseId, { ttlMs, endsAtMs: this.#options.clock.monotonicMs() + ttlMs });
  }
}

/** A positive int64 in decimal, as etcd has it. */
function newLeaseId(): string {
  return String((randomBytes(8).readBigUInt64BE() & 0x7fff_ffff_ffff_fffen) + 1n);
}
