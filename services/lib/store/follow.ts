/**
 * Follow a prefix for ever: list at a revision, watch from the next, list again when the watch cannot go on.
 *
 * The follower gets whole states (`reset`) and then changes (`apply`), in order. It is never told less than the
 * truth: while the store is away it simply keeps what it has, and `unavailable` says since when to doubt it.
 */

import type { Backoff } from '#lib/backoff.ts';
import type { Clock } from '#lib/clock.ts';
import { abortable } from '../time-limit.ts';
import { CompactedError, type Listing, type Store, type WatchBatch } from './store.ts';

export interface Follower {
  /** The whole content of the prefix; replaces all earlier knowledge. Changes are applied only after it settled. */
  reset(listing: Listing): void | Promise<void>;
  apply(batch: WatchBatch): void;
  /**
   * The store did not answer or the watch broke; following goes on by itself.
   *
   * @param isFirst False while it still has not answered since the last time.
   */
  unavailable?(error: unknown, isFirst: boolean): void;
}

export interface FollowOptions {
  readonly store: Store;
  readonly prefix: string;
  readonly follower: Follower;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly backoff: Backoff;
}

/** Resolves as soon as the signal aborts; never rejects for anything the store does. */
export async function follow(options: FollowOptions): Promise<void> {
  const { signal, clock, backoff, follower } = options;
  while (!signal.aborted) {
    try {
      await listAndWatch(options);
    } catch (error) {
      if (signal.aborted) return;
      const isFirst = backoff.failures === 0;
      if (error instanceof CompactedError && isFirst) {
        backoff.nextMs();
        continue;
      }
      follower.unavailable?.(error, isFirst);
      await clock.sleep(backoff.nextMs(), signal).catch(() => undefined);
    }
  }
}

async function listAndWatch({ store, prefix, follower, signal, backoff }: FollowOptions): Promise<void> {
  const listing = await abortable(store.list(prefix), signal);
  if (signal.aborted) return;
  await follower.reset(listing);
  if (signal.aborted) return;
  for await (const batch of store.watch(prefix, listing.revision + 1, signal)) {
    backoff.reset();
    follower.apply(batch);
  }
}
