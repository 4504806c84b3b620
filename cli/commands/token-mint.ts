/** `mcp2 token mint`: a capability token, signed with the development key, one in a file, or a cluster's. */
import { Command, Option } from 'commander';
import { DEFAULT_LIFETIME_SECONDS, mintToken } from '#lib/token/mint.ts';
import type { ClusterOptions } from '../cluster/connection.ts';
import { usageError } from '../failure.ts';
import { DEFAULT_SUBJECT } from '../lookup/authority.ts';
import { locateState } from '../state/folder.ts';
import { readIssuer, readSigningKey, type Signer } from '../state/keys.ts';
import type { Terminal } from '../terminal.ts';
import { collect, collectJson, durationSeconds, stateOption } from '../text/arguments.ts';
import { keepTokenFile, writeTokenFile } from '../token/keep-token-file.ts';

interface MintOptions extends ClusterOptions {
  readonly sub: string;
  readonly aud: readonly string[];
  readonly capability?: readonly string[];
  readonly grant?: readonly unknown[];
  readonly ttl: number;
  readonly key?: string;
  readonly issuer?: string;
  readonly fromSecret?: string;
  readonly state?: string;
  readonly out?: string;
  readonly keep?: boolean;
}

const EXAMPLES = `
Examples:
  mcp2 token mint --aud InventoryDB_Primary --capability db:inventory:read
  mcp2 token mint --sub shop.agent --aud 'InventoryDB_*' --capability tool:compute_pricing --ttl 5m
  mcp2 token mint --aud InventoryDB_Primary --grant \\
    '{"method":"ContextTool.RequestContext","resource":["inventory:*"],"params":{"warehouse":{"eq":"NY"}}}'
  mcp2 token mint --sub default.pets --aud RegistryServer --out pets.jwt --keep \\
    --capability registry:register:PetShop,registry:provide:db:pets:read
  mcp2 token mint --from-secret mcp2-system/mcp2-signing-key --aud InventoryDB_Primary --capability db:inventory:read
  kubectl -n mcp2-system exec deploy/mcp2-operator -- mcp2 token mint --aud InventoryDB_Primary --capability db:inventory:read

With --from-secret the key and issuer of a cluster are read with your own kubeconfig: RBAC on that Secret is the right to
mint, and so is the right to exec into a pod that holds the key. Without --out only the token goes to stdout. With --keep the file gets a
fresh token after half of the time, until Ctrl-C. Whoever holds it has its rights until it expires: keep it out of logs and arguments.`;

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
    .option('--key <file>', 'private JWK with kid and alg (default: $MCP2_SIGNING_KEY_FILE, or the key of "mcp2 up")')
    .option('--issuer <name>', 'the issuer that it names (default: $MCP2_ISSUER with that key, or that of "mcp2 up")')
    .option('--from-secret <namespace/name>', 'key and issuer of a cluster, for example mcp2-system/mcp2-signing-key')
    .option('--kubeconfig <file>', 'for --from-secret (default: $KUBECONFIG, or ~/.kube/config)')
    .option('--context <name>', 'the context of the kubeconfig (default: its current one)')
    .option('--out <file>', 'write it to this file, which only you may read, and not to stdout')
    .option('--keep', 'with --out: go on, and renew the token in the file until this command is stopped')
    .addOption(stateOption())
    .addHelpText('after', EXAMPLES)
    .action((options: MintOptions) => mint(options, terminal));
}

async function mint(options: MintOptions, terminal: Terminal): Promise<void> {
  const { out, keep = false, ttl: ttlSeconds } = options;
  if (out === undefined) {
    if (keep) throw usageError('--keep renews the token in a file: name the file with --out FILE');
    terminal.print(await mintOne(options, terminal));
  } else if (keep) {
    await keepTokenFile({ out, ttlSeconds, mint: () => mintOne(options, terminal) }, terminal);
  } else {
    await writeTokenFile(await mintOne(options, terminal), out, terminal);
  }
}

async function mintOne(options: MintOptions, terminal: Terminal): Promise<string> {
  const { key, issuer: iss } = await chooseSigner(options, terminal);
  const { sub, aud, capability, grant, ttl: ttlSeconds } = options;
  const rights = {
    ...(capability === undefined ? {} : { capabilities: capability }),
    ...(grant === undefined ? {} : { grants: grant }),
  };
  return mintToken(key, { iss, sub, aud, ttlSeconds, ...rights }, { clock: terminal.clock });
}

async function chooseSigner(options: MintOptions, terminal: Terminal): Promise<Signer> {
  const { fromSecret, kubeconfig, context } = options;
  if (fromSecret === undefined) {
    if (kubeconfig !== undefined || context !== undefined) {
      throw usageError('--kubeconfig and --context say where --from-secret is read; name the Secret too');
    }
    return readFileSigner(options, terminal);
  }
  if (options.key !== undefined || options.issuer !== undefined) {
    throw usageError('key and issuer are in the Secret: leave out --key and --issuer, or --from-secret');
  }
  // Loaded when it is needed: a client of the API server doubles the time to start.
  const { readSecretSigner } = await import('../cluster/signing-secret.ts');
  return readSecretSigner(fromSecret, options, terminal);
}

/** In a pod that holds the key (the operator's) the environment names it; elsewhere it is that of "mcp2 up". */
async function readFileSigner(options: MintOptions, terminal: Terminal): Promise<Signer> {
  const { env } = terminal;
  const ofPod = options.key === undefined && options.state === undefined ? env.MCP2_SIGNING_KEY_FILE : undefined;
  if (ofPod) return { key: await readSigningKey(ofPod), issuer: issuerOfPod(options.issuer ?? env.MCP2_ISSUER) };
  const state = locateState(options.state, terminal);
  const key = await readSigningKey(options.key ?? state.signingKey);
  return { key, issuer: options.issuer ?? readIssuer(state) };
}

function issuerOfPod(issuer: string | undefined): string {
  if (issuer) return issuer;
  throw usageError(
    'MCP2_SIGNING_KEY_FILE is set but not MCP2_ISSUER: name the issuer with --issuer, or the key with --key',
  );
}
