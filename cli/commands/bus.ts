/** `mcp2 bus`: a backup of the event log, and what puts a damaged one in order. */
import { Command } from 'commander';
import { acceptLoss, backup, type LogFolderOptions, type OverwritingOptions, restore } from '../bus/log-files.ts';
import type { Terminal } from '../terminal.ts';
import { stateOption } from '../text/arguments.ts';

const BACKUP_EXAMPLES = `
Examples:
  mcp2 bus backup events.db
  kubectl -n mcp2-system exec mcp2-event-bus-0 -- mcp2 bus backup /backup/events.db

The event bus may run. The file is one point in time, and is complete or not there.`;

const RESTORE_EXAMPLES = `
Examples:
  mcp2 bus restore events.db
  mcp2 bus restore events.db --log /var/lib/mcp2/events --yes

Stop the event bus first. What the log holds now is replaced. The log gets a new epoch: cursors of before mean nothing to it, and
who resumes with one is told so. Durable subscriptions go on from where they stood in the backup.`;

const ACCEPT_EXAMPLES = `
Examples:
  mcp2 bus accept-loss
  mcp2 bus accept-loss --log /var/lib/mcp2/events --yes

For a log that does not start because acknowledged events are missing: goes on with what is left, under a new epoch, so that
every subscriber learns that something is gone. "mcp2 bus restore" with a backup loses less, where there is one.`;

export function busCommand(terminal: Terminal): Command {
  const command = new Command('bus')
    .summary('back up, restore or repair the event log')
    .description('Back up, restore or repair the embedded log of an event bus, on the machine where it lies.')
    .addHelpText('after', '\n"mcp2 bus backup --help" and the like show examples.');
  command.addCommand(
    logCommand('backup')
      .summary('copy the log into a file')
      .description('Copy the log of an event bus, which may run, into a file.')
      .argument('<file>', 'a file that is not there yet')
      .addHelpText('after', BACKUP_EXAMPLES)
      .action((file: string, options: LogFolderOptions) => backup(file, options, terminal)),
  );
  command.addCommand(
    logCommand('restore')
      .summary('put a backup in the place of the log')
      .description('Put a backup in the place of the log of an event bus that does not run.')
      .argument('<file>', 'what "mcp2 bus backup" wrote')
      .option('--yes', 'do not ask')
      .addHelpText('after', RESTORE_EXAMPLES)
      .action((file: string, options: OverwritingOptions) => restore(file, options, terminal)),
  );
  command.addCommand(
    logCommand('accept-loss')
      .summary('go on with a log that misses events')
      .description('Go on with what is left of the log of an event bus that does not run.')
      .option('--yes', 'do not ask')
      .addHelpText('after', ACCEPT_EXAMPLES)
      .action((options: OverwritingOptions) => acceptLoss(options, terminal)),
  );
  return command;
}

function logCommand(name: string): Command {
  return new Command(name)
    .option('--log <dir>', 'the folder of the log (default: $MCP2_EVENT_BUS_LOG_DIR, or that of "mcp2 up")')
    .addOption(stateOption());
}
