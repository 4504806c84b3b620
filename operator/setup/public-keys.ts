/**
 * What verifiers read: the public half of the signing key first, then every other key that was published before.
 *
 * Earlier keys stay until an administrator takes them out, so that tokens of a key that was just replaced go on being
 * accepted. What is no usable public key is dropped; a private key that somebody published by mistake with it.
 */
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { MAX_KEYS, parseKeySet } from '#lib/token/key-set.ts';
import { importSigningKey } from '#lib/token/signing-key.ts';

export interface PublicKey {
  readonly kid: string;
  readonly [member: string]: unknown;
}

/** @returns undefined when the text is no private JWK with kid and alg. */
export async function publicKeyOf(privateJwkText: string): Promise<PublicKey | undefined> {
  try {
    const jwk = JSON.parse(privateJwkText);
    const { kid, alg } = await importSigningKey(jwk);
    // Derived, not copied: what the text says of its public half need not be true.
    const derived = createPublicKey(createPrivateKey({ key: jwk, format: 'jwk' })).export({ format: 'jwk' });
    const key = { ...derived, kid, alg, use: 'sig' };
    return (await isUsable(key)) ? key : undefined;
  } catch {
    return undefined;
  }
}

/** @param publishedText `jwks.json` as it is now, if it is. @returns `jwks.json` as it must be. */
export async function mergePublicKeys(current: PublicKey, publishedText: string | undefined): Promise<string> {
  const keys = [current];
  for (const key of entriesOf(publishedText)) {
    if (keys.length >= MAX_KEYS) break;
    if ((await isUsable(key)) && !keys.some(({ kid }) => kid === key.kid)) keys.push(key);
  }
  return `${JSON.stringify({ keys }, null, 2)}\n`;
}

async function isUsable(key: unknown): Promise<boolean> {
  const { keys } = await parseKeySet(JSON.stringify({ keys: [key] })).catch(() => ({ keys: new Map() }));
  return keys.size === 1;
}

function entriesOf(text: string | undefined): readonly PublicKey[] {
  try {
    const { keys } = JSON.parse(text ?? '');
    return Array.isArray(keys) ? keys : [];
  } catch {
    return [];
  }
}
