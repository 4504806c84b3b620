/**
 * One builder at a time: a lock file that holds its owner's process id and is touched while the owner lives.
 *
 * It saves work and keeps nothing safe: every result is put in place by an atomic rename, so that two owners at
 * once (a takeover race, a builder stopped for longer than `staleAfterMs`) only build the same thing twice.
 */

import { readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

export interface FileLockOptions {
  /** A lock that was not touched for so long is taken over. Default 30,000; the owner touches it six times as often. */
  readonly staleAfterMs?: number;
  /** Called once when another process holds the lock. */
  readonly onWait?: (ownerPid: number) => void;
}

const POLL_MS = 100;

/** Runs `work` while holding the lock. Waits for a living owner for as long as that lives; takes over a dead one's. */
export async function withFileLock<T>(
  path: string,
  work: () => Promise<T>,
  { staleAfterMs = 30_000, onWait }: FileLockOptions = {},
): Promise<T> {
  let told = false;
  while (!(await tryCreate(path))) {
    const owner = await readOwner(path);
    if (owner === undefined) continue;
    if (!isAlive(owner.pid) || Date.now() - owner.touchedAtMs > staleAfterMs) {
      await rm(path, { force: true });
      continue;
    }
    if (!told) onWait?.(owner.pid);
    told = true;
    await sleep(POLL_MS);
  }
  const touch = setInterval(() => void utimes(path, new Date(), new Date()).catch(() => {}), staleAfterMs / 6);
  try {
    return await work();
  } finally {
    clearInterval(touch);
    if ((await readOwner(path))?.pid === process.pid) await rm(path, { force: true });
  }
}

async function tryCreate(path: string): Promise<boolean> {
  try {
    await writeFile(path, `${process.pid}\n`, { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** The lock's owner; undefined when the lock is gone. A file that holds no number yet counts as its writer's. */
async function readOwner(path: string): Promise<{ pid: number; touchedAtMs: number } | undefined> {
  try {
    const [text, { mtimeMs }] = await Promise.all([readFile(path, 'utf8'), stat(path)]);
    const pid = Number.parseInt(text, 10);
    return { pid: Number.isNaN(pid) ? process.pid : pid, touchedAtMs: mtimeMs };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Signal 0 only asks. EPERM: it lives and belongs to somebody else. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
