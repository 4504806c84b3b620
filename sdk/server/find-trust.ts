/**
 * Whose tokens a server accepts: the option, then the environment, then what is mounted in a pod, then the key of `mcp2 up`.
 * Never a guess: without any of them it says what to set.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readTrust, type TrustSettings } from '#lib/config/common-settings.ts';
import { EnvReader } from '#lib/config/env-reader.ts';
import { nonEmpty } from '#lib/config/non-empty.ts';
import { locateStateFolder } from '#lib/config/state-folder.ts';
import { locateTrustFolder } from '#lib/config/trust-folder.ts';
import { readForeignFileSync } from '#lib/foreign-file.ts';
import type { Ambient } from '../client/ambient.ts';
import { NotConfigured } from '../client/settings.ts';

/** One of the two says where the public keys are. */
export interface TrustOptions {
  /** The `iss` that tokens must have. */
  readonly issuer: string;
  /** JSON Web Key Set; read again when it changes. */
  readonly jwksFile?: string;
  /** https. */
  readonly jwksUrl?: string;
}

const MAX_ISSUER_BYTES = 4096;
const SETTINGS = ['MCP2_ISSUER', 'MCP2_JWKS_FILE', 'MCP2_JWKS_URL', 'MCP2_HS256_SECRET_FILE', 'MCP2_DEV_HS256'];

/**
 * @throws NotConfigured when nothing is named and nothing is found, ConfigError for settings that do not fit together, and
 *   UnsafeStateFolder when others could have written the keys of `mcp2 up`
 */
export function findTrust(option: TrustOptions | undefined, ambient: Ambient): TrustSettings {
  if (option !== undefined) return readOption(option);
  const { env } = ambient;
  if (SETTINGS.some((name) => nonEmpty(env[name]) !== undefined)) {
    const read = new EnvReader(env);
    const trust = readTrust(read);
    read.check();
    return trust;
  }
  const mounted = locateTrustFolder(env);
  const found = readFolder(join(mounted, 'issuer'), join(mounted, 'jwks.json')) ?? readStandalone(ambient);
  if (found !== undefined) return found;
  throw new NotConfigured(
    'no token could be verified: set the option trust, or MCP2_ISSUER and MCP2_JWKS_FILE or MCP2_JWKS_URL, mount ConfigMap mcp2-trust at /etc/mcp2/trust (MCP2_TRUST_DIR), or start "mcp2 up" here',
  );
}

function readOption({ issuer, jwksFile, jwksUrl }: TrustOptions): TrustSettings {
  if ((jwksFile === undefined) !== (jwksUrl === undefined) && issuer !== '') return settings(issuer, jwksFile, jwksUrl);
  throw new NotConfigured('the option trust needs an issuer, and jwksFile or jwksUrl');
}

function readStandalone(ambient: Ambient): TrustSettings | undefined {
  const { issuer, jwks } = locateStateFolder(undefined, ambient);
  return readFolder(issuer, jwks);
}

/** @returns undefined unless both files are there */
function readFolder(issuerFile: string, jwksFile: string): TrustSettings | undefined {
  if (!existsSync(issuerFile) || !existsSync(jwksFile)) return undefined;
  const issuer = nonEmpty(readIssuer(issuerFile));
  if (issuer === undefined) throw new NotConfigured(`${issuerFile} is empty: it must name the issuer of tokens`);
  return settings(issuer, jwksFile, undefined);
}

function readIssuer(path: string): string {
  try {
    return readForeignFileSync(path, { maxBytes: MAX_ISSUER_BYTES }).toString('utf8');
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new NotConfigured(`${path} cannot be read: ${why}`, error);
  }
}

function settings(issuer: string, jwksFile: string | undefined, jwksUrl: string | undefined): TrustSettings {
  return { issuer, jwksFile, jwksUrl, developmentSecret: undefined };
}
