/**
 * The private key that root tokens are signed with: made once, kept as a JWK with kid and alg, read for each mint.
 *
 * The kid is the key's own thumbprint (RFC 7638), so that two keys never share one.
 */
import { type CryptoKey, calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, type JWK } from 'jose';
import { isKeyId, parseAlgorithm, type SigningAlgorithm } from './key-set.ts';

export interface SigningKey {
  readonly kid: string;
  readonly alg: SigningAlgorithm;
  readonly key: CryptoKey;
}

export interface GeneratedKey {
  /** Secret. With kid and alg, as `importSigningKey` wants it. */
  readonly privateJwk: JWK;
  /** For verifiers: `{"keys": [...]}`. */
  readonly publicJwks: { readonly keys: readonly JWK[] };
}

export async function generateSigningKey(alg: 'EdDSA' | 'ES256' = 'EdDSA'): Promise<GeneratedKey> {
  const pair = await generateKeyPair(alg, { extractable: true });
  const publicMembers = await exportJWK(pair.publicKey);
  const facts = { kid: await calculateJwkThumbprint(publicMembers), alg, use: 'sig' };
  const privateMembers = await exportJWK(pair.privateKey);
  return { privateJwk: { ...privateMembers, ...facts }, publicJwks: { keys: [{ ...publicMembers, ...facts }] } };
}

/** Of a file that holds the JWK. @throws Error that says what is wrong, without showing any of it. */
export async function parseSigningKey(text: string): Promise<SigningKey> {
  try {
    return await importSigningKey(JSON.parse(text));
  } catch (error) {
    // A JSON error quotes the text it stumbled over, which here is a secret.
    throw error instanceof SyntaxError ? new Error('it is no JSON') : error;
  }
}

/** @throws TypeError that says what the JWK lacks, without showing it. */
export async function importSigningKey(jwk: unknown): Promise<SigningKey> {
  const { kid, alg: name, d } = (jwk ?? {}) as Readonly<Record<string, unknown>>;
  const alg = parseAlgorithm(name);
  if (typeof kid !== 'string' || !isKeyId(kid)) throw new TypeError('the signing key has no kid');
  if (alg === undefined) throw new TypeError('the signing key has no alg that is EdDSA, ES256 or RS256');
  if (typeof d !== 'string') throw new TypeError('the signing key is not a private JWK');
  const key = await importJWK(jwk as JWK, alg).catch(() => undefined);
  if (key === undefined || key instanceof Uint8Array) throw new TypeError(`the signing key is no valid ${alg} key`);
  return { kid, alg, key };
}
