/** `mcp2 token mint`: a capability token, signed with the development key or one that is named. */
import { Command, Option } from 'commander';
import { DEFAULT_LIFETIME_SECONDS, mintToken } from '#lib/token/mint.ts';
import { DEFAULT_SUBJECT } from '../lookup/authority.ts';
import { locateState } from '../state/folder.ts';
import { readIssuer, readSigningKey } from '../state/keys.ts';
import type { Terminal } from '../terminal.ts';
import { collect, collectJson, durationSeconds, stateOption } from '../text/arguments.ts';

interface MintOptions {
  readonly sub: string;
  readonly aud: readonly string[];
  readonly capability?: readonly string[];
  readonly grant?: readonly unknown[];
  readonly ttl: number;
  readonly key?: string;
  readonly issuer?: string;
  readonly state?: string;
}

const EXAMPLES = `
Examples:
  mcp2 token mint --aud InventoryDB_Primary --capability db:inventory:read
  mcp2 token mint --sub shop.agent --aud 'InventoryDB_*' --capability tool:compute_pricing --ttl 5m
  mcp2 token mint --aud InventoryDB_Primary --grant \\
    '{"method":"ContextTool.RequestContext","resource":["inventory:*"],"params":{"warehouse":{"eq":"NY"}}}'

Only the token goes to stdout. Whoever holds it has its rights until it expires: keep it out of logs and arguments.`;

export function tokenMintCommand(terminal: Terminal): Command {
  return new Command('mint')
    .summary('mint a token')
    .description('Mint a token with the key of "mcp2 up", or another one. Capabilities and grants both narrow it.')
    .addOption(new Option('--sub <subject>', 'whose token it is').default(DEFAULT_SUBJECT, DEFAULT_SUBJECT))
    .requiredOption('--aud <names>', 'servers that may accept it: names, or prefixes like "InventoryDB_*"', collect)
    .option('--capability <names>', 'what it allows; repeat for several', collect)
    .option('--grant <json>', 'a method, resources and parameter limits; repeat for several', collectJson)
    .addOption(
      new Option('--ttl <duration>', 'how long it is valid: 90s, 15m, at most 1h')
        .argParser(durationSeconds)
        .default(DEFAULT_LIFETIME_SECONDS, `${DEFAULT_LIFETIME_SECONDS / 60}m`),
    )
    .option('--key <file>', 'private JWK with kid and alg (default: the key of "mcp2 up")')
    .option('--issuer <name>', 'the issuer that it names (default: that of "mcp2 up")')
    .addOption(stateOption())
    .addHelpText('after', EXAMPLES)
    .action((options: MintOptions) => mint(options, terminal));
}

async function mint(options: MintOptions, terminal: Terminal): Promise<void> {
  const state = locateState(options.state, terminal);
  const { sub, aud, capability, grant, ttl: ttlSeconds, issuer: iss = readIssuer(state) } = options;
  const key = await readSigningKey(options.key ?? state.signingKey);
  const rights = {
    ...(capability === undefined ? {} : { capabilities: capability }),
    ...(grant === undefined ? {} : { grants: grant }),
  };
  terminal.print(await mintToken(key, { iss, sub, aud, ttlSeconds, ...rights }, { clock: terminal.clock }));
}
