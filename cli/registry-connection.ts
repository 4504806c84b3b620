/**
 * How a command reaches the registry: `--address`, MCP2_REGISTRY_ADDRESS (in a pod beside the trust ConfigMap), or the
 * address that a running `mcp2 up` left in the state folder.
 */
import { readLocalRegistry } from '#lib/config/connection-file.ts';
import type { StateFolder } from '#lib/config/state-folder.ts';
import { onOneLine } from '#lib/printable.ts';
import { connect, type Mcp2Client, NotConfigured, type TokenSource } from '#sdk/client/index.ts';
import {
  type ConnectionOptions,
  chooseTarget,
  explainCallOf,
  type FailedTarget,
  type KnownService,
} from './connection-target.ts';
import { CommandFailed } from './failure.ts';
import type { Terminal } from './terminal.ts';
import { whyUnreadable } from './text/input.ts';

export interface RegistryConnection extends FailedTarget {
  readonly client: Mcp2Client;
}

const REGISTRY: KnownService = {
  name: 'registry',
  variable: 'MCP2_REGISTRY_ADDRESS',
  port: 50_050,
  remembered: readLocalRegistry,
};

/**
 * Connects when first used.
 *
 * @param token Default: the client has none, and each request carries one.
 * @throws CommandFailed
 */
export async function connectRegistry(
  options: ConnectionOptions,
  state: StateFolder,
  { clock, env }: Pick<Terminal, 'clock' | 'env'>,
  token: TokenSource = () => '',
): Promise<RegistryConnection> {
  const { address, isRemembered, ca } = chooseTarget(REGISTRY, options, state, env);
  const client = await connectWith(ca, () =>
    connect({
      registry: address,
      caFile: ca,
      tlsServerName: options.tlsServerName,
      // Whether that may be was decided above: nothing else that this machine knows may change it.
      plaintext: ca === undefined,
      serverPlaintext: options.plaintext ?? false,
      token,
      ambient: { clock, env: {} },
    }),
  );
  return { address, isRemembered, isTls: ca !== undefined, client };
}

/** @throws CommandFailed for a CA file that cannot be used */
export async function connectWith(ca: string | undefined, connecting: () => Promise<Mcp2Client>): Promise<Mcp2Client> {
  try {
    return await connecting();
  } catch (error) {
    if (!(error instanceof NotConfigured)) throw error;
    throw new CommandFailed(`the CA file ${onOneLine(String(ca))} cannot be used: ${whyUnreadable(error.cause)}`, {
      cause: error,
    });
  }
}

/** The sentence for a call that failed; what the server said is for people already. */
export function explainCall(error: unknown, failed: FailedTarget): unknown {
  return explainCallOf(REGISTRY, error, failed);
}
