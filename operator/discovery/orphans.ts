/**
 * Finds records whose resource is gone, as far as can be told from what is known here: pure. Each must still be
 * confirmed by a live read before it is deleted (`sweep.ts`).
 */
import type { MirroredRecord } from './mirror.ts';

/** Knowledge of the resources older than this deletes nothing. */
export const MAX_STALENESS_MS = 60_000;

export interface OrphanSearch {
  readonly records: readonly MirroredRecord[];
  readonly installation: string;
  /** uids of all resources that the source lists. */
  readonly liveUids: ReadonlySet<string>;
  /** Whether resources of this namespace are listed at all. */
  readonly covers: (namespace: string) => boolean;
  readonly hasSynced: boolean;
  /** When the source was last known to be current, by the monotonic clock; undefined = never. */
  readonly freshAtMs: number | undefined;
  /** By the monotonic clock. */
  readonly nowMs: number;
}

export interface Orphan {
  readonly key: string;
  readonly modRevision: number;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

export interface FoundOrphans {
  readonly orphans: readonly Orphan[];
  /** How many records this installation owns. */
  readonly owned: number;
}

/** Orphans by what is known here; each must still be confirmed by a live read. */
export function findOrphans(input: OrphanSearch): FoundOrphans {
  const orphans: Orphan[] = [];
  let owned = 0;
  const trusted = input.hasSynced && input.nowMs - (input.freshAtMs ?? Number.NEGATIVE_INFINITY) <= MAX_STALENESS_MS;
  for (const { key, modRevision, record } of input.records) {
    if (record?.owner.manager !== 'mcp2-operator' || record.owner.installation !== input.installation) continue;
    owned += 1;
    const { namespace, name, uid } = record.owner;
    if (trusted && input.covers(namespace) && !input.liveUids.has(uid)) {
      orphans.push({ key, modRevision, namespace, name, uid });
    }
  }
  return { orphans, owned };
}
