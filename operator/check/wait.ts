/** Waits for what the check wants to see, and says how it stood last when it does not come. */
import type { Clock } from '#lib/clock.ts';
import { UserError } from '#lib/user-error.ts';

/** Did not come to pass within the time; the message says what, and how it stood last. */
export class CheckFailed extends UserError {
  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'CheckFailed';
  }
}

const POLL_MS = 500;

export type Wait = (what: string, problem: () => Promise<string | undefined>) => Promise<void>;

/** Asks again until there is no problem; a call that fails is a problem too. `waitFor` throws CheckFailed. */
export function createWait(clock: Clock, endMs: number): Wait {
  return async function waitFor(what, problem) {
    for (;;) {
      let last: string | undefined;
      let cause: unknown;
      try {
        last = await problem();
      } catch (error) {
        cause = error;
        last = (error as Error).message;
      }
      if (last === undefined) return;
      if (clock.monotonicMs() >= endMs) throw new CheckFailed(`waited for ${what}; at last: ${last}`, cause);
      await clock.sleep(POLL_MS);
    }
  };
}
