/** What every command has that calls the event bus: how to reach it, with which token, for how long. */
import { type Command, Option } from 'commander';
import type { ConnectionOptions } from '../connection-target.ts';
import { type AuthorityOptions, DEFAULT_SUBJECT } from '../lookup/authority.ts';
import { durationMs, stateOption } from '../text/arguments.ts';

export interface BusOptions extends ConnectionOptions, Pick<AuthorityOptions, 'token' | 'tokenFile' | 'as'> {
  readonly timeout: number;
  readonly state?: string;
}

const DEFAULT_TIMEOUT_MS = 10_000;

export function addBusOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--timeout <duration>', 'how long to wait for an answer')
        .argParser(durationMs)
        .default(DEFAULT_TIMEOUT_MS, '10s'),
    )
    .option('--address <host:port>', 'the event bus (default: $MCP2_EVENT_BUS_ADDRESS, or the one that "mcp2 up" runs)')
    .option('--ca <file>', 'PEM: who signed the certificate of the event bus (default: $MCP2_CA_FILE)')
    .option('--tls-server-name <name>', 'the name in its certificate, when the address is another one')
    .option('--plaintext', 'send the token in the clear to another machine')
    .option('--token <token>', 'the token to use')
    .option('--token-file <file>', 'the file that holds it; "-" is stdin')
    .option('--as <sub>', `subject of the minted token (default: ${DEFAULT_SUBJECT})`)
    .addOption(stateOption());
}

export const BUS_HELP = `
With "mcp2 up" running, address and token come from its state folder: a token is minted for this command alone, with the one
right that it needs. Elsewhere MCP2_EVENT_BUS_ADDRESS and MCP2_CA_FILE stand for --address and --ca, and MCP2_TOKEN for
--token; a token in an argument can be seen by every user of the machine.`;
