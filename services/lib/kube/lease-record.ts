/**
 * What a coordination.k8s.io Lease says, and what a candidate may conclude from it. Pure.
 *
 * Clocks of different machines are never compared: the times in a Lease are for people. A candidate notes when it
 * saw the record change, by its own clock, and counts the holder's time from there; the holder counts its own from
 * before it sent its renewal. So the holder always gives up before anybody else may think it has.
 */
import { formatMicroTime } from './micro-time.ts';
import type { KubeObject } from './object.ts';

export interface LeaseSpec {
  readonly holderIdentity?: string | null;
  readonly leaseDurationSeconds?: number | null;
  readonly acquireTime?: string | null;
  readonly renewTime?: string | null;
  readonly leaseTransitions?: number | null;
}

export interface Lease extends KubeObject {
  readonly spec?: LeaseSpec;
}

/** The lease as one candidate has seen it. */
export class LeaseObservation {
  #lease: Lease | undefined;
  #fingerprint = '';
  #changedAtMs = 0;

  get lease(): Lease | undefined {
    return this.#lease;
  }

  get holder(): string | undefined {
    return this.#lease?.spec?.holderIdentity || undefined;
  }

  /** @param nowMs Monotonic, read after the answer came. */
  observe(lease: Lease, nowMs: number): void {
    this.#lease = lease;
    // Whatever the holder changes is a sign of life; the resource version alone would count other writers too.
    const { holderIdentity, renewTime, acquireTime, leaseTransitions } = lease.spec ?? {};
    const fingerprint = JSON.stringify([lease.metadata.uid, holderIdentity, renewTime, acquireTime, leaseTransitions]);
    if (fingerprint === this.#fingerprint) return;
    this.#fingerprint = fingerprint;
    this.#changedAtMs = nowMs;
  }

  /**
   * When the lease may be taken over: now (0) when it has no holder, else when its holder has been silent for its
   * own duration.
   *
   * @param ownDurationMs Counts for a holder that states none.
   */
  vacantInMs(nowMs: number, ownDurationMs: number): number {
    if (this.holder === undefined) return 0;
    const durationSeconds = this.#lease?.spec?.leaseDurationSeconds;
    const durationMs = durationSeconds ? durationSeconds * 1000 : ownDurationMs;
    return Math.max(0, this.#changedAtMs + durationMs - nowMs);
  }
}

/** The spec with which `identity` takes the lease over. Transitions count changes of holder. */
export function takenSpec(
  previous: LeaseSpec | undefined,
  { identity, durationMs, nowMs }: { identity: string; durationMs: number; nowMs: number },
): LeaseSpec {
  const now = formatMicroTime(nowMs);
  const isOurs = previous?.holderIdentity === identity;
  return {
    holderIdentity: identity,
    leaseDurationSeconds: Math.ceil(durationMs / 1000),
    acquireTime: isOurs && previous.acquireTime ? previous.acquireTime : now,
    renewTime: now,
    leaseTransitions: (previous?.leaseTransitions ?? 0) + (previous === undefined || isOurs ? 0 : 1),
  };
}

/** Nobody's: the next candidate need not wait. The API server demands a duration above 0. */
export function releasedSpec(nowMs: number): LeaseSpec {
  return { holderIdentity: null, leaseDurationSeconds: 1, renewTime: formatMicroTime(nowMs) };
}
