/**
 * The key that tokens are signed with, made once for the life of an installation, and its public half for verifiers.
 *
 * Whoever holds the Secret may mint any token. It is never replaced here, whatever it holds: an administrator replaces
 * it, and the next run publishes the new public key beside the old one.
 */

import { CONFIG_MAPS, SECRETS } from '#lib/kube/object.ts';
import { generateSigningKey } from '#lib/token/signing-key.ts';
import type { SetupNames } from './object-names.ts';
import { ensureObject, type ObjectAccess } from './owned-object.ts';
import { mergePublicKeys, type PublicKey, publicKeyOf } from './public-keys.ts';
import { SetupError } from './setup-error.ts';

export interface Issuer {
  readonly issuer: string;
  /** `jwks.json`. */
  readonly publicKeys: string;
}

export interface SigningKeyOptions {
  readonly access: ObjectAccess;
  readonly names: SetupNames;
  /** Asked only when the issuer has no name yet. */
  readonly readInstallationId: () => Promise<string>;
}

/** @throws SetupError for a Secret that exists and cannot be used. */
export async function ensureSigningKey({ access, names, readInstallationId }: SigningKeyOptions): Promise<Issuer> {
  const content = await ensureObject(access, {
    resource: SECRETS,
    name: names.signingKey,
    mayBeForeign: true,
    decide: async (found) => {
      const key = found?.['key.jwk'] === undefined ? await newKey() : undefined;
      const issuer = found?.issuer?.trim() ? undefined : `mcp2:${await readInstallationId()}`;
      if (key === undefined && issuer === undefined) return undefined;
      const data = { ...(key === undefined ? {} : { 'key.jwk': key }), ...(issuer === undefined ? {} : { issuer }) };
      return { data, why: `missing: ${Object.keys(data).join(', ')}` };
    },
  });
  const current = await publicKeyOf(content['key.jwk'] ?? '');
  if (current === undefined) {
    throw new SetupError(
      `Secret ${names.signingKey}: key.jwk is no private JWK with kid and alg (EdDSA, ES256 or RS256). It is never replaced: restore it, or delete the Secret to have a new key made`,
    );
  }
  const issuer = (content.issuer ?? '').trim();
  return { issuer, publicKeys: await publish(access, names, { current, issuer }) };
}

async function publish(
  access: ObjectAccess,
  names: SetupNames,
  { current, issuer }: { readonly current: PublicKey; readonly issuer: string },
): Promise<string> {
  const content = await ensureObject(access, {
    resource: CONFIG_MAPS,
    name: names.publicKeys,
    mayBeForeign: true,
    decide: async (found) => {
      const jwks = await mergePublicKeys(current, found?.['jwks.json']);
      if (found?.['jwks.json'] === jwks && found.issuer === issuer) return undefined;
      return { data: { 'jwks.json': jwks, issuer }, why: found === undefined ? 'missing' : 'keys or issuer changed' };
    },
  });
  return content['jwks.json'] ?? '';
}

async function newKey(): Promise<string> {
  const { privateJwk } = await generateSigningKey();
  return `${JSON.stringify(privateJwk)}\n`;
}
