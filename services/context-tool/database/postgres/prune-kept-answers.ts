/** Takes kept answers away that are too old, a batch at a time, so that no lock and no transaction is long. */
import type { Clock } from '#lib/clock.ts';
import type { Logger } from '#lib/logger.ts';
import type { DatabaseMeter } from '../database-metrics.ts';
import { Attempt } from './attempt.ts';
import { PRUNE } from './idempotency.ts';
import type { Member } from './members.ts';
import { beginWrite } from './transaction-text.ts';

export interface PruneOptions {
  readonly member: Member;
  readonly clock: Clock;
  readonly meter: DatabaseMeter;
  readonly random: () => number;
  readonly log: Logger;
}

const INTERVAL_MS = 60_000;
/** In one round; what is left waits for the next. */
const MAX_BATCHES = 20;
const TIMEOUT_MS = 10_000;

/** Runs until the signal aborts. Replicas of this server start at different moments, and skip rows that another one takes. */
export async function pruneKeptAnswers(options: PruneOptions, signal: AbortSignal): Promise<void> {
  const { clock, random, log } = options;
  while (!signal.aborted) {
    await clock.sleep(INTERVAL_MS * (0.5 + random()), signal).catch(() => undefined);
    // The database may be away, which its callers say already.
    await pruneOnce(options, signal).catch(() => log.debug({}, 'answers that are too old could not be taken away'));
  }
}

async function pruneOnce(options: PruneOptions, signal: AbortSignal): Promise<void> {
  for (let batch = 0; batch < MAX_BATCHES && !signal.aborted; batch++) {
    const call = { signal, deadlineMs: options.clock.nowMs() + TIMEOUT_MS };
    const { tag } = await Attempt.run({ ...options, call, statementTimeoutMs: TIMEOUT_MS }, async (attempt) => {
      await attempt.begin((connection, statementTimeoutMs) =>
        beginWrite(connection, { isolation: 'ReadCommitted', statementTimeoutMs }),
      );
      const pruned = await attempt.execute({ text: PRUNE, values: [], keepRows: 0 });
      await attempt.commit();
      return pruned;
    });
    if (tag === 'DELETE 0') return;
  }
}
