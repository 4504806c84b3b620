import { CompactSign, generateKeyPair } from 'jose';
import { beforeAll, expect, test } from 'vitest';
import type { Clock } from '#lib/clock.ts';
import { hasReason, type Reason } from '#lib/errors.ts';
import { requireAudience } from './authorize.ts';
import { type KeySet, parseKeySet } from './key-set.ts';
import { createKeySource, type KeySource } from './key-source.ts';
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

function withReason(reason: Reason) {
  return expect.toSatisfy((error: unknown) => hasReason(error, reason), `has reason ${reason}`);
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
  return new CompactSign(new TextEncoder().encode(text))
    .setProtectedHeader({ alg: signingKey.alg, typ: 'mcp2-cap+jwt', kid: signingKey.kid, ...header })
    .sign(signingKey.key);
}

async function setUp(options: Partial<TokenVerifierOptions> & { jwks?: unknown } = {}) {
  const clock = clockAt(NOW_SECONDS);
  let next: KeySet | undefined = await parseKeySet(JSON.stringify(options.jwks ?? generated.publicJwks));
  const policy = { refreshAfterMs: 1e12, maxAgeMs: 1e12, maxStaleMs: 1e12, retryAfterMs: 1000 };
  const keys: KeySource = createKeySource({ clock, policy, read: async () => next });
  const verifier = createTokenVerifier({ issuers: [{ iss: ISSUER, keys }], clock, ...options });
  const replaceKeys = async (jwks: unknown) => {
    next = await parseKeySet(JSON.stringify(jwks));
  };
  return { verifier, clock, keys, replaceKeys };
}
