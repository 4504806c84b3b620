/**
 * One pass of the sweeper: read the whole prefix, let the mirror catch up with what its watch missed, delete orphans.
 */
import type { Clock } from '#lib/clock.ts';
import type { Store } from '#lib/store/store.ts';
import type { Log } from '../log.ts';
import type { ResourceSource } from '../source/source.ts';
import type { MassDeleteGuard } from './mass-delete-guard.ts';
import { type Mirror, readRecords } from './mirror.ts';
import { findMissed, findOrphans, type Orphan } from './sweeper.ts';
import type { RecordWriter } from './writer.ts';

export interface SweepOptions {
  readonly store: Store;
  readonly prefix: string;
  readonly mirror: Mirror;
  readonly source: ResourceSource;
  readonly writer: RecordWriter;
  readonly guard: MassDeleteGuard;
  readonly installation: string;
  readonly clock: Clock;
  readonly log: Log;
}

export interface SweepReport {
  /** Records of this installation. */
  readonly owned: number;
  readonly deleted: number;
  /** Changes that the mirror's watch should have delivered; anything but 0 is a defect worth an alert. */
  readonly missed: number;
  /** The pass wanted to delete too much at once and deleted nothing. */
  readonly blocked: boolean;
}

export async function sweep(options: SweepOptions): Promise<SweepReport> {
  const { store, prefix, mirror, source, guard, installation, clock, log } = options;
  const before = mirror.revision;
  const records = await readRecords(store, prefix);
  const missed = findMissed(
    records.filter(({ modRevision }) => modRevision <= before),
    (key) => mirror.get(key),
  ).length;
  if (missed > 0) log.error({ missed }, 'the watch of the store missed changes; the mirror is behind');
  const liveUids = new Set([...source.all()].map(({ metadata }) => metadata.uid ?? ''));
  const nowMs = clock.monotonicMs();
  const { orphans, owned } = findOrphans({
    records,
    installation,
    liveUids,
    hasSynced: source.hasSynced(),
    freshAtMs: source.freshAtMs(),
    nowMs,
  });
  const allowed = guard.allows(
    orphans.map(({ key }) => key),
    owned,
    nowMs,
  );
  if (!allowed) {
    log.error(
      { wouldDelete: orphans.length, owned },
      'refusing to delete so many registrations at once; checking again in a minute',
    );
    return { owned, deleted: 0, missed, blocked: true };
  }
  let deleted = 0;
  for (const orphan of orphans) if (await remove(orphan, options)) deleted += 1;
  return { owned, deleted, missed, blocked: false };
}

async function remove(orphan: Orphan, { source, writer, log }: SweepOptions): Promise<boolean> {
  const { key, modRevision, namespace, name, uid } = orphan;
  if (!(await source.isGone({ namespace, name, uid }))) return false;
  const outcome = await writer.write({ key, expectedRevision: modRevision, value: undefined });
  if (outcome.kind === 'written')
    log.info({ namespace, name, uid }, 'removed the registration of a resource that is gone');
  return outcome.kind === 'written';
}
