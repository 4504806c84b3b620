/** The system's clock, which a test can move forward while everything runs: hours of retention in a moment. */
import { type Clock, systemClock } from '#lib/clock.ts';

export interface MovingClock extends Clock {
  /** Whoever sleeps until then wakes at once. */
  forward(ms: number): void;
  /** As when somebody sets the machine's clock: the time of day alone, also backwards. */
  set(byMs: number): void;
}

interface Sleeper {
  readonly dueMs: number;
  readonly wake: () => void;
}

export function movingClock(): MovingClock {
  const sleepers = new Set<Sleeper>();
  let movedMs = 0;
  let setByMs = 0;
  const monotonicMs = () => systemClock.monotonicMs() + movedMs;
  return {
    nowMs: () => systemClock.nowMs() + movedMs + setByMs,
    monotonicMs,
    async sleep(ms, signal) {
      const moved = Promise.withResolvers<void>();
      const sleeper = { dueMs: monotonicMs() + ms, wake: moved.resolve };
      sleepers.add(sleeper);
      const over = new AbortController();
      const signals = signal === undefined ? over.signal : AbortSignal.any([over.signal, signal]);
      try {
        await Promise.race([moved.promise, systemClock.sleep(ms, signals)]);
      } finally {
        sleepers.delete(sleeper);
        over.abort();
      }
    },
    set(byMs) {
      setByMs += byMs;
    },
    forward(ms) {
      movedMs += ms;
      for (const { dueMs, wake } of sleepers) if (dueMs <= monotonicMs()) wake();
    },
  };
}
