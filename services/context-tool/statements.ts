/**
 * Has the databases check the statements of a configuration: at the load, for a few seconds; after it, for as long as it
 * takes, one database apart from the others.
 *
 * A database that does not answer fails no start and no reload. What it refuses when it is back is broken alone: the rest
 * serves, the log has file and line, a metric counts.
 */
import { Backoff } from '#lib/backoff.ts';
import type { Clock } from '#lib/clock.ts';
import type { Logger } from '#lib/logger.ts';
import { withDeadline } from '#lib/time-limit.ts';
import { formatRuntimeProblem } from './config/problem.ts';
import type { Problem } from './config/runtime-config.ts';
import type { Checked, Database } from './database/database.ts';

export type Databases = ReadonlyMap<string, Pick<Database, 'check'>>;

export interface FirstCheck {
  /** Of the databases that answered. */
  readonly problems: readonly Problem[];
  /** Those that did not. */
  readonly unreachable: readonly string[];
}

/** What a start or a reload waits for a database. */
export const FIRST_CHECK_MS = 5_000;
const PAUSES = { baseMs: 1_000, capMs: 15_000 };

/** @throws the signal's reason */
export async function checkStatements(databases: Databases, signal: AbortSignal, clock: Clock): Promise<FirstCheck> {
  const problems: Problem[] = [];
  const unreachable: string[] = [];
  await Promise.all(
    [...databases].map(async ([name, database]) => {
      const checked = await check(database, signal, clock);
      if (checked === 'unreachable') unreachable.push(name);
      else problems.push(...checked);
    }),
  );
  signal.throwIfAborted();
  return { problems, unreachable };
}

export interface FollowUp {
  readonly clock: Clock;
  readonly log: Logger;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Told how many declarations the databases refused, all of them together. */
  readonly onBroken: (count: number) => void;
}

/** Asks again until each has answered, or the signal aborts. Never rejects. */
export async function followUnreachable(
  databases: Databases,
  names: readonly string[],
  signal: AbortSignal,
  { clock, log, random, onBroken }: FollowUp,
): Promise<void> {
  let broken = 0;
  await Promise.all(
    names.map(async (name) => {
      const database = databases.get(name);
      log.warn({ database: name }, 'the database does not answer; what is read from it is unavailable until it does');
      const checked = database && (await untilAnswered(database));
      if (checked === undefined) return;
      for (const problem of checked) log.error({ problem: formatRuntimeProblem(problem) }, 'a declaration is broken');
      broken += checked.length;
      if (checked.length > 0) onBroken(broken);
      log.info({ database: name, broken: checked.length }, 'the database answers; its statements were checked');
    }),
  );

  async function untilAnswered(database: Pick<Database, 'check'>): Promise<readonly Problem[] | undefined> {
    const backoff = new Backoff({ ...PAUSES, random });
    while (!signal.aborted) {
      await clock.sleep(backoff.nextMs(), signal).catch(() => undefined);
      if (signal.aborted) break;
      const checked = await check(database, signal, clock).catch((error: unknown) => {
        if (!signal.aborted) log.error({ err: error }, 'the statements of a database could not be checked');
        return 'unreachable' as const;
      });
      // What was learned for a configuration that is no longer in force is nobody's news.
      if (checked !== 'unreachable' && !signal.aborted) return checked;
    }
    return undefined;
  }
}

/** @throws the signal's reason, and what is a defect of ours */
async function check(database: Pick<Database, 'check'>, signal: AbortSignal, clock: Clock): Promise<Checked> {
  const late = new Error('the database did not answer in time');
  try {
    const limit = { clock, timeoutMs: FIRST_CHECK_MS, signal, onTimeout: () => late };
    return await withDeadline(limit, (both) => database.check(both));
  } catch (error) {
    if (error === late) return 'unreachable';
    throw error;
  }
}
