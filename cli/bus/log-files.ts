/** The folder of an event log and files beside it: backup, restore, and going on with what is left. */
import { resolve } from 'node:path';
import { nonEmpty } from '#lib/config/non-empty.ts';
import { onOneLine } from '#lib/printable.ts';
import { CommandFailed, usageError } from '../failure.ts';
import { locateState } from '../state/folder.ts';
import { stopOnSignals } from '../stop-on-signals.ts';
import type { Terminal } from '../terminal.ts';
import { withProgress } from '../text/progress.ts';

export interface LogFolderOptions {
  readonly log?: string;
  readonly state?: string;
}

export interface OverwritingOptions extends LogFolderOptions {
  readonly yes?: boolean;
}

/** @throws CommandFailed; UserError that says what to do */
export async function backup(file: string, options: LogFolderOptions, terminal: Terminal): Promise<void> {
  const folder = locateLog(options, terminal);
  const { backupLog } = await loadLog();
  const signal = stopOnSignals(terminal);
  let share = 0;
  const onProgress = (copied: number) => {
    share = copied;
  };
  const copying = backupLog({ folder, file: resolve(terminal.workingFolder, file), onProgress, signal });
  const tell = () => `${Math.floor(share * 100)} % copied …`;
  const { events } = await withProgress(copying, tell, terminal).catch((error: unknown) => {
    throw signal.aborted ? new CommandFailed('stopped: no backup was written') : error;
  });
  terminal.print(`${onOneLine(file)} holds ${counted(events)}.`);
}

/** @throws CommandFailed; UserError that says what to do */
export async function restore(file: string, options: OverwritingOptions, terminal: Terminal): Promise<void> {
  const folder = locateLog(options, terminal);
  const shown = onOneLine(folder);
  await confirm(`This puts ${onOneLine(file)} in the place of the log in ${shown}.`, options, terminal);
  const { restoreLog } = await loadLog();
  terminal.note('Checking the backup, and putting it in its place …');
  const restored = restoreLog({ folder, file: resolve(terminal.workingFolder, file), force: true });
  terminal.print(`${shown} holds ${counted(restored.events)} of the backup, under a new epoch.`);
  if (restored.movedTo !== undefined) terminal.note(`What it held before is in ${onOneLine(restored.movedTo)}.`);
}

/** @throws CommandFailed; UserError that says what to do */
export async function acceptLoss(options: OverwritingOptions, terminal: Terminal): Promise<void> {
  const folder = locateLog(options, terminal);
  const shown = onOneLine(folder);
  await confirm(`This gives up the events that are missing in ${shown}, for good.`, options, terminal);
  const { acceptLoss: accept } = await loadLog();
  terminal.note('Checking the log …');
  const { lost, events } = accept({ folder });
  const missing = lost === undefined ? 'an unknown number of events' : counted(lost);
  terminal.print(
    `${shown} goes on with ${counted(events)} under a new epoch; ${missing} ${lost === 1 ? 'is' : 'are'} lost.`,
  );
}

function counted(events: number): string {
  return `${events} ${events === 1 ? 'event' : 'events'}`;
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
