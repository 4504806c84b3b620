/**
 * The write fence: one key in the store that names the operator process which may write.
 *
 * Leader election only says who should work; a paused leader that wakes up still believes it leads. Every write
 * transaction compares this key's revision, so the store itself refuses a writer that was replaced
 * (client-go's election says in its package documentation that it does not fence; see DECISIONS.md).
 */
import type { Compare, Revision, Store } from '#lib/store/store.ts';

/** Another process took the fence over: stop everything, at once. */
export class FencedError extends Error {
  constructor() {
    super('another operator took over; this one must not write any more');
    this.name = 'FencedError';
  }
}

export interface Fence {
  readonly key: string;
  readonly revision: Revision;
  /** The compare that every write carries. */
  readonly compare: Compare;
}

export interface FenceOptions {
  readonly store: Store;
  readonly key: string;
  /** Who we are, for people who look at the store. */
  readonly holder: string;
}

/**
 * Takes the fence over from whoever holds it.
 *
 * @param signal Once it aborts, nothing is taken any more: another process may lead by then.
 * @throws ServiceError STORE_UNAVAILABLE, the caller tries again; the signal's reason.
 */
export async function takeFence({ store, key, holder }: FenceOptions, signal?: AbortSignal): Promise<Fence> {
  for (;;) {
    const { entry } = await store.get(key);
    signal?.throwIfAborted();
    const compare = { key, modRevision: entry?.modRevision ?? 0 };
    const result = await store.transact({ compares: [compare], writes: [{ kind: 'put', key, value: holder }] });
    if (result.succeeded) {
      return Object.freeze({ key, revision: result.revision, compare: { key, modRevision: result.revision } });
    }
  }
}
