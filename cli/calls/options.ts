/** What every command has that calls a server: which one, how to reach it, with which token, for how long. */
import { type Command, Option } from 'commander';
import type { ConnectionOptions } from '../connection-target.ts';
import { type AuthorityOptions, DEFAULT_SUBJECT } from '../lookup/authority.ts';
import { durationMs, stateOption } from '../text/arguments.ts';

export interface CallOptions extends ConnectionOptions, Omit<AuthorityOptions, 'serverName'> {
  readonly server?: string;
  readonly timeout: number;
  readonly state?: string;
}

const DEFAULT_TIMEOUT_MS = 10_000;

export function addCallOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--timeout <duration>', 'how long to wait for the answer')
        .argParser(durationMs)
        .default(DEFAULT_TIMEOUT_MS, '10s'),
    )
    .option('--address <host:port>', 'the registry (default: $MCP2_REGISTRY_ADDRESS, or the one that "mcp2 up" runs)')
    .option('--ca <file>', 'PEM: who signed the certificates of registry and servers (default: $MCP2_CA_FILE)')
    .option('--tls-server-name <name>', "the name in the registry's certificate, when its address is another one")
    .option('--plaintext', 'send the token in the clear to another machine')
    .option('--token <token>', 'the token to use')
    .option('--token-file <file>', 'the file that holds it; "-" is stdin')
    .option('--as <sub>', `subject of the minted token (default: ${DEFAULT_SUBJECT})`)
    .addOption(stateOption());
}

export const AUTHORITY_HELP = `
With "mcp2 up" running, address and token come from its state folder: a token is minted for this call alone, with the one right
that it needs. Elsewhere MCP2_REGISTRY_ADDRESS and MCP2_CA_FILE stand for --address and --ca, and MCP2_TOKEN for --token; a
token in an argument can be seen by every user of the machine.`;
