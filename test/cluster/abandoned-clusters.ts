/**
 * Folders of clusters whose machine lost power or was reset: then nobody was left to remove them. Whatever else a
 * cluster consists of does not survive that.
 */

import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CLUSTER_PREFIX, CLUSTERS_FOLDER } from './cluster-plan.ts';
import type { Say } from './progress.ts';

/** A guard that still cleans up is done long before. */
const ABANDONED_AFTER_MS = 10 * 60_000;

/** Of owners that live no more, when nothing was put in or taken out of the folder for ten minutes. */
export async function removeAbandoned(say: Say, { folder = CLUSTERS_FOLDER, nowMs = Date.now() } = {}): Promise<void> {
  for (const name of await readdir(folder)) {
    const owner = ownerOf(name);
    if (owner === undefined || isAlive(owner)) continue;
    const changed = await stat(join(folder, name)).catch(() => undefined);
    if (changed === undefined || nowMs - changed.mtimeMs < ABANDONED_AFTER_MS) continue;
    say(`removing ${join(folder, name)}, whose owner is gone`);
    await rm(join(folder, name), { recursive: true, force: true });
  }
}

function ownerOf(name: string): number | undefined {
  const pid = name.startsWith(CLUSTER_PREFIX) ? /^(\d+)-/.exec(name.slice(CLUSTER_PREFIX.length))?.[1] : undefined;
  return pid === undefined ? undefined : Number(pid);
}

/** Signal 0 only asks. EPERM: it lives and belongs to somebody else. */
function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
