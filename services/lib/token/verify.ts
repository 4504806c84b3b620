/**
 * Verification of root tokens: strict form, then key and signature, then claims; and the cache that makes the second
 * call with a token synchronous.
 *
 * The cache remembers only what cannot change: that this text carried a good signature, and what it says. Expiry,
 * revocation and whether the signing key is still trusted are asked again on each call, and the audience by whoever
 * uses the token (`authorize.ts`). Keys are SHA-256 of the text, so that no heap dump holds tokens as map keys.
 */
import { hash } from 'node:crypto';
import { compactVerify } from 'jose';
import { LRUCache } from 'lru-cache';
import type { Clock } from '#lib/clock.ts';
import { ServiceError } from '#lib/errors.ts';
import { parseRootClaims } from './claims.ts';
import { type CompactToken, MAX_TOKEN_BYTES, parseCompact, requireCompactForm } from './compact.ts';
import { type DevelopmentIssuer, isDevelopmentToken, verifyDevelopmentToken } from './development.ts';
import { isKeyId, parseAlgorithm, type VerificationKey } from './key-set.ts';
import type { KeySource } from './key-source.ts';
import { noRevocations, type Revocations } from './revocations.ts';
import { requireValidNow, toVerifiedToken, type VerifiedToken } from './verified-token.ts';

export interface TokenIssuer {
  /** Compared exactly with `iss`; never fetched. */
  readonly iss: string;
  readonly keys: KeySource;
}

export interface TokenVerifierOptions {
  readonly issuers: readonly TokenIssuer[];
  readonly clock: Clock;
  /** Only for development: accepts HS256 tokens of the proposal's reference client. */
  readonly development?: DevelopmentIssuer | undefined;
  /** Default: nothing is ever revoked. */
  readonly revocations?: Revocations | undefined;
  /** How many verified tokens are remembered. Default 8192. */
  readonly cacheSize?: number | undefined;
  /** How many different tokens may be under verification at once; more are refused. Default 1024. */
  readonly maxPending?: number | undefined;
}

export interface TokenVerifier {
  /**
   * The token, when its signature was verified before; undefined when it was not, and then `verify` decides.
   *
   * @throws ServiceError when it was, and is valid no more or not yet: TOKEN_EXPIRED, TOKEN_REVOKED, TOKEN_NOT_YET_VALID
   */
  verifyCached(token: string): VerifiedToken | undefined;
  /**
   * Whether a token that this verifier gave out may still be used; false when its key must be looked at again, which
   * `verify` does. For who remembers a token by something else than its text.
   *
   * @throws ServiceError TOKEN_EXPIRED, TOKEN_REVOKED or TOKEN_NOT_YET_VALID
   */
  holds(token: VerifiedToken): boolean;
  /** Verifies, once however many calls bring the same token at the same time. Rejects with a ServiceError. */
  verify(token: string): Promise<VerifiedToken>;
}

/** What the cache remembers of one text. */
interface Verification {
  readonly token: VerifiedToken;
  /** Undefined for a development token, whose secret never rotates. */
  readonly signedBy: { readonly keys: KeySource; readonly kid: string; readonly thumbprint: string } | undefined;
}

export const TOKEN_TYPE = 'mcp2-cap+jwt';

const DEFAULT_CACHE_SIZE = 8192;
const DEFAULT_MAX_PENDING = 1024;

/** @throws RangeError when two issuers share a name: one of them would be trusted for the other's tokens. */
export function createTokenVerifier(options: TokenVerifierOptions): TokenVerifier {
  const names = [...options.issuers, ...(options.development ? [options.development] : [])].map(({ iss }) => iss);
  if (new Set(names).size !== names.length) throw new RangeError('two token issuers have the same name');
  return new RootTokenVerifier(options);
}

class RootTokenVerifier implements TokenVerifier {
  readonly #issuers: ReadonlyMap<string, TokenIssuer>;
  readonly #development: DevelopmentIssuer | undefined;
  readonly #clock: Clock;
  readonly #revocations: Revocations;
  readonly #verifications: LRUCache<string, Verification>;
  readonly #verificationOf = new WeakMap<VerifiedToken, Verification>();
  readonly #pending = new Map<string, Promise<VerifiedToken>>();
  readonly #maxPending: number;

  constructor(options: TokenVerifierOptions) {
    this.#issuers = new Map(options.issuers.map((issuer) => [issuer.iss, issuer]));
    this.#development = options.development;
    this.#clock = options.clock;
    this.#revocations = options.revocations ?? noRevocations;
    this.#verifications = new LRUCache({ max: options.cacheSize ?? DEFAULT_CACHE_SIZE });
    this.#maxPending = options.maxPending ?? DEFAULT_MAX_PENDING;
  }

  verifyCached(token: string): VerifiedToken | undefined {
    // Only text of the strict form is ever remembered, so the form need not be checked again before the hash.
    return token.length > MAX_TOKEN_BYTES ? undefined : this.#lookUp(hashOf(token));
  }

  holds(token: VerifiedToken): boolean {
    const verdict = this.#verificationOf.get(token);
    return verdict !== undefined && this.#stillHolds(verdict);
  }

  async verify(token: string): Promise<VerifiedToken> {
    requireCompactForm(token);
    const textHash = hashOf(token);
    return this.#lookUp(textHash) ?? this.#pending.get(textHash) ?? this.#begin(token, textHash);
  }

  #lookUp(textHash: string): VerifiedToken | undefined {
    const verdict = this.#verifications.get(textHash);
    return verdict !== undefined && this.#stillHolds(verdict) ? verdict.token : undefined;
  }

  #stillHolds({ token, signedBy }: Verification): boolean {
    // Also without keys: they are too old then, and `verify` reads them first.
    if (signedBy && signedBy.keys.current()?.get(signedBy.kid)?.thumbprint !== signedBy.thumbprint) return false;
    requireValidNow(token, this.#clock.nowMs(), this.#revocations);
    return true;
  }

  #begin(token: string, textHash: string): Promise<VerifiedToken> {
    if (this.#pending.size >= this.#maxPending) {
      throw new ServiceError('LIMIT_EXCEEDED', 'too many tokens are being verified at once; try again in a moment');
    }
    const verification = this.#verifyAnew(token, textHash).finally(() => this.#pending.delete(textHash));
    this.#pending.set(textHash, verification);
    return verification;
  }

  async #verifyAnew(token: string, textHash: string): Promise<VerifiedToken> {
    const verdict = await this.#judge(token, textHash);
    this.#verificationOf.set(verdict.token, verdict);
    this.#verifications.set(textHash, verdict); // An expired token too: the next call with it is refused without crypto.
    requireValidNow(verdict.token, this.#clock.nowMs(), this.#revocations);
    return verdict.token;
  }

  async #judge(token: string, textHash: string): Promise<Verification> {
    const parsed = parseCompact(token);
    if (this.#development !== undefined && isDevelopmentToken(parsed)) {
      return { token: await verifyDevelopmentToken(token, parsed, this.#development), signedBy: undefined };
    }
    if (parsed.typ !== TOKEN_TYPE) throw untrusted(`the token header must say typ "${TOKEN_TYPE}"`);
    const { iss } = parsed.payload;
    if (iss === undefined) throw new ServiceError('TOKEN_MALFORMED', 'the token has no iss');
    const issuer = typeof iss === 'string' ? this.#issuers.get(iss) : undefined;
    if (issuer === undefined) throw untrusted('this server does not trust the issuer of the token');
    const key = await findKey(issuer, parsed);
    const known = this.#verifications.get(textHash); // Set aside only while the keys were read again.
    if (known?.signedBy?.keys === issuer.keys && known.signedBy.thumbprint === key.thumbprint) return known;
    await requireSignature(token, key);
    const signedBy = { keys: issuer.keys, kid: key.kid, thumbprint: key.thumbprint };
    return { token: toVerifiedToken(parseRootClaims(parsed.payload)), signedBy };
  }
}

function hashOf(token: string): string {
  return hash('sha256', token, 'hex');
}

async function findKey(issuer: TokenIssuer, { kid, alg }: CompactToken): Promise<VerificationKey> {
  if (kid === undefined || !isKeyId(kid))
    throw untrusted('the token header must have a kid of 1 to 64 of A-Z a-z 0-9 _ -');
  const key = await issuer.keys.find(kid);
  if (key === undefined) throw untrusted('the issuer of the token has no key with its kid');
  // RFC 8725 Section 3.1: the key says which algorithm it is for; the token's word for it is only compared.
  if (parseAlgorithm(alg) !== key.alg) throw untrusted('the alg of the token is not the one its key is for');
  return key;
}

async function requireSignature(token: string, { alg, key }: VerificationKey): Promise<void> {
  try {
    await compactVerify(token, key, { algorithms: alg === 'EdDSA' ? ['EdDSA', 'Ed25519'] : [alg] });
  } catch {
    throw untrusted('the signature of the token is not valid');
  }
}

function untrusted(message: string): ServiceError {
  return new ServiceError('TOKEN_UNTRUSTED', message);
}
