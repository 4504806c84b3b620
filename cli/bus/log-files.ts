/** The folder of an event log and files beside it: backup, restore, and going on with what is left. */
import { resolve } from 'node:path';
import { nonEmpty } from '#lib/config/non-empty.ts';
import { onOneLine } from '#lib/printable.ts';
import { CommandFailed, usageError } from '../failure.ts';
import { locateState } from '../state/folder.ts';
import type { Terminal } from '../terminal.ts';
import { withProgress } from '../text/progress.ts';

export interface LogFolderOptions {
  readonly log?: string;
  readonly state?: string;
}

export interface OverwritingOptions extends LogFolderOptions {
  readonly yes?: boolean;
}

/** @throws CommandFailed */
export async function backup(file: string, options: LogFolderOptions, terminal: Terminal): Promise<void> {
  const folder = locateLog(options, terminal);
  const { backupLog } = await loadLog();
  let done = 0;
  const path = resolve(terminal.workingFolder, file);
  const copying = backupLog({ folder, file: path, onProgress: (part: number) => (done = part) });
  const { events } = await withProgress(copying, () => `${Math.floor(done * 100)} % copied …`, terminal);
  terminal.print(`${onOneLine(file)} holds ${events} events of ${onOneLine(folder)}`);
}

/** @throws CommandFailed */
export async function restore(file: string, options: OverwritingOptions, terminal: Terminal): Promise<void> {
  const folder = locateLog(options, terminal);
  const path = resolve(terminal.workingFolder, file);
  await confirm(`This puts ${onOneLine(file)} in the place of what ${onOneLine(folder)} holds now.`, options, terminal);
  const { restoreLog } = await loadLog();
  await withProgress(restoreLog({ folder, file: path, clock: terminal.clock }), () => 'Restoring …', terminal);
  terminal.print(`${onOneLine(folder)} is restored; it has a new epoch.`);
}

/** @throws CommandFailed */
export async function acceptLoss(options: OverwritingOptions, terminal: Terminal): Promise<void> {
  const folder = locateLog(options, terminal);
  await confirm(`This gives up what is missing in ${onOneLine(folder)}, for good.`, options, terminal);
  const { acceptLoss: accept } = await loadLog();
  await withProgress(accept({ folder, clock: terminal.clock }), () => 'Checking …', terminal);
  terminal.print(`${onOneLine(folder)} goes on with what it holds, under a new epoch.`);
}

/** Only here: the other commands start without SQLite. */
function loadLog() {
  return import('../../services/event-bus/log/embedded/backup.ts');
}

function locateLog({ log, state }: LogFolderOptions, terminal: Terminal): string {
  if (log === '') throw usageError('--log is empty');
  const named = log ?? (state === undefined ? nonEmpty(terminal.env.MCP2_EVENT_BUS_LOG_DIR) : undefined);
  return named === undefined ? locateState(state, terminal).events : resolve(terminal.workingFolder, named);
}

/** @throws CommandFailed when nobody said yes */
async function confirm(what: string, { yes = false }: OverwritingOptions, terminal: Terminal): Promise<void> {
  if (yes) return;
  const { note, ask } = terminal;
  if (ask === undefined) throw usageError(`${what} Add --yes if that is wanted: nobody can be asked here`);
  note(what);
  const answer = await ask('Type yes to go on:');
  if (answer.trim().toLowerCase() !== 'yes') throw new CommandFailed('nothing was changed');
}
