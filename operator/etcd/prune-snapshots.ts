/** Removes all but the newest snapshots of a folder, of etcd or of the event log, so that backups never fill their volume. */
import { readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from '#lib/logger.ts';

export interface PruneSettings {
  readonly folder: string;
  /** At least 1. */
  readonly keep: number;
}

/**
 * etcdctl writes to "<name>.part" and renames it, and `mcp2 bus backup` to "<name>.unfinished": one that is still there belongs to
 * a job that was interrupted.
 */
const SNAPSHOT = /\.db$/;
const PARTIAL = /\.db\.(?:part|unfinished)(?:-wal|-shm|-journal)?$/;

/** @returns the names that stay, newest first. */
export function pruneSnapshots({ folder, keep }: PruneSettings, log: Logger): readonly string[] {
  const files = readdirSync(folder)
    .map((name) => ({ name, timeMs: statSync(join(folder, name)).mtimeMs }))
    .sort((a, b) => b.timeMs - a.timeMs);
  const snapshots = files.filter(({ name }) => SNAPSHOT.test(name)).map(({ name }) => name);
  const partial = files.filter(({ name }) => PARTIAL.test(name)).map(({ name }) => name);
  const removed = [...snapshots.slice(keep), ...partial];
  for (const name of removed) rmSync(join(folder, name));
  const kept = snapshots.slice(0, keep);
  log.info({ kept, removed }, 'snapshots');
  return kept;
}
