/** The state folder as commands use it: found or refused with a sentence, and made by the one that runs in it. */
import { locateStateFolder, type StateFolder, type StateOwner, UnsafeStateFolder } from '#lib/config/state-folder.ts';
import { makeFolder } from '#lib/make-folder.ts';
import { CommandFailed } from '../failure.ts';

/** @param named `--state`. @throws CommandFailed when it is there and others could have put something into it. */
export function locateState(named: string | undefined, owner: StateOwner): StateFolder {
  try {
    return locateStateFolder(named, owner);
  } catch (error) {
    throw error instanceof UnsafeStateFolder ? new CommandFailed(error.message, { cause: error }) : error;
  }
}

/** @throws CommandFailed when it cannot be made or used. */
export function prepareState({ path }: StateFolder): void {
  try {
    makeFolder(path, 0o700);
  } catch (error) {
    throw unusableState(path, error);
  }
}

export function unusableState(path: string, error: unknown): CommandFailed {
  const why = error instanceof Error ? error.message : String(error);
  return new CommandFailed(
    `the state folder ${path} cannot be used (${why}): make it a folder that you can read and write, or name another one with --state DIR`,
    { cause: error },
  );
}
