/**
 * A store whose disk is full at each write, and freed again: every write is first tried on the full disk. What is refused
 * there with the reason of a full disk must not have happened, so that the same write made again on the freed disk is,
 * to whoever made it, the only one.
 */
import { hasReason } from '#lib/errors.ts';
import type { Store } from '#lib/store/store.ts';
import type { SmallDisk } from './small-disk.ts';

export interface FillingStore {
  readonly store: Store;
  /** Writes that the full disk refused. */
  readonly refusals: number;
  /** All that were made, but for those that were refused for another reason. */
  readonly writes: number;
}

export function fillBeforeWrites(inner: Store, disk: SmallDisk): FillingStore {
  let refusals = 0;
  let writes = 0;
  let turn: Promise<unknown> = Promise.resolve();

  async function writeTwice<T>(write: () => Promise<T>): Promise<T> {
    const refusal = await onFullDisk(write);
    if (!('error' in refusal)) {
      writes += 1;
      return refusal.value;
    }
    if (!hasReason(refusal.error, 'STORE_UNAVAILABLE') || !/is full/.test(refusal.error.message)) throw refusal.error;
    writes += 1;
    refusals += 1;
    return write();
  }

  /** A write that needs no more space is done on a full disk too. */
  async function onFullDisk<T>(write: () => Promise<T>): Promise<{ value: T } | { error: unknown }> {
    disk.fill();
    try {
      return { value: await write() };
    } catch (error) {
      if (hasReason(error, 'STORE_UNAVAILABLE')) await inner.list('/');
      return { error };
    } finally {
      disk.free();
    }
  }

  /** One after the other: the disk is full for one of them at a time. */
  function inTurn<T>(write: () => Promise<T>): Promise<T> {
    const result = turn.then(() => writeTwice(write));
    turn = result.catch(() => undefined);
    return result;
  }

  return {
    get writes() {
      return writes;
    },
    get refusals() {
      return refusals;
    },
    store: {
      get: (key) => inner.get(key),
      list: (prefix) => inner.list(prefix),
      watch: (prefix, fromRevision, signal) => inner.watch(prefix, fromRevision, signal),
      keepAlive: (leaseId) => inner.keepAlive(leaseId),
      transact: (transaction) => inTurn(() => inner.transact(transaction)),
      grantLease: (ttlSeconds) => inTurn(() => inner.grantLease(ttlSeconds)),
      revokeLease: (leaseId) => inTurn(() => inner.revokeLease(leaseId)),
      close: () => inner.close(),
    },
  };
}
