/** What the registry knows of the store: an index in memory, how old it may be, and the work that keeps both true. */
import { Backoff } from '#lib/backoff.ts';
import type { Clock } from '#lib/clock.ts';
import type { Logger } from '#lib/logger.ts';
import { follow } from '#lib/store/follow.ts';
import { createKeys, type Keys } from '#lib/store/keys.ts';
import type { Store } from '#lib/store/store.ts';
import { Collector } from './collector.ts';
import type { RegistryConfig } from './config.ts';
import { RegistrationIndex } from './registration-index.ts';
import { Staleness } from './staleness.ts';

export interface StoreView {
  readonly keys: Keys;
  readonly index: RegistrationIndex;
  readonly staleness: Staleness;
  /** Resolves when the index is loaded and the store has confirmed it. */
  loaded(signal: AbortSignal): Promise<void>;
  /** Keeps it true until the signal aborts; never rejects. */
  run(signal: AbortSignal): Promise<void>;
}

export interface StoreViewDependencies {
  readonly store: Store;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly log: Logger;
}

/** Between listings of a store that is away. */
const FOLLOW_BASE_MS = 250;
const FOLLOW_CAP_MS = 5_000;

export function createStoreView(
  config: Pick<RegistryConfig, 'prefix' | 'staleness' | 'collector'>,
  { store, clock, random, log }: StoreViewDependencies,
): StoreView {
  const keys = createKeys(config.prefix);
  const index = new RegistrationIndex({
    keys,
    clock,
    onUnavailable: (error, isFirst) =>
      log[isFirst ? 'warn' : 'debug']({ err: error }, 'the store cannot be followed at the moment; trying again'),
  });
  const staleness = new Staleness({
    store,
    // Any key will do, and reading one that never exists moves no data.
    probeKey: keys.server('registry-probe'),
    watchSilentMs: () => index.silentMs,
    clock,
    log,
    settings: config.staleness,
  });
  return {
    keys,
    index,
    staleness,
    async loaded(signal) {
      await index.loaded;
      // A store that went away again shows as stale answers; what was loaded is served.
      if (!signal.aborted) await staleness.confirm().catch(() => undefined);
    },
    async run(signal) {
      const backoff = new Backoff({ baseMs: FOLLOW_BASE_MS, capMs: FOLLOW_CAP_MS, random });
      const collector = new Collector({ store, keys, index, staleness, clock, log, settings: config.collector });
      await Promise.all([
        follow({ store, prefix: keys.root, follower: index, signal, clock, backoff }),
        staleness.run(signal),
        collector.run(signal),
      ]);
    },
  };
}
