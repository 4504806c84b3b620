/**
 * A lease that this process holds: renewed until it is released or lost.
 *
 * Its time is counted from before the last successful renewal was sent, so it ends here before it can end for
 * anybody else. `isHeld` reads the clock and is right even when the event loop stood still; the signal follows.
 */
import type { Clock } from '#lib/clock.ts';
import type { Logger } from '../logger.ts';
import type { KubeApi } from './api.ts';
import { isConflict, isNotFound } from './api-error.ts';
import { type Lease, releasedSpec, takenSpec } from './lease-record.ts';
import { LEASES } from './object.ts';

/** The reason of `Leadership.signal`. */
export class LeadershipEnded extends Error {
  /** `released` by ourselves; `expired` without a renewal; `taken` by somebody else. */
  readonly how: 'released' | 'expired' | 'taken';

  constructor(how: LeadershipEnded['how']) {
    super(`leadership ended: ${how}`);
    this.name = 'LeadershipEnded';
    this.how = how;
  }
}

export interface LeaseName {
  readonly namespace: string;
  readonly name: string;
}

export interface LeaderMetrics {
  leading(isLeader: boolean): void;
  /** How late the event loop woke the leader up. */
  lag(seconds: number): void;
}

export interface LeadershipOptions {
  readonly api: Pick<KubeApi, 'get' | 'create' | 'mergePatch'>;
  readonly name: LeaseName;
  readonly identity: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: LeaderMetrics | undefined;
  readonly timing: {
    readonly leaseDurationMs: number;
    readonly renewDeadlineMs: number;
    /** Deadline of one call. */
    readonly callMs: number;
    /** The wait before the next renewal. */
    readonly waitMs: () => number;
  };
  readonly onTick: (atMs: number) => void;
}

export class Leadership {
  readonly #options: LeadershipOptions;
  readonly #ended = new AbortController();
  readonly #renewing: Promise<void>;
  #lease: Lease;
  #renewedAtMs: number;
  #expiry = new AbortController();

  /** @param sentMs Monotonic time before the call that won the lease was sent. */
  constructor(options: LeadershipOptions, lease: Lease, sentMs: number) {
    this.#options = options;
    this.#lease = lease;
    this.#renewedAtMs = sentMs;
    options.metrics?.leading(true);
    this.#armExpiry();
    this.#renewing = this.#renewUntilEnd();
  }

  /** Aborts with LeadershipEnded: stop all work, at once. */
  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  /** True while nobody else can lead, by the clock. */
  isHeld(): boolean {
    return !this.#ended.signal.aborted && this.#remainingMs() > 0;
  }

  /**
   * Hands the lease over, so that the next candidate need not wait. Call when all work has stopped. Never rejects:
   * when the API server does not answer, the lease simply runs out. A second call does nothing.
   */
  async release(): Promise<void> {
    if (this.#ended.signal.aborted) return;
    this.#end('released');
    await this.#renewing;
    const { api, name, clock, log, identity } = this.#options;
    try {
      let lease = this.#lease;
      for (let attempt = 0; lease.spec?.holderIdentity === identity && attempt < 3; attempt += 1) {
        const { resourceVersion } = lease.metadata;
        const patch = { metadata: { resourceVersion }, spec: releasedSpec(clock.nowMs()) };
        const released = await api
          .mergePatch<Lease>(LEASES, name, patch, this.#call())
          .catch((error: unknown) => (isConflict(error) ? undefined : Promise.reject(error)));
        lease = released ?? (await api.get<Lease>(LEASES, name, this.#call()));
      }
      log.info({ identity }, 'the lease was released');
    } catch (error) {
      log.warn({ err: error }, 'the lease could not be released; it will run out');
    }
  }

  /** Never rejects. */
  async #renewUntilEnd(): Promise<void> {
    const { clock, timing, metrics, onTick, log } = this.#options;
    while (!this.#ended.signal.aborted) {
      const dueMs = clock.monotonicMs() + timing.waitMs();
      try {
        await clock.sleep(dueMs - clock.monotonicMs(), this.#ended.signal);
        const nowMs = clock.monotonicMs();
        onTick(nowMs);
        metrics?.lag(Math.max(0, nowMs - dueMs) / 1000);
        if (this.#remainingMs() <= 0) this.#end('expired');
        else await this.#renew();
      } catch (error) {
        if (!this.#ended.signal.aborted) log.warn({ err: error }, 'the lease could not be renewed; trying again');
      }
    }
  }

  async #renew(): Promise<void> {
    const { api, name, clock, identity } = this.#options;
    const sentMs = clock.monotonicMs();
    try {
      this.#keep(await this.#write(), sentMs);
    } catch (error) {
      if (!isConflict(error) && !isNotFound(error)) throw error;
      // Changed or gone: by a lost reply of ours, by a person, or by a new leader.
      const now = await api.get<Lease>(LEASES, name, this.#call()).catch(emptyIfNotFound(name));
      if (now.metadata.resourceVersion !== undefined && now.spec?.holderIdentity !== identity) {
        this.#end('taken');
        return;
      }
      this.#lease = now;
      const againMs = clock.monotonicMs();
      this.#keep(await this.#write(), againMs);
    }
  }

  #write(): Promise<Lease> {
    const { api, name, identity, clock, timing } = this.#options;
    const { resourceVersion } = this.#lease.metadata;
    const spec = takenSpec(this.#lease.spec, { identity, durationMs: timing.leaseDurationMs, nowMs: clock.nowMs() });
    if (resourceVersion !== undefined) {
      return api.mergePatch<Lease>(LEASES, name, { metadata: { resourceVersion }, spec }, this.#call());
    }
    return api.create<Lease>(LEASES, { metadata: name, spec }, this.#call());
  }

  #keep(lease: Lease, sentMs: number): void {
    this.#lease = lease;
    this.#renewedAtMs = sentMs;
    this.#armExpiry();
  }

  #remainingMs(): number {
    return this.#renewedAtMs + this.#options.timing.renewDeadlineMs - this.#options.clock.monotonicMs();
  }

  /** Ends leadership on time even while a renewal hangs. */
  #armExpiry(): void {
    this.#expiry.abort();
    this.#expiry = new AbortController();
    if (this.#ended.signal.aborted) return;
    this.#options.clock.sleep(Math.max(0, this.#remainingMs()), this.#expiry.signal).then(
      () => this.#end('expired'),
      () => undefined,
    );
  }

  #end(how: LeadershipEnded['how']): void {
    if (this.#ended.signal.aborted) return;
    const { metrics, log } = this.#options;
    metrics?.leading(false);
    if (how !== 'released') log.error({ how }, 'leadership was lost');
    this.#expiry.abort();
    this.#ended.abort(new LeadershipEnded(how));
  }

  #call() {
    return { deadlineMs: this.#options.timing.callMs };
  }
}

function emptyIfNotFound(name: LeaseName): (error: unknown) => Lease {
  return (error) => {
    if (isNotFound(error)) return { metadata: name };
    throw error;
  };
}
