/**
 * The public keys of one issuer, read from a JSON Web Key Set (RFC 7517).
 *
 * A key is taken only when it says everything itself: kid, alg, a public key of the one shape that alg uses. Entries
 * that do not are skipped, not fatal, because an issuer may publish keys for other purposes beside ours.
 */
import { createHash } from 'node:crypto';
import { type CryptoKey, importJWK, type JWK } from 'jose';
import { parseStrictJson, StrictJsonError } from '#lib/strict-json.ts';

export type SigningAlgorithm = 'EdDSA' | 'ES256' | 'RS256';

export interface VerificationKey {
  readonly kid: string;
  readonly alg: SigningAlgorithm;
  /** SHA-256 of the key itself: the same kid may come to stand for another key. */
  readonly thumbprint: string;
  readonly key: CryptoKey;
}

export interface KeySet {
  readonly keys: ReadonlyMap<string, VerificationKey>;
  /** Why entries were left out, for the log: "keys[2]: has no kid". */
  readonly skipped: readonly string[];
}

/** The whole set is unusable. The message is for the operator's log. */
export class KeySetError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'KeySetError';
  }
}

export const MAX_KEY_SET_BYTES = 64 * 1024;
export const MAX_KEYS = 32;
const MIN_RSA_BITS = 2048;

const KID = /^[A-Za-z0-9_-]{1,64}$/;
/** RFC 7518 Sections 6.2.2, 6.3.2 and RFC 8037 Section 2. Whoever publishes one of these has published the key. */
const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'];

/** The opaque map key of a signing key. */
export function isKeyId(text: string): boolean {
  return KID.test(text);
}

/** EdDSA, or `Ed25519` as RFC 9864 names it; ES256; RS256. Undefined for anything else, HS256 included. */
export function parseAlgorithm(text: unknown): SigningAlgorithm | undefined {
  if (text === 'EdDSA' || text === 'Ed25519') return 'EdDSA';
  return text === 'ES256' || text === 'RS256' ? text : undefined;
}

/** @throws KeySetError for text over 64 KiB, more than 32 keys, or what is no key set at all. */
export async function parseKeySet(text: string): Promise<KeySet> {
  const entries = parseEntries(text);
  const keys = new Map<string, VerificationKey>();
  const repeated = new Set<string>();
  const skipped: string[] = [];
  for (const [i, entry] of entries.entries()) {
    const key = await readKey(entry);
    if (typeof key === 'string') skipped.push(`keys[${i}]: ${key}`);
    else if (keys.has(key.kid)) repeated.add(key.kid);
    else keys.set(key.kid, key);
  }
  for (const kid of repeated) {
    keys.delete(kid);
    skipped.push(`kid ${kid}: several keys have it`);
  }
  return { keys, skipped };
}

function parseEntries(text: string): readonly unknown[] {
  if (Buffer.byteLength(text) > MAX_KEY_SET_BYTES) throw new KeySetError('the key set is larger than 64 KiB');
  let value: unknown;
  try {
    value = parseStrictJson(text);
  } catch (error) {
    throw new KeySetError(`the key set ${error instanceof StrictJsonError ? error.message : 'cannot be read'}`);
  }
  const entries = isRecord(value) ? value.keys : undefined;
  if (!Array.isArray(entries)) throw new KeySetError('the key set has no list "keys" (RFC 7517 Section 5)');
  if (entries.length > MAX_KEYS) throw new KeySetError(`the key set has more than ${MAX_KEYS} keys`);
  return entries;
}

/** @returns the key, or the sentence that says why it is skipped. */
async function readKey(entry: unknown): Promise<VerificationKey | string> {
  if (!isRecord(entry)) return 'is no object';
  if (entry.kty === 'oct' || PRIVATE_MEMBERS.some((member) => Object.hasOwn(entry, member))) {
    return 'is a private or shared key; publish public keys only';
  }
  if (typeof entry.kid !== 'string' || !isKeyId(entry.kid)) return 'has no kid of 1 to 64 of A-Z a-z 0-9 _ -';
  const alg = parseAlgorithm(entry.alg);
  if (alg === undefined) return 'has no alg that is EdDSA, ES256 or RS256';
  if (entry.use !== undefined && entry.use !== 'sig') return 'has a use other than sig';
  if (entry.key_ops !== undefined && !(Array.isArray(entry.key_ops) && entry.key_ops.includes('verify'))) {
    return 'has key_ops without verify';
  }
  const jwk = publicMembers(alg, entry);
  if (jwk === undefined) return `is no ${alg} key`;
  try {
    const key = await importJWK(jwk, alg);
    if (key instanceof Uint8Array) return `is no ${alg} key`;
    return {
      kid: entry.kid,
      alg,
      key,
      thumbprint: createHash('sha256').update(JSON.stringify(jwk)).digest('base64url'),
    };
  } catch {
    return `is no valid ${alg} key`;
  }
}

/** Only the members that make the key, in one order, so that nothing else in the entry can change what it is. */
function publicMembers(alg: SigningAlgorithm, entry: Readonly<Record<string, unknown>>): JWK | undefined {
  const { kty, crv, x, y, n, e } = entry;
  if (alg === 'EdDSA') {
    return kty === 'OKP' && crv === 'Ed25519' && typeof x === 'string' ? { kty, crv, x } : undefined;
  }
  if (alg === 'ES256') {
    if (kty !== 'EC' || crv !== 'P-256' || typeof x !== 'string' || typeof y !== 'string') return undefined;
    return { kty, crv, x, y };
  }
  if (kty !== 'RSA' || typeof n !== 'string' || typeof e !== 'string') return undefined;
  return modulusBits(n) >= MIN_RSA_BITS ? { kty, n, e } : undefined;
}

function modulusBits(n: string): number {
  const hex = Buffer.from(n, 'base64url').toString('hex').replace(/^0+/, '');
  return hex === '' ? 0 : (hex.length - 1) * 4 + Number.parseInt(hex[0] ?? '0', 16).toString(2).length;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
