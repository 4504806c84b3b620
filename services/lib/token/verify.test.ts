import { CompactSign, generateKeyPair } from 'jose';
import { beforeAll, expect, test } from 'vitest';
import type { Clock } from '#lib/clock.ts';
import { hasReason, type Reason } from '#lib/errors.ts';
import { requireAudience } from './authorize.ts';
import { type KeySet, parseKeySet } from './key-set.ts';
import { createKeySource, type KeySource, type RefreshPolicy } from './key-source.ts';
import { mintToken } from './mint.ts';
import type { Revocations } from './revocations.ts';
import { type GeneratedKey, generateSigningKey, importSigningKey, type SigningKey } from './signing-key.ts';
import { createTokenVerifier, type TokenVerifierOptions } from './verify.ts';

const ISSUER = 'mcp2:test';
const NOW_SECONDS = 1_760_000_000;
const GOOD = {
  iss: ISSUER,
  sub: 'shop.agent',
  aud: ['InventoryDB_*'],
  iat: NOW_SECONDS,
  exp: NOW_SECONDS + 900,
  jti: 'AAAAAAAAAAAAAAAAAAAAAA',
  capabilities: ['db:inventory:read'],
};

let generated: GeneratedKey;
let signingKey: SigningKey;

beforeAll(async () => {
  generated = await generateSigningKey('EdDSA');
  signingKey = await importSigningKey(generated.privateJwk);
});

test.each(['EdDSA', 'ES256'] as const)('a minted %s token verifies', async (alg) => {
  const pair = await generateSigningKey(alg);
  const { verifier } = await setUp({ jwks: pair.publicJwks });
  const token = await mintToken(await importSigningKey(pair.privateJwk), request(), { clock: clockAt(NOW_SECONDS) });
  const verified = await verifier.verify(token);
  expect(verified).toMatchObject({ iss: ISSUER, sub: 'shop.agent', aud: ['InventoryDB_*'], exp: NOW_SECONDS + 900 });
});

test('an RS256 token of another issuer verifies', async () => {
  const { privateKey, publicKey } = await generateKeyPair('RS256', { extractable: true });
  const jwk = { ...(await crypto.subtle.exportKey('jwk', publicKey)), kid: 'rsa', alg: 'RS256', key_ops: ['verify'] };
  const { verifier } = await setUp({ jwks: { keys: [jwk] } });
  const token = await new CompactSign(Buffer.from(JSON.stringify(GOOD)))
    .setProtectedHeader({ alg: 'RS256', typ: 'mcp2-cap+jwt', kid: 'rsa' })
    .sign(privateKey);
  expect((await verifier.verify(token)).sub).toBe('shop.agent');
});

test('a hit of the cache is answered without waiting', async () => {
  const { verifier } = await setUp();
  const token = await sign(GOOD);
  expect(verifier.verifyCached(token)).toBeUndefined();
  const verified = await verifier.verify(token);
  expect(verifier.verifyCached(token)).toBe(verified);
});

test('a cached token is refused once it expires, at the second that exp names', async () => {
  const { verifier, clock } = await setUp();
  const token = await sign(GOOD);
  await verifier.verify(token);
  clock.ms = (GOOD.exp - 1) * 1000 + 999;
  expect(verifier.verifyCached(token)).toBeDefined();
  clock.ms = GOOD.exp * 1000;
  expect(() => verifier.verifyCached(token)).toThrow(withReason('TOKEN_EXPIRED'));
  await expect(verifier.verify(token)).rejects.toThrow(withReason('TOKEN_EXPIRED'));
});

test('a cached token is refused once it is revoked', async () => {
  const revoked = new Set<string>();
  const revocations: Revocations = { isRevoked: ({ jti }) => revoked.has(jti), isStale: () => false };
  const { verifier } = await setUp({ revocations });
  const token = await sign(GOOD);
  await verifier.verify(token);
  revoked.add(GOOD.jti);
  expect(() => verifier.verifyCached(token)).toThrow(withReason('TOKEN_REVOKED'));
});

test('a token that was given out holds until it expires, is revoked or loses its key, forgotten or not', async () => {
  const revoked = new Set<string>();
  const revocations: Revocations = { isRevoked: ({ jti }) => revoked.has(jti), isStale: () => false };
  const { verifier, clock, keys, replaceKeys } = await setUp({ revocations, cacheSize: 1 });
  const token = await verifier.verify(await sign(GOOD));
  await verifier.verify(await sign({ ...GOOD, jti: 'B'.repeat(22) }));
  expect(verifier.holds(token)).toBe(true);
  revoked.add(GOOD.jti);
  expect(() => verifier.holds(token)).toThrow(withReason('TOKEN_REVOKED'));
  revoked.clear();
  clock.ms = GOOD.exp * 1000;
  expect(() => verifier.holds(token)).toThrow(withReason('TOKEN_EXPIRED'));
  clock.ms = NOW_SECONDS * 1000;
  await replaceKeys((await generateSigningKey('EdDSA')).publicJwks);
  await keys.refresh();
  expect(verifier.holds(token)).toBe(false);
});

test('a token of another verifier does not hold', async () => {
  const { verifier } = await setUp();
  const other = await setUp();
  expect(verifier.holds(await other.verifier.verify(await sign(GOOD)))).toBe(false);
});

test('a cached token is refused by another server than its audience', async () => {
  const { verifier } = await setUp();
  const token = await sign(GOOD);
  const verified = await verifier.verify(token);
  expect(() => requireAudience(verified, 'InventoryDB_Primary')).not.toThrow();
  expect(() => requireAudience(verified, 'PayrollDB_Primary')).toThrow(withReason('AUDIENCE_MISMATCH'));
});

test('a cached token is refused once its key is gone', async () => {
  const { verifier, keys, replaceKeys } = await setUp();
  const token = await sign(GOOD);
  await verifier.verify(token);
  await replaceKeys({ keys: [] });
  await keys.refresh();
  expect(verifier.verifyCached(token)).toBeUndefined();
  await expect(verifier.verify(token)).rejects.toThrow(withReason('TOKEN_UNTRUSTED'));
});

test('a new key under an old kid does not keep old verdicts alive', async () => {
  const { verifier, keys, replaceKeys } = await setUp();
  const token = await sign(GOOD);
  await verifier.verify(token);
  const other = await generateSigningKey('EdDSA');
  await replaceKeys({ keys: other.publicJwks.keys.map((jwk) => ({ ...jwk, kid: signingKey.kid })) });
  await keys.refresh();
  expect(verifier.verifyCached(token)).toBeUndefined();
  await expect(verifier.verify(token)).rejects.toThrow(withReason('TOKEN_UNTRUSTED'));
});

test('while keys must be read again a cached token waits for them, and its signature is not checked twice', async () => {
  const { verifier, clock } = await setUp({ policy: { maxAgeMs: 600_000 } });
  const token = await sign(GOOD);
  const verified = await verifier.verify(token);
  clock.ms += 600_001;
  expect(verifier.verifyCached(token)).toBeUndefined();
  expect(await verifier.verify(token)).toBe(verified);
  expect(verifier.verifyCached(token)).toBe(verified);
});

test('a cached token is refused when its key is gone from keys that had to be read again', async () => {
  const { verifier, clock, replaceKeys } = await setUp({ policy: { maxAgeMs: 600_000 } });
  const token = await sign(GOOD);
  await verifier.verify(token);
  const other = await generateSigningKey('EdDSA');
  await replaceKeys({ keys: other.publicJwks.keys.map((jwk) => ({ ...jwk, kid: signingKey.kid })) });
  clock.ms += 600_001;
  await expect(verifier.verify(token)).rejects.toThrow(withReason('TOKEN_UNTRUSTED'));
});

test('many calls that bring one token at the same time share one verification', async () => {
  const { verifier } = await setUp({ maxPending: 1 });
  const token = await sign(GOOD);
  const results = await Promise.all(Array.from({ length: 50 }, () => verifier.verify(token)));
  expect(new Set(results).size).toBe(1);
});

test('more tokens under verification than the bound are refused, and room comes back', async () => {
  const { verifier } = await setUp({ maxPending: 1 });
  const [first, second] = [await sign(GOOD), await sign({ ...GOOD, jti: 'B'.repeat(22) })];
  const running = verifier.verify(first);
  await expect(verifier.verify(second)).rejects.toThrow(withReason('LIMIT_EXCEEDED'));
  await running;
  await expect(verifier.verify(second)).resolves.toBeDefined();
});

test('the cache forgets the token that was not used for longest', async () => {
  const { verifier } = await setUp({ cacheSize: 2 });
  const tokens = await Promise.all(['A', 'B', 'C'].map((letter) => sign({ ...GOOD, jti: letter.repeat(22) })));
  for (const token of tokens) await verifier.verify(token);
  expect(tokens.map((token) => verifier.verifyCached(token) !== undefined)).toEqual([false, true, true]);
});

test('a token is taken 30 s before its iat and nbf, for clocks that run early, and not sooner', async () => {
  const { verifier, clock } = await setUp();
  const token = await sign({ ...GOOD, nbf: GOOD.iat + 10 });
  clock.ms = (GOOD.iat - 20) * 1000;
  await expect(verifier.verify(token)).resolves.toBeDefined();
  clock.ms -= 1;
  expect(() => verifier.verifyCached(token)).toThrow(withReason('TOKEN_NOT_YET_VALID'));
});

test('the mirrored ECDSA signature of a token is the same token, with the same authority', async () => {
  const pair = await generateSigningKey('ES256');
  const { verifier } = await setUp({ jwks: pair.publicJwks });
  const token = await mintToken(await importSigningKey(pair.privateJwk), request(), { clock: clockAt(NOW_SECONDS) });
  const mirrored = mirrorSignature(token);
  const [a, b] = [await verifier.verify(token), await verifier.verify(mirrored)];
  expect(mirrored).not.toBe(token);
  expect([b.iss, b.jti, b.authority]).toEqual([a.iss, a.jti, a.authority]);
});

test.each(['authority', 'standing'] as const)(
  '%s is the same for equal rights and differs with each thing that a right depends on',
  async (name) => {
    const { verifier } = await setUp();
    const read = async (change: object) => (await verifier.verify(await sign({ ...GOOD, ...change })))[name];
    const base = await read({});
    expect(await read({ jti: 'B'.repeat(22), exp: GOOD.exp + 60 })).toBe(base);
    expect(await read({ capabilities: ['db:inventory:read', 'db:inventory:read'] })).toBe(base);
    const otherAudience = await read({ aud: ['InventoryDB_Primary'] });
    expect(otherAudience === base).toBe(name === 'authority');
    const changes = [
      { sub: 'shop.other' },
      { tid: 'retail' },
      { capabilities: ['db:inventory:write'] },
      { grants: [] },
    ];
    const others = await Promise.all(changes.map(read));
    expect(new Set([base, ...others]).size).toBe(changes.length + 1);
  },
);

test('the EdDSA algorithm is also accepted under its name Ed25519', async () => {
  const { verifier } = await setUp();
  await expect(verifier.verify(await sign(GOOD, { alg: 'Ed25519' }))).resolves.toBeDefined();
});

test('two issuers of one name are refused when the verifier is made', async () => {
  const { keys } = await setUp();
  const issuer = { iss: ISSUER, keys };
  expect(() => createTokenVerifier({ issuers: [issuer, issuer], clock: clockAt(0) })).toThrow(RangeError);
});

/** (r, n - s) verifies wherever (r, s) does. */
function mirrorSignature(token: string): string {
  const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
  return edit(token, 2, (part) => {
    const bytes = Buffer.from(part, 'base64url');
    const s = BigInt(`0x${bytes.subarray(32).toString('hex')}`);
    const mirrored = Buffer.from((order - s).toString(16).padStart(64, '0'), 'hex');
    return Buffer.concat([bytes.subarray(0, 32), mirrored]).toString('base64url');
  });
}

function edit(token: string, index: number, change: (part: string) => string): string {
  return token
    .split('.')
    .map((part, i) => (i === index ? change(part) : part))
    .join('.');
}

function withReason(reason: Reason) {
  return expect.toSatisfy((error: unknown) => hasReason(error, reason));
}

function request() {
  return { iss: ISSUER, sub: 'shop.agent', aud: ['InventoryDB_*'], capabilities: ['db:inventory:read'] };
}

function clockAt(seconds: number): Clock & { ms: number } {
  const clock = { ms: seconds * 1000, nowMs: () => clock.ms, monotonicMs: () => clock.ms, sleep: async () => {} };
  return clock;
}

async function sign(payload: unknown, header: Record<string, unknown> = {}): Promise<string> {
  const text = typeof payload === 'string' ? payload : JSON.stringify(payload);
  return signBytes(new TextEncoder().encode(text), header);
}

function signBytes(bytes: Uint8Array, header: Record<string, unknown> = {}): Promise<string> {
  return new CompactSign(bytes)
    .setProtectedHeader({ alg: signingKey.alg, typ: 'mcp2-cap+jwt', kid: signingKey.kid, ...header })
    .sign(signingKey.key);
}

interface Options extends Partial<TokenVerifierOptions> {
  readonly jwks?: unknown;
  readonly policy?: Partial<RefreshPolicy>;
}

async function setUp(options: Options = {}) {
  const clock = clockAt(NOW_SECONDS);
  let next: KeySet | undefined = await parseKeySet(JSON.stringify(options.jwks ?? generated.publicJwks));
  const policy = { refreshAfterMs: 1e12, maxAgeMs: 1e12, maxStaleMs: 1e12, retryAfterMs: 1000, ...options.policy };
  const keys: KeySource = createKeySource({ clock, policy, read: async () => next });
  const verifier = createTokenVerifier({ issuers: [{ iss: ISSUER, keys }], clock, ...options });
  const replaceKeys = async (jwks: unknown) => {
    next = await parseKeySet(JSON.stringify(jwks));
  };
  return { verifier, clock, keys, replaceKeys };
}
