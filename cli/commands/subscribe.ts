/** `mcp2 subscribe FILTER`: events as they come, one a line, until Ctrl-C. */
import { Command, Option } from 'commander';
import { rightTo, withBus } from '../bus/access.ts';
import { cloudEventJson, eventJson, formatEvent, formatTimedEvent } from '../bus/event-text.ts';
import { requireDurableName, requireFilter } from '../bus/filter.ts';
import { followEvents } from '../bus/follow-events.ts';
import { addBusOptions, BUS_HELP, type BusOptions } from '../bus/options.ts';
import { FROM_HELP, parseStartPosition } from '../bus/start-position.ts';
import { usageError } from '../failure.ts';
import type { Terminal } from '../terminal.ts';
import { durationMs, wholeNumber } from '../text/arguments.ts';

interface SubscribeCommandOptions extends BusOptions {
  readonly from?: string;
  readonly count?: number;
  readonly durable?: string;
  readonly ackWait?: number;
  readonly maxDeliver?: number;
  readonly times?: boolean;
  readonly cloudevents?: boolean;
  readonly output: 'text' | 'json';
}

const EXAMPLES = `
Examples:
  mcp2 subscribe 'inventory:*:low_stock'
  mcp2 subscribe 'inventory:*' --from beginning --count 10
  mcp2 subscribe orders:new --from 15m -o json | jq -r .payload
  mcp2 subscribe orders:new --durable billing -o json | while read -r event; do ...; done

A trailing * is one or more segments, any other exactly one. A connection that breaks is opened again where it was; stderr says
so, and when events are missing. With --durable the event bus keeps the place under this name: the next start goes on there,
--from only counts for the first, and an event is acknowledged once it is printed.

With --output json an event is an object on one line: topic, sequence, previous_sequence, published_at, publisher, id,
content_type, attributes, attempt, cursor, and payload, or payload_base64 where the payload is no text. With --cloudevents it is
a CloudEvent.
${BUS_HELP}`;

export function subscribeCommand(terminal: Terminal): Command {
  const command = new Command('subscribe')
    .summary('print events as they come')
    .description('Print the events whose topics match a filter, until Ctrl-C.')
    .argument('<filter>', 'for example "inventory:*:low_stock"')
    .option('--from <where>', FROM_HELP)
    .option('--count <number>', 'end after so many events', wholeNumber(1, 999_999_999))
    .option('--durable <name>', 'the event bus keeps the place under this name')
    .option('--ack-wait <duration>', 'with --durable: what was not acknowledged by then comes again (30s)', durationMs)
    .option(
      '--max-deliver <number>',
      'with --durable: set an event aside after so many tries (10)',
      wholeNumber(1, 1_000_000),
    )
    .option('--times', 'print when each was published, too')
    .option('--cloudevents', 'print each event as a CloudEvent in JSON')
    .addOption(new Option('-o, --output <format>', 'how to print').choices(['text', 'json']).default('text'));
  return addBusOptions(command)
    .addHelpText('after', EXAMPLES)
    .action((filter: string, options: SubscribeCommandOptions) => subscribe(filter, options, terminal));
}

async function subscribe(filter: string, options: SubscribeCommandOptions, terminal: Terminal): Promise<void> {
  requireFilter(filter);
  const { from = 'new', durable, ackWait: ackWaitMs, maxDeliver, count, timeout: deadlineMs } = options;
  if (durable !== undefined) requireDurableName(durable);
  else if (ackWaitMs !== undefined || maxDeliver !== undefined) {
    throw usageError('--ack-wait and --max-deliver are for --durable NAME');
  }
  const position = parseStartPosition(from, terminal.clock.nowMs());
  const format = formatOf(options);
  await withBus(options, terminal, async ({ as }) => {
    const client = await as(rightTo('subscribe', filter));
    const terms = { from: position, durable, ackWaitMs, maxDeliver, deadlineMs };
    await followEvents({ client, filter, terms, count, format }, terminal);
  });
}

function formatOf({ cloudevents = false, output, times = false }: SubscribeCommandOptions) {
  if (cloudevents) return cloudEventJson;
  if (output === 'json') return eventJson;
  return times ? formatTimedEvent : formatEvent;
}
