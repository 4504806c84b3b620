/**
 * `mcp2 get servers`: the Mcp2Server resources of standalone mode and their status, from the state folder, in the
 * columns that `kubectl get m2s` shows in a cluster.
 */

import { Argument, Command } from 'commander';
import { connectionProblem, readConnection } from '#lib/config/connection-file.ts';
import { formatKey } from '#lib/kube/object.ts';
import { CommandFailed, usageError } from '../failure.ts';
import { formatServers, type ListedServer, listServers, remarkOf, toResource } from '../servers.ts';
import { locateState } from '../state/folder.ts';
import type { Terminal } from '../terminal.ts';
import { stateOption } from '../text/arguments.ts';
import { type Output, outputOption, printAs } from '../text/output.ts';

interface GetOptions {
  readonly wide?: boolean;
  readonly output: Output;
  readonly state?: string;
}

const KINDS = ['servers', 'server', 'm2s', 'mcp2server', 'mcp2servers'];

const EXAMPLES = `
Examples:
  mcp2 get servers
  mcp2 get servers inventory-db --wide
  mcp2 get m2s -o yaml`;

export function getCommand(terminal: Terminal): Command {
  return new Command('get')
    .summary('list the servers and whether they are ready')
    .description('List the Mcp2Server resources that "mcp2 up" reads from files, and their status.')
    .addArgument(new Argument('<kind>', 'what to list').choices(KINDS))
    .argument('[name]', 'only this one: its name, or namespace/name')
    .option('--wide', 'more columns')
    .addOption(stateOption())
    .addOption(outputOption())
    .addHelpText('after', EXAMPLES)
    .action((_kind: string, name: string | undefined, options: GetOptions) => get(name, options, terminal));
}

function get(name: string | undefined, options: GetOptions, terminal: Terminal): void {
  const { wide = false, output } = options;
  if (wide && output !== 'table') throw usageError('--wide is for the table');
  const state = locateState(options.state, terminal);
  const all = listServers(state);
  const servers = name === undefined ? all : all.filter((server) => isNamed(server, name));
  if (name !== undefined && servers.length === 0) {
    throw new CommandFailed(`there is no server "${name}" in ${state.path}: "mcp2 get servers" lists those there are`);
  }
  const resources = servers.map(toResource);
  const list = { apiVersion: 'mcp2.dev/v1alpha1', kind: 'Mcp2ServerList', items: resources };
  printAs(terminal, output, name !== undefined && resources.length === 1 ? resources[0] : list, () => {
    if (servers.length > 0)
      for (const line of formatServers(servers, { wide, nowMs: terminal.clock.nowMs() })) terminal.print(line);
  });
  if (servers.length === 0) terminal.note(`No servers in ${state.path}.`);
  const connection = readConnection(state.connection);
  const damage = connectionProblem(state.connection);
  if (damage !== undefined) terminal.note(damage);
  else if (connection === undefined || !terminal.isAlive(connection.pid)) {
    terminal.note(`"mcp2 up" does not run${servers.length === 0 ? '.' : ': this is what it knew when it ended.'}`);
  }
  for (const server of servers) {
    const remark = output === 'table' ? remarkOf(server) : undefined;
    if (remark !== undefined) terminal.note(`${server.name}: ${remark}`);
  }
}

function isNamed(server: ListedServer, wanted: string): boolean {
  return wanted === server.name || wanted === formatKey(server);
}
