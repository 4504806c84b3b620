/** The system's clock, which knows how many wait for it: what was closed must not wait any more. */
import { type Clock, systemClock } from '#lib/clock.ts';

export interface CountingClock extends Clock {
  /** Sleeps that have not ended. */
  readonly waiting: number;
}

export function countingClock(): CountingClock {
  let waiting = 0;
  return {
    ...systemClock,
    get waiting() {
      return waiting;
    },
    async sleep(ms, signal) {
      waiting += 1;
      try {
        await systemClock.sleep(ms, signal);
      } finally {
        waiting -= 1;
      }
    },
  };
}
