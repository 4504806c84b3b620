/**
 * Changes that go on while a fault test does its harm.
 */
import { setTimeout as sleep } from 'node:timers/promises';

export interface Churn {
  /** Changes made so far. */
  readonly count: number;
  /** Ends it, and waits for the change that is on its way. @throws what a change failed with. */
  stop(): Promise<void>;
}

/** Calls `change` with 0, 1, 2 … one after the other, with a pause in between. */
export function startChurn(change: (number: number) => Promise<unknown>, pauseMs: number): Churn {
  let count = 0;
  let isStopped = false;
  const running = (async () => {
    while (!isStopped) {
      await change(count);
      count += 1;
      await sleep(pauseMs);
    }
  })();
  running.catch(() => {});
  return {
    get count() {
      return count;
    },
    stop() {
      isStopped = true;
      return running;
    },
  };
}
