/** Checks the structure of a big log in a thread of its own: a start does not wait for minutes. */
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Logger } from '#lib/logger.ts';
import { type LogPlace, restore } from './errors.ts';

export interface BackgroundCheck {
  /** Resolves when the thread has ended; never rejects. */
  readonly ended: Promise<unknown>;
  stop(): void;
}

export function checkInBackground({ folder, database }: LogPlace, log: Logger, onDamaged: () => void): BackgroundCheck {
  const entry = new URL(`./check-worker${extname(import.meta.url)}`, import.meta.url);
  const worker = new Worker(entry, { name: 'mcp2-log-check', workerData: { folder, database } satisfies LogPlace });
  log.info({ folder }, 'the event log was not closed in order: its structure is being checked');
  worker.on('message', (damage: string | undefined) => {
    if (damage === undefined) {
      log.info({ folder }, 'the structure of the event log is sound');
      return;
    }
    onDamaged();
    log.error({ reason: 'EVENT_DAMAGED', folder, damage }, `the structure of the event log is damaged: ${restore()}`);
  });
  worker.on('error', (err) => log.error({ err, folder }, 'the event log could not be checked'));
  return {
    ended: new Promise((resolve) => worker.on('exit', resolve)),
    stop: () => {
      worker.terminate().catch(() => undefined);
    },
  };
}
