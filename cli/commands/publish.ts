/** `mcp2 publish TOPIC`: events onto the event bus, from an argument, files or stdin. */
import { Command, Option } from 'commander';
import { isTopic, quote } from '#lib/capability/name.ts';
import { escapeUnseen } from '#lib/printable.ts';
import type { Published } from '#sdk/client/index.ts';
import { rightTo, withBus } from '../bus/access.ts';
import { addBusOptions, BUS_HELP, type BusOptions } from '../bus/options.ts';
import { type Outgoing, type PublishSettings, toOutgoing } from '../bus/outgoing.ts';
import { type PayloadOptions, readPayloads, requireOneSource } from '../bus/payloads.ts';
import { publishAll, type Tally } from '../bus/publish-all.ts';
import { formatCursor } from '../bus/start-position.ts';
import { CommandFailed, usageError } from '../failure.ts';
import type { Terminal } from '../terminal.ts';
import { collectPairs, collectTexts, wholeNumber } from '../text/arguments.ts';

interface PublishCommandOptions extends BusOptions, PayloadOptions, PublishSettings {
  readonly unordered?: boolean;
  readonly output: 'text' | 'json';
}

const EXAMPLES = `
Examples:
  mcp2 publish inventory:prod_12345:low_stock '{"current_stock": 9}' --content-type application/json
  mcp2 publish reports:q3 --file q3.pdf --content-type application/pdf --attribute quarter=3
  mcp2 publish orders:new - --id order-7 < order.json
  tail -f orders.ndjson | mcp2 publish orders:new --lines
  mcp2 publish orders:new --cloudevents structured - < cloud-event.json

An event holds at most 256 KiB. The same --id with the same payload within two minutes is one event, so a command that was
cut off can be repeated with it; of several events each has it with the number of its line or file behind: order-7/1.
With --cloudevents each payload is a CloudEvent in JSON, sent whole (structured) or as its data with ce-… attributes (binary).
With --lines an empty line is no event, and lines are published as they come.
${BUS_HELP}`;

export function publishCommand(terminal: Terminal): Command {
  const command = new Command('publish')
    .summary('publish events')
    .description('Publish events under a topic.')
    .argument('<topic>', 'for example inventory:prod_12345:low_stock')
    .argument('[payload]', 'a text, or "-" for all of stdin')
    .option('--file <file>', 'an event that is the bytes of this file; repeat for several', collectTexts)
    .option('--lines', 'an event for each line of stdin')
    .option('--unordered', 'with --lines: faster, but a line may overtake others when the bus asks to wait')
    .option('--id <id>', 'publish it once under this id, however often this command is repeated')
    .option('--content-type <type>', 'media type of the payload')
    .option('--attribute <key=value>', 'handed to subscribers as it is; repeat for several', collectPairs)
    .option(
      '--expected-last-sequence <number>',
      "only if the topic's last event has this sequence; 0: if it has none",
      wholeNumber(0, 999_999_999),
    )
    .addOption(
      new Option('--cloudevents <mode>', 'the payload is a CloudEvent in JSON').choices(['structured', 'binary']),
    )
    .addOption(new Option('-o, --output <format>', 'how to print').choices(['text', 'json']).default('text'));
  return addBusOptions(command)
    .addHelpText('after', EXAMPLES)
    .action((topic: string, payload: string | undefined, options: PublishCommandOptions) =>
      publish({ topic, payload, options }, terminal),
    );
}

interface Asked {
  readonly topic: string;
  readonly payload: string | undefined;
  readonly options: PublishCommandOptions;
}

async function publish({ topic, payload, options }: Asked, terminal: Terminal): Promise<void> {
  requireSense({ topic, payload, options }, terminal);
  const outgoing = outgoingOf({ topic, payload, options }, terminal);
  // What cannot be read is said before the bus is asked; lines may come much later.
  const events = options.lines === true ? outgoing : await begun(outgoing);
  await withBus(options, terminal, async ({ as }) => {
    const client = await as(rightTo('publish', topic));
    const several = options.lines === true || (options.file?.length ?? 0) > 1;
    if (several) {
      const tally = await publishAll(
        client,
        { topic, events, timeoutMs: options.timeout, isUnordered: options.unordered === true },
        terminal,
      );
      showTally(tally, topic, options, terminal);
      return;
    }
    for await (const { payload: bytes, place: _place, ...about } of events) {
      show(await client.publish(topic, bytes, { ...about, deadlineMs: options.timeout }), options, terminal);
    }
  });
}

function requireSense({ topic, payload, options }: Asked, terminal: Terminal): void {
  if (!isTopic(topic)) {
    throw usageError(
      `${quote(topic)} is no topic: 1 to 12 segments of A-Z a-z 0-9 _ . @ = + ~ - joined by ":", at most 512 bytes`,
    );
  }
  requireOneSource(payload, options, terminal);
  if (options.id === '') throw usageError('--id is empty');
  const usesInput = payload === '-' || options.lines === true;
  if (usesInput && options.tokenFile === '-') throw usageError('stdin holds the token or the payload, not both');
  if (options.cloudevents !== undefined && options.contentType !== undefined) {
    throw usageError('a CloudEvent says by itself what its data is: leave out --content-type or --cloudevents');
  }
}

async function* outgoingOf({ topic, payload, options }: Asked, terminal: Terminal): AsyncGenerator<Outgoing> {
  for await (const one of readPayloads(payload, options, terminal)) yield toOutgoing(topic, one, options);
}

/** The same, after the first one was read. */
async function begun<Item>(items: AsyncGenerator<Item, void>): Promise<AsyncIterable<Item>> {
  const first = await items.next();
  return (async function* all() {
    if (first.done !== true) yield first.value;
    yield* items;
  })();
}

function show(
  { topic, sequence, duplicate, cursor }: Published,
  { output }: PublishCommandOptions,
  terminal: Terminal,
) {
  if (output === 'json') {
    const facts = { topic, sequence, duplicate, cursor: formatCursor(cursor) };
    terminal.print(escapeUnseen(JSON.stringify(facts)));
    return;
  }
  terminal.print(`${topic}   sequence ${sequence}`);
  if (duplicate) terminal.note('It was there already: an event with this id and payload was published before.');
}

function showTally(
  { published, duplicates, lastSequence, refused }: Tally,
  topic: string,
  { output }: PublishCommandOptions,
  { print }: Terminal,
): void {
  if (output === 'json') {
    print(JSON.stringify({ topic, published, duplicates, last_sequence: lastSequence }));
  } else if (published > 0) {
    const known = duplicates === 0 ? '' : `, ${duplicates} of them there already`;
    print(`${topic}   sequence ${lastSequence}   ${published} ${published === 1 ? 'event' : 'events'}${known}`);
  }
  if (refused === undefined) return;
  const rest = published === 0 ? 'nothing was published' : `${published} events were published`;
  throw new CommandFailed(`${refused.place}: ${refused.why}; ${rest}`, { cause: refused.error });
}
