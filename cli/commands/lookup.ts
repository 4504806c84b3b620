/** `mcp2 lookup FILTER…`: which endpoints can do that, as the registry answers it to the caller's token. */
import { Command } from 'commander';
import { onOneLine } from '#lib/printable.ts';
import { FilterMode } from '#protos/generated/mcp2/FilterMode.ts';
import { type ConnectionOptions, DEADLINE_MS } from '../connection-target.ts';
import { type AuthorityOptions, DEFAULT_SUBJECT, tokensFor } from '../lookup/authority.ts';
import { formatEndpoints, toPlain } from '../lookup/format.ts';
import { type LookupAnswer, type LookupQuery, lookUpAll } from '../lookup/pages.ts';
import { connectRegistry, explainCall } from '../registry-connection.ts';
import { locateState } from '../state/folder.ts';
import type { Terminal } from '../terminal.ts';
import { collect, collectPairs, stateOption, wholeNumber } from '../text/arguments.ts';
import { type Output, outputOption, printAs } from '../text/output.ts';

interface LookupOptions extends ConnectionOptions, AuthorityOptions {
  readonly all?: boolean;
  readonly tag?: Readonly<Record<string, string>>;
  readonly zone?: string;
  readonly includeUnhealthy?: boolean;
  readonly limit: number;
  readonly output: Output;
  readonly state?: string;
}

const EXAMPLES = `
Examples:
  mcp2 lookup db:inventory:read                   who can read the inventory
  mcp2 lookup 'db:*:read' 'tool:*' --all          servers that offer both
  mcp2 lookup 'tool:*' --tag region=local -o json
  mcp2 lookup db:inventory:read --address registry.example:50050 --ca ca.crt --token-file token
  kubectl port-forward -n mcp2-system svc/mcp2-registry 50050 &
  mcp2 lookup db:inventory:read --address 127.0.0.1:50050 --tls-server-name mcp2-registry --ca ca.crt --token-file -

With "mcp2 up" running, address and token come from its state folder: a token is minted for each call. Elsewhere
MCP2_REGISTRY_ADDRESS and MCP2_CA_FILE stand for --address and --ca, as set in the pods of a control plane. MCP2_TOKEN is
used where neither --token nor --token-file is given; a token in an argument can be seen by every user of the machine.`;

export function lookupCommand(terminal: Terminal): Command {
  return new Command('lookup')
    .summary('find the endpoints that offer a capability')
    .description('Find the endpoints that offer a capability. A filter is a capability; whole segments may be "*".')
    .argument('<filter...>', 'for example db:inventory:read or "tool:*"')
    .option('--all', 'only servers that satisfy every filter (default: any of them)')
    .option('--tag <key=value>', 'only servers with this tag; repeat for several', collectPairs)
    .option('--zone <zone>', 'endpoints of this zone first')
    .option('--include-unhealthy', 'also endpoints that do not serve')
    .option('--server-name <name>', 'only this server')
    .option('--limit <number>', 'at most so many endpoints', wholeNumber(1, 100_000), 1000)
    .option('--address <host:port>', 'the registry (default: $MCP2_REGISTRY_ADDRESS, or the one that "mcp2 up" runs)')
    .option('--ca <file>', 'PEM: who signed the certificate of the registry (default: $MCP2_CA_FILE)')
    .option('--tls-server-name <name>', 'the name in its certificate, when the address is another one')
    .option('--plaintext', 'send the token in the clear to another machine')
    .option('--token <token>', 'the token to use')
    .option('--token-file <file>', 'the file that holds it; "-" is stdin')
    .option('--as <sub>', `subject of the minted token (default: ${DEFAULT_SUBJECT})`)
    .option(
      '--audience <names>',
      'servers that the minted token may see (default: those that "mcp2 get servers" lists)',
      collect,
    )
    .addOption(stateOption())
    .addOption(outputOption())
    .addHelpText('after', EXAMPLES)
    .action((filters: string[], options: LookupOptions) => lookup(filters, options, terminal));
}

async function lookup(filters: readonly string[], options: LookupOptions, terminal: Terminal): Promise<void> {
  const state = locateState(options.state, terminal);
  const connection = await connectRegistry(options, state, terminal);
  try {
    const tokens = await tokensFor(options, state, terminal);
    const query = toQuery(filters, options);
    const { client } = connection;
    const answer = await lookUpAll({ client, tokens, query, limit: options.limit, deadlineMs: DEADLINE_MS });
    printAs(terminal, options.output, toPlain(answer), () => {
      if (answer.endpoints.length > 0) for (const line of formatEndpoints(answer.endpoints)) terminal.print(line);
    });
    explain(answer, { filters, options, terminal, asked: tokens.length > 0 });
  } catch (error) {
    throw explainCall(error, connection);
  } finally {
    connection.client.close();
  }
}

function toQuery(filters: readonly string[], options: LookupOptions): LookupQuery {
  return {
    capability_filter: [...filters],
    mode: options.all === true ? FilterMode.FILTER_MODE_ALL : FilterMode.FILTER_MODE_ANY,
    tag_selector: { ...options.tag },
    client_zone: options.zone ?? '',
    include_unhealthy: options.includeUnhealthy ?? false,
    server_name: options.serverName ?? '',
  };
}

interface Asked {
  readonly filters: readonly string[];
  readonly options: LookupOptions;
  readonly terminal: Terminal;
  /** False when no server was known to ask for. */
  readonly asked: boolean;
}

/** What the table does not show: why it is empty, and how far it can be trusted. */
function explain(answer: LookupAnswer, { filters, options, terminal, asked }: Asked): void {
  const { note, style } = terminal;
  if (answer.stale) {
    note(
      `${style('yellow', 'STALE')}: the registry has not reached its store for 15 s or more; this is what it last knew.`,
    );
  }
  if (answer.cut) note(`There are more than ${options.limit}; --limit shows more.`);
  if (answer.notServing.length > 0) {
    note(`Known, but not serving: ${answer.notServing.map(onOneLine).join(', ')}. "mcp2 get servers" says why.`);
  }
  if (answer.endpoints.length > 0) return;
  if (!asked) note('No server is known here yet: "mcp2 get servers" lists them, --audience asks for others by name.');
  else if (answer.notServing.length === 0) {
    const what = filters.join(options.all === true ? ' and ' : ' or ');
    note(`Nothing that you may see offers ${what}: no server does, or it is hidden from you or your token's audience.`);
  }
}
