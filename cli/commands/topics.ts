/** `mcp2 topics`: which topics there are, and how many events each of them has. */
import { Command } from 'commander';
import type { TopicInfo } from '#sdk/client/index.ts';
import { rightTo, withBus } from '../bus/access.ts';
import { requireFilter } from '../bus/filter.ts';
import { addBusOptions, BUS_HELP, type BusOptions } from '../bus/options.ts';
import { usageError } from '../failure.ts';
import type { Terminal } from '../terminal.ts';
import { wholeNumber } from '../text/arguments.ts';
import { type Output, outputOption, printAs } from '../text/output.ts';
import { formatTable } from '../text/table.ts';
import { formatAge } from '../text/time.ts';

interface TopicsOptions extends BusOptions {
  readonly output: Output;
  readonly limit: number;
  readonly wide?: boolean;
}

const EXAMPLES = `
Examples:
  mcp2 topics
  mcp2 topics 'inventory:*:low_stock'
  mcp2 topics 'inventory:*' -o json

A trailing * is one or more segments, any other exactly one. A topic whose events were all removed stays listed until the bus
forgets it.
${BUS_HELP}`;

export function topicsCommand(terminal: Terminal): Command {
  const command = new Command('topics')
    .summary('list the topics of the event bus')
    .description('List the topics that match a filter.')
    .argument('[filter]', 'for example "inventory:*"', '*')
    .option('--limit <number>', 'at most so many', wholeNumber(1, 1_000_000), 10_000)
    .option('--wide', 'more columns')
    .addOption(outputOption());
  return addBusOptions(command)
    .addHelpText('after', EXAMPLES)
    .action((filter: string, options: TopicsOptions) => listTopics(filter, options, terminal));
}

async function listTopics(filter: string, options: TopicsOptions, terminal: Terminal): Promise<void> {
  requireFilter(filter);
  const { limit, output, wide = false } = options;
  if (wide && output !== 'table') throw usageError('--wide is for the table');
  const found: TopicInfo[] = [];
  const isCut = await withBus(options, terminal, async ({ as }) => {
    const client = await as(rightTo('subscribe', filter));
    for await (const topic of client.topics(filter, { deadlineMs: options.timeout })) {
      if (found.length === limit) return true;
      found.push(topic);
    }
    return false;
  });
  printAs(terminal, output, { topics: found.map(toPlain) }, () => {
    if (found.length === 0) return;
    const nowMs = terminal.clock.nowMs();
    const titles = ['TOPIC', 'FIRST', 'LAST', 'EVENTS', ...(wide ? ['BYTES', 'PUBLISHED'] : [])];
    const rows = found.map(({ topic, firstSequence, lastSequence, events, bytes, lastPublishedAtMs }) => [
      ...[topic, firstSequence === 0 ? undefined : firstSequence, lastSequence, events],
      ...(wide ? [bytes, `${formatAge(nowMs - lastPublishedAtMs)} ago`] : []),
    ]);
    for (const line of formatTable(titles, rows)) terminal.print(line);
  });
  if (isCut) terminal.note(`There are more than ${limit}; --limit shows more.`);
  else if (found.length === 0) terminal.note(`No topic matches ${filter}.`);
}

function toPlain({ topic, firstSequence, lastSequence, events, bytes, lastPublishedAtMs }: TopicInfo): object {
  return {
    topic,
    ...(firstSequence === 0 ? {} : { first_sequence: firstSequence }),
    last_sequence: lastSequence,
    events,
    ...(bytes === undefined ? {} : { bytes }),
    last_published_at: new Date(lastPublishedAtMs),
  };
}
