/**
 * How often this pod lost the write fence, over all its processes.
 *
 * A process that loses the fence ends before anybody can scrape it, so its own counter would never be seen. The tally is
 * a number in a folder that outlives the process (in a cluster an emptyDir), and the next process begins with it.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from '#lib/logger.ts';

export interface FenceTally {
  /** By earlier processes. */
  readonly before: number;
  /** One more. Never throws: a process that was fenced must end, whatever the disk says. */
  add(): void;
}

const FILE = 'fence-rejections';

/** Without a folder nothing is kept. */
export function openFenceTally(folder: string | undefined, log: Logger): FenceTally {
  if (folder === undefined) return { before: 0, add() {} };
  const path = join(folder, FILE);
  let count = readCount(path);
  return {
    before: count,
    add() {
      count += 1;
      try {
        writeFileSync(path, `${count}\n`);
      } catch (error) {
        log.warn({ err: error, path }, 'the loss of the write fence could not be noted');
      }
    },
  };
}

/** A file that is missing or damaged begins anew: it only feeds a metric. */
function readCount(path: string): number {
  try {
    const count = Number(readFileSync(path, 'utf8'));
    return Number.isSafeInteger(count) && count >= 0 ? count : 0;
  } catch {
    return 0;
  }
}
