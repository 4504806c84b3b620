/**
 * Since when each endpoint of each server has been ready without a break, as far as this process saw.
 */
import type { Candidate } from './endpoints.ts';

export class ReadySince {
  readonly #sinceMs = new Map<string, ReadonlyMap<string, number>>();

  /** Notes who is ready now; who was not before starts at `nowMs`, who left is forgotten. */
  update(key: string, candidates: readonly Candidate[], nowMs: number): void {
    const before = this.#sinceMs.get(key);
    const ready = candidates.filter(({ state }) => state === 'ready');
    this.#sinceMs.set(key, new Map(ready.map(({ instanceId }) => [instanceId, before?.get(instanceId) ?? nowMs])));
  }

  /** 0 for an endpoint that is not ready. */
  readyForMs(key: string, instanceId: string, nowMs: number): number {
    const sinceMs = this.#sinceMs.get(key)?.get(instanceId);
    return sinceMs === undefined ? 0 : nowMs - sinceMs;
  }

  forget(key: string): void {
    this.#sinceMs.delete(key);
  }
}
