/** `mcp2 up`: everything on this machine, in one process. */
import { Command } from 'commander';
import type { Terminal } from '../terminal.ts';
import { stateOption, wholeNumber } from '../text/arguments.ts';
import type { UpOptions } from '../up/options.ts';

const EXAMPLES = `
Examples:
  mcp2 up                                  the inventory of the examples
  mcp2 up --files servers/                 your own servers
  mcp2 up --port 6000 --state /tmp/mcp2    a second one beside the first
  mcp2 up --etcd http://127.0.0.1:2379     with a real etcd

A file of the folder is an Mcp2Server, which names a server that runs elsewhere, or a configuration of contexts and tools,
which becomes a server here, on the first free port from 50061 on.

The state folder keeps the store, the log of events, the signing key and the status of each server; the next start goes on
from there.
Everything listens on 127.0.0.1 only.`;

export function upCommand(terminal: Terminal): Command {
  return new Command('up')
    .summary('start everything on this machine')
    .description(
      'Start a registry, an event bus, an operator that reads YAML files, and the servers that they configure, in one process.',
    )
    .option('--files <dir>', 'the folder of YAML files (default: the examples)')
    .addOption(stateOption())
    .option(
      '--port <number>',
      'port of the registry (default: the first free one from 50050 on)',
      wholeNumber(0, 65_535),
    )
    .option(
      '--bus-port <number>',
      'port of the event bus (default: the first free one from 50052 on)',
      wholeNumber(0, 65_535),
    )
    .option('--etcd <url>', 'use this etcd; several members with commas')
    .option('--verbose', 'show the log here too')
    .addHelpText('after', EXAMPLES)
    .action(async (options: UpOptions) => {
      // Only here: the other commands start twice as fast without the services.
      const { runUp } = await import('../up/run.ts');
      await runUp(options, terminal);
    });
}
