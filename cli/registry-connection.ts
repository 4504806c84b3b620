/**
 * How a command reaches the registry: `--address`, or the address that a running `mcp2 up` left in the state folder.
 *
 * A token is a bearer credential: it is not sent in the clear to another machine unless that is asked for in so many
 * words.
 */
import { status } from '@grpc/grpc-js';
import { CallError, createClient, type ServiceClient } from '#lib/grpc/client.ts';
import { plaintextClient, tlsClient } from '#lib/grpc/credentials.ts';
import { parseHostPort } from '#lib/listen-address.ts';
import { createLogger } from '#lib/observe/logger.ts';
import type { DiscoveryDefinition } from '#protos/generated/mcp2/Discovery.ts';
import { CommandFailed, usageError } from './failure.ts';
import { readConnection } from './state/connection.ts';
import type { StateFolder } from './state/folder.ts';
import type { Terminal } from './terminal.ts';
import { whyUnreadable } from './text/input.ts';
import { onOneLine } from './text/printable.ts';

export interface ConnectionOptions {
  readonly address?: string | undefined;
  /** PEM file: who signs the registry's certificate. */
  readonly ca?: string | undefined;
  readonly plaintext?: boolean | undefined;
}

export interface RegistryConnection {
  readonly address: string;
  /** True when the address is not from the command line but from the last `mcp2 up`. */
  readonly isRemembered: boolean;
  readonly client: ServiceClient<DiscoveryDefinition>;
  close(): void;
}

/** For one answer; a registry answers from memory. */
export const DEADLINE_MS = 10_000;

const LOOPBACK = /^(?:localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|::1)$/;

/** Connects when first used. @throws CommandFailed */
export async function connectRegistry(
  options: ConnectionOptions,
  state: StateFolder,
  { clock }: Terminal,
  discovery: DiscoveryDefinition,
): Promise<RegistryConnection> {
  const address = chooseAddress(options, state);
  const log = createLogger({ service: 'mcp2', level: 'silent' });
  const tls = options.ca === undefined ? undefined : await readCa(options.ca, { clock, log });
  const credentials = tls?.credentials ?? plaintextClient();
  const client = createClient(discovery, address, { credentials, deadlineMs: DEADLINE_MS });
  return {
    address,
    isRemembered: options.address === undefined,
    client,
    close() {
      client.close();
      tls?.close();
    },
  };
}

function chooseAddress({ address, ca, plaintext = false }: ConnectionOptions, state: StateFolder): string {
  if (address === undefined) {
    const known = readConnection(state.connection)?.registry;
    // "mcp2 up" listens on this machine alone: an address elsewhere is none that it wrote.
    if (known !== undefined && LOOPBACK.test(parseHostPort(known)?.host ?? '')) return known;
    throw new CommandFailed('no registry runs here: start one with "npm start" (mcp2 up), or name one with --address');
  }
  const target = parseHostPort(address);
  if (target === undefined) throw usageError('--address must be host:port, for example 127.0.0.1:50050');
  if (ca === undefined && !plaintext && !LOOPBACK.test(target.host)) {
    throw usageError(
      `${address} is another machine, and the token would travel in the clear: name the registry's CA with --ca FILE, or add --plaintext`,
    );
  }
  return address;
}

async function readCa(caFile: string, options: Parameters<typeof tlsClient>[1]) {
  try {
    return await tlsClient({ caFile }, options);
  } catch (error) {
    throw new CommandFailed(`--ca ${caFile} cannot be used: ${whyUnreadable(error)}`, { cause: error });
  }
}

/** The sentence for a call that failed; what the server said is for people already. */
export function explainCall(
  error: unknown,
  { address, isRemembered }: Pick<RegistryConnection, 'address' | 'isRemembered'>,
): unknown {
  if (!(error instanceof CallError)) return error;
  const details = error.cause instanceof Error && 'details' in error.cause ? error.cause.details : error.message;
  const said = onOneLine(String(details));
  const failed = (message: string) => new CommandFailed(message, { cause: error });
  if (error.code === status.UNAVAILABLE && error.reason === undefined) {
    const advice = isRemembered
      ? 'where "mcp2 up" ran last: start it again, or name another registry with --address'
      : 'check the address, that it runs, and whether it speaks TLS (--ca FILE)';
    return failed(`no registry answers at ${address}${isRemembered ? ',' : ':'} ${advice}`);
  }
  if (error.reason === 'UNIMPLEMENTED') return failed(`${address} answers gRPC, but is no registry`);
  if (error.reason === 'DEADLINE_EXCEEDED') {
    return failed(`the registry at ${address} gave no answer within ${DEADLINE_MS / 1000} s`);
  }
  return failed(error.reason === undefined ? said : `${said} (${error.reason})`);
}
