/** `mcp2 subscriptions`: the durable subscriptions of a subject, what they set aside, and their end. */
import { Command, Option } from 'commander';
import { onOneLine } from '#lib/printable.ts';
import type { SubscriptionInfo } from '#sdk/client/index.ts';
import { ANY_SUBSCRIBER, type BusAccess, rightTo, withBus } from '../bus/access.ts';
import { requireDurableName } from '../bus/filter.ts';
import { addBusOptions, BUS_HELP, type BusOptions } from '../bus/options.ts';
import { replayParked, showParked } from '../bus/parked.ts';
import { CommandFailed, usageError } from '../failure.ts';
import type { Terminal } from '../terminal.ts';
import { type Output, outputOption, printAs } from '../text/output.ts';
import { formatTable } from '../text/table.ts';
import { formatAge } from '../text/time.ts';

interface ListOptions extends BusOptions {
  readonly wide?: boolean;
  readonly output: Output;
}

interface ParkedOptions extends BusOptions {
  readonly replay?: boolean;
  readonly output: Output;
}

const EXAMPLES = `
Examples:
  mcp2 subscriptions
  mcp2 subscriptions delete billing
  mcp2 subscriptions parked billing
  mcp2 subscriptions parked billing --replay
${BUS_HELP}

A durable subscription belongs to the subject that made it: --as names another one.`;

const PARKED_EXAMPLES = `
Examples:
  mcp2 subscriptions parked billing
  mcp2 subscriptions parked billing -o json | jq -r '.attributes["mcp2-reason"]'
  mcp2 subscriptions parked billing --replay

An event is set aside when it was delivered too often without an acknowledgement, or when its subscriber gave it up. --replay
publishes each again under the topic it had, for every subscriber of that topic, with an id made from the former event, so that
a replay that is repeated within two minutes publishes nothing twice. What was set aside stays there for 7 days.
${BUS_HELP}`;

/**
 * commander gives what stands behind a subcommand to the command above it where that has an option of this name, so the
 * subcommands take the values of both.
 */
export function subscriptionsCommand(terminal: Terminal): Command {
  const command = new Command('subscriptions')
    .summary('list durable subscriptions, and what they set aside')
    .description('List the durable subscriptions of a subject.')
    .option('--wide', 'more columns')
    .addOption(outputOption());
  addBusOptions(command)
    .addHelpText('after', EXAMPLES)
    .action((options: ListOptions) => list(options, terminal));
  command.addCommand(
    addBusOptions(new Command('delete'))
      .summary('end a durable subscription')
      .description('Delete a durable subscription with its place and with what it set aside.')
      .argument('<name>', 'as "mcp2 subscriptions" shows it')
      .addHelpText('after', BUS_HELP)
      .action((name: string, _own: BusOptions, self: Command) => remove(name, self.optsWithGlobals(), terminal)),
  );
  command.addCommand(
    addBusOptions(new Command('parked'))
      .summary('show what a durable subscription set aside')
      .description('Show the events that a durable subscription set aside.')
      .argument('<name>', 'as "mcp2 subscriptions" shows it')
      .option('--replay', 'publish each again under the topic it had')
      .addOption(new Option('-o, --output <format>', 'how to print').choices(['table', 'json']).default('table'))
      .addHelpText('after', PARKED_EXAMPLES)
      .action((name: string, _own: ParkedOptions, self: Command) => parked(name, self.optsWithGlobals(), terminal)),
  );
  return command;
}

async function list(options: ListOptions, terminal: Terminal): Promise<void> {
  const subscriptions = await withBus(options, terminal, async ({ as }) => (await as(ANY_SUBSCRIBER)).subscriptions());
  const titles = ['NAME', 'FILTER', 'PENDING', 'IN FLIGHT', 'PARKED', 'ACTIVE', ...(options.wide ? ['USED'] : [])];
  const nowMs = terminal.clock.nowMs();
  printAs(terminal, options.output, { subscriptions: subscriptions.map(toPlain) }, () => {
    if (subscriptions.length === 0) return;
    const rows = subscriptions.map(({ name, filter, pending, inFlight, parked: aside, isActive, lastUsedMs }) => [
      ...[name, filter, pending, inFlight, aside],
      ...[isActive ? 'yes' : 'no', ...(options.wide ? [`${formatAge(nowMs - lastUsedMs)} ago`] : [])],
    ]);
    for (const line of formatTable(titles, rows)) terminal.print(line);
  });
  if (subscriptions.length === 0) terminal.note('There are no durable subscriptions of this subject.');
}

function toPlain({ name, filter, pending, inFlight, parked: aside, isActive, lastUsedMs }: SubscriptionInfo): object {
  const counts = { pending, in_flight: inFlight, parked: aside };
  return { name, filter, ...counts, active: isActive, last_used_at: new Date(lastUsedMs).toISOString() };
}

async function remove(name: string, options: BusOptions, terminal: Terminal): Promise<void> {
  requireDurableName(name);
  await withBus(options, terminal, async (access) => {
    const { filter } = await find(name, access);
    const client = await access.as(rightTo('subscribe', filter));
    if (!(await client.deleteSubscription(name))) throw unknown(name);
  });
  terminal.print(`Deleted the subscription ${name}.`);
}

async function parked(name: string, options: ParkedOptions, terminal: Terminal): Promise<void> {
  requireDurableName(name);
  const { replay = false, output, timeout: timeoutMs } = options;
  if (output === 'yaml') throw usageError('parked events are printed one a line: --output table or json');
  await withBus(options, terminal, async (access) => {
    const { filter } = await find(name, access);
    const rights = [rightTo('subscribe', filter), ...(replay ? [rightTo('publish', filter)] : [])];
    const client = await access.as(...rights);
    if (replay) await replayParked(client, { name, timeoutMs }, terminal);
    else await showParked(client, { name, timeoutMs, isJson: output === 'json' }, terminal);
  });
}

/** Its filter is what a token must allow. */
async function find(name: string, { as }: BusAccess): Promise<SubscriptionInfo> {
  const client = await as(ANY_SUBSCRIBER);
  const found = (await client.subscriptions()).find((one) => one.name === name);
  if (found === undefined) throw unknown(name);
  return found;
}

function unknown(name: string): CommandFailed {
  return new CommandFailed(
    `there is no durable subscription ${onOneLine(name)} of this subject: "mcp2 subscriptions" lists them, --as names another subject`,
  );
}
