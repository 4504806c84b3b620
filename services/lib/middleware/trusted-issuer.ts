/** The verifier of a service, from settings: whose tokens it accepts, and where their keys come from. */
import type { Clock } from '#lib/clock.ts';
import type { TrustSettings } from '#lib/config/common-settings.ts';
import { ConfigError } from '#lib/config/env-reader.ts';
import type { Logger } from '#lib/logger.ts';
import { createDevelopmentIssuer } from '#lib/token/development.ts';
import { createKeyFileSource } from '#lib/token/key-file.ts';
import type { KeySet } from '#lib/token/key-set.ts';
import type { KeySource } from '#lib/token/key-source.ts';
import { createKeyUrlSource } from '#lib/token/key-url.ts';
import type { Revocations } from '#lib/token/revocations.ts';
import { createTokenVerifier, type TokenVerifier } from '#lib/token/verify.ts';

export interface VerifierDependencies {
  readonly clock: Clock;
  readonly log: Logger;
  readonly revocations: Revocations;
}

/** Stands in for the issuer that development tokens do not name. */
const DEVELOPMENT_ISSUER = 'mcp2:development';

/** @throws ConfigError for a key file that cannot be read or a URL that must not be used; a URL is asked again later. */
export async function createTrustedVerifier(
  trust: TrustSettings,
  dependencies: VerifierDependencies,
): Promise<TokenVerifier> {
  const { clock, log, revocations } = dependencies;
  const { issuer, developmentSecret } = trust;
  const keys = createKeys(trust, dependencies);
  if (trust.jwksUrl === undefined) await keys?.refresh().catch((error) => unusable('MCP2_JWKS_FILE', error));
  else keys?.refresh().catch(() => undefined); // Reported through onFailure; the issuer may come up after us.
  if (developmentSecret !== undefined) log.warn({}, 'HS256 tokens are accepted: for development only');
  return createTokenVerifier({
    issuers: keys === undefined || issuer === undefined ? [] : [{ iss: issuer, keys }],
    clock,
    revocations,
    development:
      developmentSecret === undefined ? undefined : createDevelopmentIssuer(DEVELOPMENT_ISSUER, developmentSecret),
  });
}

function unusable(setting: string, error: unknown): never {
  throw new ConfigError([`${setting} cannot be used: ${(error as Error).message}`]);
}

function createKeys({ jwksFile, jwksUrl }: TrustSettings, { clock, log }: VerifierDependencies): KeySource | undefined {
  const options = {
    clock,
    onRead: ({ keys, skipped }: KeySet) => log.info({ kids: [...keys.keys()], skipped }, 'read the keys of the issuer'),
    onFailure: (error: unknown) => log.error({ err: error }, 'cannot read the keys of the issuer; the last ones stay'),
  };
  if (jwksFile !== undefined) return createKeyFileSource({ ...options, path: jwksFile });
  if (jwksUrl === undefined) return undefined;
  try {
    return createKeyUrlSource({ ...options, url: jwksUrl, fetch });
  } catch (error) {
    return unusable('MCP2_JWKS_URL', error);
  }
}
