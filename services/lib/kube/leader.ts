/**
 * Leader election by a Lease: who should work. It does not make writes safe (a paused process wakes up believing
 * that it leads); the fence in Discovery's store does.
 *
 * A candidate polls and also watches the lease, so a release is noticed at once and a crash when the time is up. No
 * error of the API server ends a campaign; a leader that cannot renew steps down before anybody may replace it.
 */
import type { Clock } from '#lib/clock.ts';
import type { Logger } from '../logger.ts';
import type { KubeApi } from './api.ts';
import { isConflict, isNotFound } from './api-error.ts';
import { type LeaderMetrics, Leadership, type LeaseName } from './leadership.ts';
import { type Lease, LeaseObservation, takenSpec } from './lease-record.ts';
import { LEASES } from './object.ts';

export interface LeaderTiming {
  /** How long others wait for a silent leader. Whole seconds. Default 15,000. */
  readonly leaseDurationMs: number;
  /** A leader that did not renew for so long steps down. Below `leaseDurationMs`. Default 10,000. */
  readonly renewDeadlineMs: number;
  /** Between two tries; each wait is 1 to 1.2 times this. Default 2,000. */
  readonly retryPeriodMs: number;
}

export interface LeaderElectorOptions {
  /** An API client of its own with two connections: a renewal must not wait behind work. */
  readonly api: Pick<KubeApi, 'get' | 'create' | 'mergePatch' | 'watch'>;
  readonly lease: LeaseName;
  /** Unique to this process, for example the pod's name and a random part. */
  readonly identity: string;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly log: Logger;
  readonly metrics?: LeaderMetrics;
  readonly timing?: Partial<LeaderTiming>;
}

export const DEFAULT_LEADER_TIMING: LeaderTiming = Object.freeze({
  leaseDurationMs: 15_000,
  renewDeadlineMs: 10_000,
  retryPeriodMs: 2_000,
});

const RETRY_JITTER = 1.2;
const WATCH_SECONDS = 300;
const WATCH_IDLE_MS = 75_000;

export class LeaderElector {
  readonly #options: LeaderElectorOptions;
  readonly #timing: LeaderTiming;
  readonly #observed = new LeaseObservation();
  #isWatching = false;
  #wake: (() => void) | undefined;
  #tickedAtMs: number;

  /** @throws Error when the timing cannot be safe. */
  constructor(options: LeaderElectorOptions) {
    this.#options = options;
    this.#timing = { ...DEFAULT_LEADER_TIMING, ...options.timing };
    this.#tickedAtMs = options.clock.monotonicMs();
    const { leaseDurationMs, renewDeadlineMs, retryPeriodMs } = this.#timing;
    if (leaseDurationMs <= renewDeadlineMs || renewDeadlineMs <= RETRY_JITTER * retryPeriodMs) {
      throw new Error('leader election needs lease duration > renew deadline > 1.2 times the retry period');
    }
  }

  /** Who leads, as last seen; undefined when nobody does or nothing was seen yet. */
  get holder(): string | undefined {
    return this.#observed.holder;
  }

  /** `clock.monotonicMs()` of the last try: a campaign or a leader that stands still shows here. */
  get tickedAtMs(): number {
    return this.#tickedAtMs;
  }

  /** Campaigns until this process leads. @throws the signal's reason when it aborts first. */
  async acquire(signal: AbortSignal): Promise<Leadership> {
    const { metrics, log, identity } = this.#options;
    metrics?.leading(false);
    const campaign = new AbortController();
    const end = () => campaign.abort();
    signal.addEventListener('abort', end, { once: true });
    try {
      for (;;) {
        signal.throwIfAborted();
        const leadership = await this.#try(signal);
        if (leadership !== undefined) {
          log.info({ identity }, 'this process leads');
          return leadership;
        }
        if (!this.#isWatching) {
          this.#watchLease(campaign.signal).catch((error: unknown) =>
            log.warn({ err: error }, 'the lease is not watched'),
          );
        }
        await this.#wait(signal);
      }
    } finally {
      signal.removeEventListener('abort', end);
      campaign.abort();
    }
  }

  async #try(signal: AbortSignal): Promise<Leadership | undefined> {
    const { clock, log } = this.#options;
    this.#tickedAtMs = clock.monotonicMs();
    try {
      await this.#look(signal);
      if (!this.#mayTake()) return undefined;
      const sentMs = clock.monotonicMs();
      const lease = await this.#take(signal);
      this.#observed.observe(lease, clock.monotonicMs());
      return this.#lead(lease, sentMs);
    } catch (error) {
      signal.throwIfAborted();
      if (isConflict(error)) log.debug({ err: error }, 'another candidate was faster');
      else log.warn({ err: error }, 'the lease could not be read or taken; trying again');
      return undefined;
    }
  }

  async #look(signal: AbortSignal): Promise<void> {
    const { api, lease, clock } = this.#options;
    try {
      const found = await api.get<Lease>(LEASES, lease, this.#call(signal));
      this.#observed.observe(found, clock.monotonicMs());
    } catch (error) {
      if (!isNotFound(error)) throw error;
      this.#observed.observe({ metadata: { name: lease.name } }, clock.monotonicMs());
    }
  }

  #mayTake(): boolean {
    const { identity, clock } = this.#options;
    // Ours already: an earlier try succeeded and its reply was lost.
    if (this.#observed.holder === identity) return true;
    return this.#observed.vacantInMs(clock.monotonicMs(), this.#timing.leaseDurationMs) === 0;
  }

  #take(signal: AbortSignal): Promise<Lease> {
    const { api, lease: name, identity, clock } = this.#options;
    const seen = this.#observed.lease;
    const spec = takenSpec(seen?.spec, {
      identity,
      durationMs: this.#timing.leaseDurationMs,
      nowMs: clock.nowMs(),
    });
    const resourceVersion = seen?.metadata.resourceVersion;
    if (resourceVersion !== undefined) {
      return api.mergePatch<Lease>(LEASES, name, { metadata: { resourceVersion }, spec }, this.#call(signal));
    }
    return api.create<Lease>(LEASES, { metadata: name, spec }, this.#call(signal));
  }

  #lead(lease: Lease, sentMs: number): Leadership {
    const { api, lease: name, identity, clock, random, log, metrics } = this.#options;
    const waitMs = () => this.#timing.retryPeriodMs * (1 + random() * (RETRY_JITTER - 1));
    const onTick = (atMs: number) => {
      this.#tickedAtMs = atMs;
    };
    const callMs = this.#callMs();
    const timing = { ...this.#timing, callMs, waitMs };
    return new Leadership({ api, name, identity, clock, log, metrics, timing, onTick }, lease, sentMs);
  }

  /** Until the next try: the retry period, the holder's end, or a sign from the watch. */
  async #wait(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#options;
    const { retryPeriodMs, leaseDurationMs } = this.#timing;
    const retryMs = retryPeriodMs * (1 + random() * (RETRY_JITTER - 1));
    const vacantMs = this.#observed.vacantInMs(clock.monotonicMs(), leaseDurationMs);
    // A lease that is vacant now was just fought for in vain.
    const waitMs = vacantMs > 0 ? Math.min(retryMs, vacantMs + random() * 0.05 * retryPeriodMs) : retryMs;
    const cut = new AbortController();
    this.#wake = () => cut.abort();
    const passOn = () => cut.abort();
    signal.addEventListener('abort', passOn, { once: true });
    await clock.sleep(waitMs, cut.signal).catch(() => undefined);
    signal.removeEventListener('abort', passOn);
    this.#wake = undefined;
  }

  /** Never rejects; ends with the watch, and the next try begins another. */
  async #watchLease(signal: AbortSignal): Promise<void> {
    const { api, lease, clock, log } = this.#options;
    const resourceVersion = this.#observed.lease?.metadata.resourceVersion;
    if (resourceVersion === undefined) return;
    this.#isWatching = true;
    const { namespace } = lease;
    const fieldSelector = `metadata.name=${lease.name}`;
    const query = {
      namespace,
      fieldSelector,
      resourceVersion,
      timeoutSeconds: WATCH_SECONDS,
      idleTimeoutMs: WATCH_IDLE_MS,
    };
    try {
      for await (const { type, object } of api.watch<Lease>(LEASES, query, signal)) {
        if (type === 'BOOKMARK') continue;
        const isDeleted = type === 'DELETED';
        this.#observed.observe(isDeleted ? { metadata: { name: lease.name } } : object, clock.monotonicMs());
        if (this.#observed.holder === undefined) this.#wake?.();
      }
    } catch (error) {
      if (!signal.aborted) log.debug({ err: error }, 'the watch of the lease ended; polling goes on');
    } finally {
      this.#isWatching = false;
    }
  }

  #call(signal: AbortSignal) {
    return { signal, deadlineMs: this.#callMs() };
  }

  /** Three tries fit into the renew deadline. */
  #callMs(): number {
    return this.#timing.renewDeadlineMs / 3;
  }
}
