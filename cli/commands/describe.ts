/** `mcp2 describe SERVER`: what a server offers, as its card says it. */
import { Command } from 'commander';
import { isServerName, quote } from '#lib/capability/name.ts';
import { AUTHORITY_HELP, addCallOptions, type CallOptions } from '../calls/options.ts';
import { withNamedServer } from '../calls/server-access.ts';
import { describeCard } from '../describe/card-text.ts';
import { usageError } from '../failure.ts';
import type { Terminal } from '../terminal.ts';
import { type Output, outputOption, printAs } from '../text/output.ts';

interface DescribeOptions extends CallOptions {
  readonly output: Output;
}

const EXAMPLES = `
Examples:
  mcp2 describe InventoryDB_Primary
  mcp2 describe PricingRules -o json
${AUTHORITY_HELP}`;

export function describeCommand(terminal: Terminal): Command {
  const command = new Command('describe')
    .summary('show what a server offers, and how to call it')
    .description('Show the contexts and tools of a server: parameters, rights needed, and an example of each.')
    .argument('<server>', 'its name, for example InventoryDB_Primary');
  return addCallOptions(command)
    .addOption(outputOption())
    .addHelpText('after', EXAMPLES)
    .action((server: string, options: DescribeOptions) => describe(server, options, terminal));
}

async function describe(name: string, options: DescribeOptions, terminal: Terminal): Promise<void> {
  if (!isServerName(name)) throw usageError(`${quote(name)} is no name of a server`);
  const { timeout: deadlineMs } = options;
  const { card, server } = await withNamedServer(name, options, terminal, async (client, server) => ({
    card: await client.card(server, { deadlineMs }),
    server,
  }));
  printAs(terminal, options.output, JSON.parse(card.json), () => {
    for (const line of describeCard(card, server, terminal.style)) terminal.print(line);
  });
}
