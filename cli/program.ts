/** The `mcp2` command line: its commands, their help, and how a command that failed ends. */
import { Command } from 'commander';
import { busCommand } from './commands/bus.ts';
import { callCommand } from './commands/call.ts';
import { completeCommand, completionCommand } from './commands/completion.ts';
import { contextCommand } from './commands/context.ts';
import { describeCommand } from './commands/describe.ts';
import { getCommand } from './commands/get.ts';
import { lookupCommand } from './commands/lookup.ts';
import { publishCommand } from './commands/publish.ts';
import { subscribeCommand } from './commands/subscribe.ts';
import { subscriptionsCommand } from './commands/subscriptions.ts';
import { tokenCommand } from './commands/token.ts';
import { topicsCommand } from './commands/topics.ts';
import { upCommand } from './commands/up.ts';
import { validateCommand } from './commands/validate.ts';
import { reportFailure } from './report.ts';
import type { Terminal } from './terminal.ts';

const COMMANDS = [
  upCommand,
  contextCommand,
  callCommand,
  describeCommand,
  publishCommand,
  subscribeCommand,
  topicsCommand,
  subscriptionsCommand,
  lookupCommand,
  getCommand,
  validateCommand,
  tokenCommand,
  busCommand,
  completionCommand,
];

/** @param args Without node and script. @returns the exit code. */
export async function runCommandLine(args: readonly string[], terminal: Terminal): Promise<number> {
  try {
    await createProgram(terminal).parseAsync([...args], { from: 'user' });
    return 0;
  } catch (error) {
    return reportFailure(error, terminal);
  }
}

export function createProgram(terminal: Terminal): Command {
  const program = new Command('mcp2')
    .description('A gRPC control plane for AI agents and tools, after the "MCP 2.0" proposal.')
    .version(terminal.version, '-V, --version', 'print the version')
    .addHelpText('after', '\n"mcp2 up" starts everything on this machine; "mcp2 help COMMAND" shows examples.');
  for (const command of COMMANDS) program.addCommand(command(terminal));
  program.addCommand(completeCommand(program, terminal), { hidden: true });
  for (const command of withChildren(program)) configure(command, terminal);
  return program;
}

/** commander would write to the process and end it. */
function configure(command: Command, { print, note }: Terminal): void {
  command
    .exitOverride()
    .showHelpAfterError('(add --help for examples)')
    .configureOutput({
      writeOut: (text) => print(text.trimEnd()),
      writeErr: (text) => note(text.trimEnd()),
    });
}

function withChildren(command: Command): Command[] {
  return [command, ...command.commands.flatMap(withChildren)];
}
