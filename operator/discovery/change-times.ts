/**
 * When each resource that waits for a visit was first seen to have changed: for how long a change takes to be
 * registered. Changes that come during a visit count for the next one.
 */
import type { Clock } from '#lib/clock.ts';

export class ChangeTimes {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #waiting = new Map<string, number>();
  readonly #visited = new Map<string, number>();

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock;
  }

  changed(key: string): void {
    if (!this.#waiting.has(key)) this.#waiting.set(key, this.#clock.monotonicMs());
  }

  /** A visit begins: it answers for every change until now. */
  begin(key: string): void {
    const since = this.#waiting.get(key);
    this.#waiting.delete(key);
    if (since !== undefined && !this.#visited.has(key)) this.#visited.set(key, since);
  }

  /** @returns the seconds since the first change that is settled by now; undefined when nothing had changed. */
  settled(key: string): number | undefined {
    const since = this.#visited.get(key);
    this.#visited.delete(key);
    return since === undefined ? undefined : (this.#clock.monotonicMs() - since) / 1000;
  }
}
