/** `mcp2 context KEY`: reads a context, from whichever server gives it. */
import { Command } from 'commander';
import { isName, quote } from '#lib/capability/name.ts';
import { compilePattern } from '#lib/capability/pattern.ts';
import { onOneLine } from '#lib/printable.ts';
import { AUTHORITY_HELP, addCallOptions, type CallOptions } from '../calls/options.ts';
import { withServer } from '../calls/server-access.ts';
import { usageError } from '../failure.ts';
import type { Terminal } from '../terminal.ts';
import { collectPairs } from '../text/arguments.ts';
import { addResultOptions, type ResultOptions, showResult } from '../text/result.ts';

interface ContextCommandOptions extends CallOptions, ResultOptions {
  readonly param?: Readonly<Record<string, string>>;
  readonly accept?: string;
}

const EXAMPLES = `
Examples:
  mcp2 context inventory:prod_12345:stock_count
  mcp2 context inventory:prod_12345:stock_count --param warehouse=NY -o json
  mcp2 context reports:q3 --out q3.pdf
${AUTHORITY_HELP}`;

export function contextCommand(terminal: Terminal): Command {
  const command = new Command('context')
    .summary('read a context')
    .description('Read a context by its key, from a server that gives it.')
    .argument('<key>', 'for example inventory:prod_12345:stock_count')
    .option('--param <name=value>', 'a parameter; repeat for several', collectPairs)
    .option('--accept <type>', 'the media type wanted')
    .option('--server <name>', 'only from this server');
  return addResultOptions(addCallOptions(command))
    .addHelpText('after', EXAMPLES)
    .action((key: string, options: ContextCommandOptions) => readContext(key, options, terminal));
}

async function readContext(key: string, options: ContextCommandOptions, terminal: Terminal): Promise<void> {
  if (!isName(key)) {
    throw usageError(`${quote(key)} is no key: segments of A-Z a-z 0-9 _ . @ = + ~ - joined by ":"`);
  }
  const byDatabase = `db:${key.split(':')[0]}:read`;
  const byKey = `context:read:${key}`;
  const filters = [byDatabase, byKey].filter((filter) => compilePattern(filter) !== undefined);
  const wanted = { what: `the context ${key}`, filters, right: filters.at(-1) ?? byDatabase };
  const { param = {}, accept, timeout: deadlineMs } = options;
  const result = await withServer(wanted, options, terminal, ({ client, server, endpoints }) =>
    client.context(key, param, { server, deadlineMs, accept, ...(endpoints && { endpoints }) }),
  );
  const { value, content, contentType, etag, metadata, server } = result;
  const facts = { server, value, content_type: contentType, etag, metadata };
  showResult({ value, facts, bytes: () => content }, options, terminal);
  if (options.output === 'table')
    terminal.note(terminal.style('dim', onOneLine([`from ${server}`, ...metadata].join(', '))));
}
