/**
 * One pass of the sweeper: read the whole prefix, teach the mirror what its watch missed, delete orphans.
 *
 * It deletes only what this installation owns, only on fresh knowledge of the resources, only after the API server
 * itself said that the resource is gone, and never much at once (`mass-delete-guard.ts`).
 */
import type { Clock } from '#lib/clock.ts';
import type { Logger } from '#lib/logger.ts';
import { decodeServerRecord } from '#lib/store/servers.ts';
import type { Store } from '#lib/store/store.ts';
import type { ResourceSource } from '../source/source.ts';
import type { MassDeleteGuard } from './mass-delete-guard.ts';
import type { Mirror } from './mirror.ts';
import { findOrphans, type Orphan } from './orphans.ts';
import type { RecordWriter } from './writer.ts';

/** An event that is on its way when the prefix is read is not missed. */
const WATCH_GRACE_MS = 500;

export interface SweepOptions {
  readonly store: Store;
  readonly prefix: string;
  readonly mirror: Mirror;
  readonly source: ResourceSource;
  readonly writer: RecordWriter;
  readonly guard: MassDeleteGuard;
  readonly installation: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

export interface SweepReport {
  /** Records of this installation. */
  readonly owned: number;
  readonly deleted: number;
  /** Changes that the mirror's watch should have delivered; anything but 0 is a defect worth an alert. */
  readonly missed: number;
  /** How many records the pass wanted to delete and did not, because they were too many at once; usually 0. */
  readonly blocked: number;
}

/** @throws ServiceError of the store, the signal's reason. */
export async function sweep(options: SweepOptions): Promise<SweepReport> {
  const { source, guard, installation, clock, log, signal } = options;
  const { listing, missed } = await readAndHeal(options);
  const { orphans, owned } = findOrphans({
    records: listing.entries.map((entry) => ({ ...entry, record: decodeServerRecord(entry.value) })),
    installation,
    liveUids: new Set([...source.all()].map(({ metadata }) => metadata.uid ?? '')),
    covers: (namespace) => source.covers(namespace),
    hasSynced: source.hasSynced(),
    freshAtMs: source.freshAtMs(),
    nowMs: clock.monotonicMs(),
  });
  const keys = orphans.map(({ key }) => key);
  if (!guard.allows(keys, owned, clock.monotonicMs())) {
    log.error(
      { wouldDelete: orphans.length, owned },
      'refusing to delete so many registrations at once; checking again in a minute',
    );
    return { owned, deleted: 0, missed, blocked: orphans.length };
  }
  let deleted = 0;
  for (const orphan of orphans) {
    signal.throwIfAborted();
    if (await remove(orphan, options)) deleted += 1;
  }
  return { owned, deleted, missed, blocked: 0 };
}

/** `missed`: how many changes the watch had not told of. */
async function readAndHeal({ store, prefix, mirror, clock, log, signal }: SweepOptions) {
  const deletions = mirror.logDeletions();
  try {
    const listing = await store.list(prefix);
    if (mirror.differences(listing, deletions).length === 0) return { listing, missed: 0 };
    await clock.sleep(WATCH_GRACE_MS, signal);
    const missed = mirror.differences(listing, deletions).length;
    if (missed > 0) log.error({ missed }, 'the watch of the store missed changes; the sweep healed them');
    mirror.catchUp(listing, deletions);
    return { listing, missed };
  } finally {
    deletions.close();
  }
}

async function remove(orphan: Orphan, { source, writer, log }: SweepOptions): Promise<boolean> {
  const { key, modRevision, namespace, name, uid } = orphan;
  if (!(await source.isGone({ namespace, name, uid }))) return false;
  const outcome = await writer.write({ key, expectedRevision: modRevision, value: undefined });
  if (outcome.kind === 'written')
    log.info({ namespace, name, uid }, 'removed the registration of a resource that is gone');
  return outcome.kind === 'written';
}
