/**
 * Where a client finds its registry, who signs certificates, and its token: the options, then the environment, then what
 * is mounted in a pod, then a running `mcp2 up`. Never a guess that would send a token in the clear, and no token is
 * ever minted here.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connectionProblem, readLocalRegistry } from '#lib/config/connection-file.ts';
import type { Environment } from '#lib/config/env-reader.ts';
import { nonEmpty } from '#lib/config/non-empty.ts';
import { locateStateFolder } from '#lib/config/state-folder.ts';
import { locateTrustFolder } from '#lib/config/trust-folder.ts';
import { parseHostPort } from '#lib/net/listen-address.ts';
import { isLoopback } from '#lib/net/loopback.ts';
import type { Ambient } from './ambient.ts';
import { type TokenSource, tokenFile } from './token-source.ts';

/** Where a projected token is mounted; MCP2_TOKEN_FILE moves it. */
const TOKEN_FILE = '/var/run/mcp2/token';
const EXAMPLE = 'mcp2-registry.mcp2-system.svc:50050';

export interface ConnectionOptions {
  /** host:port. Default: MCP2_REGISTRY_ADDRESS, the mounted trust ConfigMap, or a running `mcp2 up`. */
  readonly registry?: string | undefined;
  /** PEM: who signs the registry's certificate. Default: MCP2_CA_FILE, or the mounted trust ConfigMap. */
  readonly caFile?: string | undefined;
  /** Whoever sees the traffic to other machines may see tokens: without a CA there is otherwise no connection to them. */
  readonly plaintext?: boolean | undefined;
  /** Default: MCP2_TOKEN_FILE, MCP2_TOKEN, or the file that is mounted at /var/run/mcp2/token. */
  readonly token?: string | TokenSource | undefined;
}

export interface ClientSettings {
  readonly registry: string;
  /** Undefined: plaintext. */
  readonly caFile: string | undefined;
  readonly plaintext: boolean;
  readonly token: TokenSource;
}

/** Something that `connect()` needs is neither named nor found; the message says what to set. */
export class NotConfigured extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'NotConfigured';
  }
}

/** @throws NotConfigured, and UnsafeStateFolder when others could have written the address of `mcp2 up`. */
export function readSettings(options: ConnectionOptions, ambient: Ambient): ClientSettings {
  const { plaintext = false } = options;
  const { registry, caFile } = findRegistry(options, ambient);
  requireSafeAddress({ address: registry, caFile, plaintext, what: 'registry', example: EXAMPLE });
  return { registry, caFile, plaintext, token: findToken(options.token, ambient) };
}

export interface ChosenAddress {
  /** host:port, it is said. */
  readonly address: string;
  readonly caFile: string | undefined;
  readonly plaintext: boolean;
  /** For the sentence: "registry". */
  readonly what: string;
  readonly example: string;
}

/** @throws NotConfigured for what is no address, or would let the whole network see the token */
export function requireSafeAddress({ address, caFile, plaintext, what, example }: ChosenAddress): void {
  if (parseHostPort(address) === undefined) {
    throw new NotConfigured(`the ${what} must be host:port, for example ${example}`);
  }
  if (caFile !== undefined || plaintext || isLoopback(address)) return;
  throw new NotConfigured(
    `${address} is another machine, and the token would travel in the clear: name the ${what}'s CA with caFile or MCP2_CA_FILE, or set plaintext: true`,
  );
}

/** The CA of what was named or is mounted; `mcp2 up` has none. */
export function findCaFile(
  options: Pick<ConnectionOptions, 'caFile' | 'plaintext'>,
  env: Environment,
): string | undefined {
  if (options.plaintext === true) return options.caFile;
  const trustCa = join(locateTrustFolder(env), 'ca.crt');
  return options.caFile ?? nonEmpty(env.MCP2_CA_FILE) ?? (existsSync(trustCa) ? trustCa : undefined);
}

/** @param name of a file in the trust folder @returns undefined where it is not there, or empty */
export function readTrusted(name: string, env: Environment): string | undefined {
  try {
    return nonEmpty(readFileSync(join(locateTrustFolder(env), name), 'utf8'));
  } catch {
    return undefined;
  }
}

type Found = Pick<ClientSettings, 'registry' | 'caFile'>;

function findRegistry(options: ConnectionOptions, ambient: Ambient): Found {
  const { env } = ambient;
  const registry = options.registry ?? nonEmpty(env.MCP2_REGISTRY_ADDRESS) ?? readTrusted('registry', env);
  if (registry !== undefined) return { registry, caFile: findCaFile(options, env) };
  // The CA of the environment is that of a registry that was named; "mcp2 up" has none.
  return { registry: findStandalone(ambient), caFile: options.caFile };
}

function findStandalone(ambient: Ambient): string {
  const { connection } = locateStateFolder(undefined, ambient);
  const known = readLocalRegistry(connection);
  if (known !== undefined) return known;
  const damage = connectionProblem(connection);
  if (damage !== undefined) throw new NotConfigured(damage);
  throw new NotConfigured(
    'no registry is known: set the option registry or MCP2_REGISTRY_ADDRESS, mount ConfigMap mcp2-trust at /etc/mcp2/trust (MCP2_TRUST_DIR), or start one here with "mcp2 up"',
  );
}

/** @throws NotConfigured */
export function findToken(option: string | TokenSource | undefined, { env, clock }: Ambient): TokenSource {
  if (typeof option === 'function') return option;
  const text = nonEmpty(option);
  if (text !== undefined) return () => text;
  if (option !== undefined) throw new NotConfigured('the token is empty');
  const file = nonEmpty(env.MCP2_TOKEN_FILE);
  if (file !== undefined) return tokenFile(file, { clock });
  const given = tokenOf(env);
  if (given !== undefined) return () => given;
  if (existsSync(TOKEN_FILE)) return tokenFile(TOKEN_FILE, { clock });
  throw new NotConfigured(
    `there is no token: set the option token, MCP2_TOKEN_FILE or MCP2_TOKEN, or mount one at ${TOKEN_FILE}; "mcp2 token mint" makes one where you may`,
  );
}

function tokenOf(env: Environment): string | undefined {
  return nonEmpty(env.MCP2_TOKEN);
}
