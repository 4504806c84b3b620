/**
 * How a command reaches the registry: `--address`, MCP2_REGISTRY_ADDRESS (in a pod beside the trust ConfigMap), or the
 * address that a running `mcp2 up` left in the state folder.
 *
 * A token is a bearer credential: it is not sent in the clear to another machine unless that is asked for in so many
 * words.
 */
import { status } from '@grpc/grpc-js';
import { connectionProblem, readLocalRegistry } from '#lib/config/connection-file.ts';
import type { Environment } from '#lib/config/env-reader.ts';
import { nonEmpty } from '#lib/config/non-empty.ts';
import type { StateFolder } from '#lib/config/state-folder.ts';
import { CallError } from '#lib/grpc/call-error.ts';
import { parseHostPort } from '#lib/net/listen-address.ts';
import { isLoopback } from '#lib/net/loopback.ts';
import { onOneLine } from '#lib/printable.ts';
import { connect, type Mcp2Client, NotConfigured, type TokenSource } from '#sdk/client/index.ts';
import { CommandFailed, usageError } from './failure.ts';
import type { Terminal } from './terminal.ts';
import { whyUnreadable } from './text/input.ts';

export interface ConnectionOptions {
  readonly address?: string | undefined;
  /** PEM file: who signs the registry's certificate. */
  readonly ca?: string | undefined;
  /** The name that its certificate is for, where the address is another one. */
  readonly tlsServerName?: string | undefined;
  readonly plaintext?: boolean | undefined;
}

export interface RegistryConnection {
  readonly address: string;
  /** True when the address was not named by anybody but is that of the last `mcp2 up`. */
  readonly isRemembered: boolean;
  readonly isTls: boolean;
  readonly client: Mcp2Client;
}

/** For one answer; a registry answers from memory. */
export const DEADLINE_MS = 10_000;

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
  const { address, isRemembered, ca } = chooseTarget(options, state, env);
  try {
    const client = await connect({
      registry: address,
      caFile: ca,
      tlsServerName: options.tlsServerName,
      // Whether that may be was decided above: nothing else that this machine knows may change it.
      plaintext: ca === undefined,
      serverPlaintext: options.plaintext ?? false,
      token,
      ambient: { clock, env: {} },
    });
    return { address, isRemembered, isTls: ca !== undefined, client };
  } catch (error) {
    if (!(error instanceof NotConfigured)) throw error;
    throw new CommandFailed(`the CA file ${onOneLine(String(ca))} cannot be used: ${whyUnreadable(error.cause)}`, {
      cause: error,
    });
  }
}

interface Target extends Pick<RegistryConnection, 'address' | 'isRemembered'> {
  /** PEM file; undefined = plaintext. */
  readonly ca: string | undefined;
}

function chooseTarget(options: ConnectionOptions, state: StateFolder, env: Environment): Target {
  const { plaintext = false, tlsServerName } = options;
  const address = options.address ?? nonEmpty(env.MCP2_REGISTRY_ADDRESS);
  const isRemembered = address === undefined;
  // The CA of the environment is that of a registry that was named; "mcp2 up" has none.
  const ca = options.ca ?? (plaintext || isRemembered ? undefined : nonEmpty(env.MCP2_CA_FILE));
  if (tlsServerName !== undefined && ca === undefined) {
    throw usageError('--tls-server-name is checked against a certificate: name the CA with --ca FILE as well');
  }
  if (isRemembered) return { address: rememberedAddress(state), isRemembered, ca };
  const source = options.address === undefined ? 'MCP2_REGISTRY_ADDRESS' : '--address';
  if (parseHostPort(address) === undefined) {
    throw usageError(`${source} must be host:port, for example 127.0.0.1:50050`);
  }
  if (ca === undefined && !plaintext && !isLoopback(address)) {
    throw usageError(
      `${address} is another machine, and the token would travel in the clear: name the registry's CA with --ca FILE or MCP2_CA_FILE, or add --plaintext`,
    );
  }
  return { address, isRemembered, ca };
}

function rememberedAddress(state: StateFolder): string {
  const known = readLocalRegistry(state.connection);
  if (known !== undefined) return known;
  const damage = connectionProblem(state.connection);
  if (damage !== undefined) throw new CommandFailed(damage);
  throw new CommandFailed(
    'no registry runs here: start one with "npm start" (mcp2 up), or name one with --address or MCP2_REGISTRY_ADDRESS',
  );
}

/** The sentence for a call that failed; what the server said is for people already. */
export function explainCall(
  error: unknown,
  { address, isRemembered, isTls }: Pick<RegistryConnection, 'address' | 'isRemembered' | 'isTls'>,
): unknown {
  if (!(error instanceof CallError)) return error;
  const details = error.cause instanceof Error && 'details' in error.cause ? error.cause.details : error.message;
  const said = onOneLine(String(details));
  const failed = (message: string) => new CommandFailed(message, { cause: error });
  if (error.code === status.UNAVAILABLE && error.reason === undefined) {
    const advice = isRemembered
      ? 'where "mcp2 up" ran last: start it again, or name another registry with --address'
      : isTls
        ? `check the address, and that its certificate is of this CA and for this name (--tls-server-name); ${said}`
        : 'check the address, that it runs, and whether it speaks TLS (--ca FILE)';
    return failed(`no registry answers at ${address}${isRemembered ? ',' : ':'} ${advice}`);
  }
  if (error.reason === 'UNIMPLEMENTED') return failed(`${address} answers gRPC, but is no registry`);
  if (error.reason === 'DEADLINE_EXCEEDED') {
    return failed(`the registry at ${address} gave no answer within ${DEADLINE_MS / 1000} s`);
  }
  return failed(error.reason === undefined ? said : `${said} (${error.reason})`);
}
