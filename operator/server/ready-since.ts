/**
 * Since when each endpoint of each server has been ready without a break, as far as this process saw.
 *
 * A process that takes over does not know how long what it finds has been ready. For a server that is registered already
 * it takes it as long enough: were everybody to wait `minReadySeconds` again, a server whose pods were replaced while
 * nobody led would be found by no one for so long. The handshake still decides who serves.
 */
import type { Candidate } from './endpoints.ts';

interface Seen {
  readonly nowMs: number;
  readonly isRegistered: boolean;
}

export class ReadySince {
  readonly #sinceMs = new Map<string, ReadonlyMap<string, number>>();

  /**
   * Notes who is ready now; who was not before starts at `nowMs`, who left is forgotten.
   *
   * @param isRegistered Whether the server was in Discovery when this was called; counts at the first call for a key.
   */
  update(key: string, candidates: readonly Candidate[], { nowMs, isRegistered }: Seen): void {
    const before = this.#sinceMs.get(key);
    const startMs = before === undefined && isRegistered ? Number.NEGATIVE_INFINITY : nowMs;
    const ready = candidates.filter(({ state }) => state === 'ready');
    this.#sinceMs.set(key, new Map(ready.map(({ instanceId }) => [instanceId, before?.get(instanceId) ?? startMs])));
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
