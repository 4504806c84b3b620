/**
 * Finds what watching missed: reads our whole prefix at one revision, repairs the mirror's blind spots and removes
 * records whose resource is gone.
 *
 * It deletes only what this installation owns, only on fresh knowledge of the resources, only after the API server
 * itself said 404, and never much at once (`mass-delete-guard.ts`).
 */
import type { MirroredRecord } from './mirror.ts';

/** Knowledge of the resources older than this deletes nothing. */
export const MAX_STALENESS_MS = 60_000;

export interface SweepInput {
  readonly records: readonly MirroredRecord[];
  readonly installation: string;
  /** uids of all resources that the source lists. */
  readonly liveUids: ReadonlySet<string>;
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

export interface SweepResult {
  readonly orphans: readonly Orphan[];
  /** How many records this installation owns. */
  readonly owned: number;
}

/** Orphans by what is known here; each must still be confirmed by a live read. */
export function findOrphans(input: SweepInput): SweepResult {
  const orphans: Orphan[] = [];
  let owned = 0;
  const trusted = input.hasSynced && input.nowMs - (input.freshAtMs ?? Number.NEGATIVE_INFINITY) <= MAX_STALENESS_MS;
  for (const { key, modRevision, record } of input.records) {
    if (record?.owner.manager !== 'mcp2-operator' || record.owner.installation !== input.installation) continue;
    owned += 1;
    const { namespace, name, uid } = record.owner;
    if (trusted && !input.liveUids.has(uid)) orphans.push({ key, modRevision, namespace, name, uid });
  }
  return { orphans, owned };
}

/** Keys whose mirrored state differs from what the store holds: the watch lost something. */
export function findMissed(
  stored: readonly MirroredRecord[],
  mirrored: (key: string) => MirroredRecord | undefined,
): readonly string[] {
  return stored.filter(({ key, modRevision }) => (mirrored(key)?.modRevision ?? 0) < modRevision).map(({ key }) => key);
}
