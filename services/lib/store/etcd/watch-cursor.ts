/**
 * Where a watch stands, and what each of etcd's answers adds to it. Pure: the stream is etcd-watch.ts.
 *
 * The rules that a simpler client gets wrong:
 * - An answer's header carries the store's revision, which during a replay is far ahead of the events. Only an event
 *   moves the cursor, or an answer without events (etcd sends one only to a watch that has caught up).
 * - A revision counts as delivered when all of its events are; a fragment may end in the middle of one.
 * - A resumed watch asks for the last delivered revision again and drops it, because etcd may lose a deletion that
 *   happened at exactly the compacted revision (etcd issue 18089): asking one earlier turns that into "compacted".
 * - A member that has just been restarted may replay older events (etcd issue 20221): they are dropped too.
 */
import type { IWatchResponse } from 'etcd3';
import { CompactedError, type Revision, type StoreEvent, type WatchBatch } from '../store.ts';
import { toEvent, toRevision } from './codec.ts';

/** etcd ended the watch for another reason than compaction. */
export class WatchCanceledError extends Error {
  constructor(reason: string) {
    super(`etcd canceled the watch: ${reason}`);
    this.name = 'WatchCanceledError';
  }
}

export class WatchCursor {
  #delivered: Revision;
  #held: StoreEvent[] = [];
  #clusterId: string | undefined;

  constructor(fromRevision: Revision) {
    this.#delivered = fromRevision - 1;
  }

  /** Everything up to and including this revision has been delivered. */
  get delivered(): Revision {
    return this.#delivered;
  }

  /** Where a new stream begins. What the broken one had said only half comes again. */
  begin(): Revision {
    this.#held = [];
    return Math.max(1, this.#delivered);
  }

  /**
   * @returns undefined when the answer holds nothing new that is complete.
   * @throws CompactedError, WatchCanceledError
   */
  accept(response: IWatchResponse): WatchBatch | undefined {
    if (response.compact_revision !== '0') throw new CompactedError();
    if (response.canceled) throw new WatchCanceledError(response.cancel_reason);
    this.#checkCluster(response.header.cluster_id);
    if (response.created) return { events: [], revision: this.#delivered };
    if (response.events.length === 0 && !response.fragment) return this.#progress(toRevision(response.header.revision));
    const events = this.#complete(response);
    const last = events.at(-1);
    if (last === undefined) return undefined;
    this.#delivered = revisionOf(last);
    return { events, revision: this.#delivered };
  }

  #progress(revision: Revision): WatchBatch {
    this.#delivered = Math.max(this.#delivered, revision);
    return { events: [], revision: this.#delivered };
  }

  /** The events of whole revisions; the rest is held until the next answer. */
  #complete({ events, fragment }: IWatchResponse): StoreEvent[] {
    const fresh = events.map(toEvent).filter((event) => revisionOf(event) > this.#delivered);
    const all = [...this.#held, ...fresh];
    const last = all.at(-1);
    if (!fragment || last === undefined) {
      this.#held = [];
      return all;
    }
    const incomplete = all.findIndex((event) => revisionOf(event) === revisionOf(last));
    this.#held = all.slice(incomplete);
    return all.slice(0, incomplete);
  }

  /** Behind the same address another cluster may stand, with revisions that have nothing to do with ours. */
  #checkCluster(clusterId: string): void {
    this.#clusterId ??= clusterId;
    if (this.#clusterId !== clusterId) throw new CompactedError();
  }
}

function revisionOf(event: StoreEvent): Revision {
  return event.kind === 'put' ? event.entry.modRevision : event.modRevision;
}
