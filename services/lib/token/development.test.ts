import { createHmac } from 'node:crypto';
import { expect, test } from 'vitest';
import type { Clock } from '#lib/clock.ts';
import { hasReason, type Reason } from '#lib/errors.ts';
import { requireAudience } from './authorize.ts';
import { createDevelopmentIssuer } from './development.ts';
import { createKeySource } from './key-source.ts';
import { createTokenVerifier, type TokenVerifier } from './verify.ts';

const NOW_SECONDS = 1_760_000_000;
const SECRET = Buffer.from('a development secret of 32 bytes');
/** Header and claims in the order in which PyJWT writes them for the proposal's create_capability_token. */
const HEADER = { alg: 'HS256', typ: 'JWT' };
const CLAIMS = {
  sub: 'AgentA',
  capabilities: ['db:inventory:read', 'telemetry:read'],
  aud: ['InventoryDB_*'],
  iat: NOW_SECONDS,
  exp: NOW_SECONDS + 3600,
};

test('the token of the proposal verifies in development, audience included (S1)', async () => {
  const verifier = makeVerifier();
  const token = sign(CLAIMS);
  const verified = await verifier.verify(token);
  expect(verified).toMatchObject({ iss: 'mcp2:development', sub: 'AgentA' });
  expect(verified.jti).toMatch(/^sha256:[A-Za-z0-9_-]{43}$/);
  expect(verifier.verifyCached(token)).toBe(verified);
  expect(() => requireAudience(verified, 'InventoryDB_Primary')).not.toThrow();
});

test('two such tokens have two identities', async () => {
  const verifier = makeVerifier();
  const [a, b] = [await verifier.verify(sign(CLAIMS)), await verifier.verify(sign({ ...CLAIMS, exp: CLAIMS.exp - 1 }))];
  expect(a.jti).not.toBe(b.jti);
});

test.each<[string, Reason, string]>([
  ['another secret', 'TOKEN_UNTRUSTED', sign(CLAIMS, HEADER, Buffer.from('another secret of thirty-two byte'))],
  ['a kid', 'TOKEN_UNTRUSTED', sign(CLAIMS, { ...HEADER, kid: 'a' })],
  ['the typ of a root token', 'TOKEN_MALFORMED', sign(CLAIMS, { ...HEADER, typ: 'mcp2-cap+jwt' })],
  ['HS512', 'TOKEN_UNTRUSTED', sign(CLAIMS, { ...HEADER, alg: 'HS512' })],
  ['an iss', 'TOKEN_UNTRUSTED', sign({ ...CLAIMS, iss: 'mcp2:development' })],
  ['a jti', 'TOKEN_UNTRUSTED', sign({ ...CLAIMS, jti: 'A'.repeat(22) })],
  ['exp as an ISO date', 'TOKEN_MALFORMED', sign({ ...CLAIMS, exp: '2030-01-01T00:00:00Z' })],
  ['a life of more than an hour', 'TOKEN_MALFORMED', sign({ ...CLAIMS, exp: CLAIMS.exp + 1 })],
  ['a right to delegate', 'PROOF_UNSUPPORTED', sign({ ...CLAIMS, dlg: { depth: 1 } })],
  ['a key of its holder', 'PROOF_UNSUPPORTED', sign({ ...CLAIMS, cnf: {} })],
])('a development token with %s is %s', async (_title, reason, token) => {
  await expect(makeVerifier().verify(token)).rejects.toEqual(withReason(reason));
});

test('without the development issuer no HS256 token verifies', async () => {
  const verifier = createTokenVerifier({ issuers: [], clock: clock() });
  await expect(verifier.verify(sign(CLAIMS))).rejects.toEqual(withReason('TOKEN_UNTRUSTED'));
});

test('a secret under 32 bytes is refused, the 20 of the proposal among them (S10)', () => {
  expect(() => createDevelopmentIssuer('mcp2:development', Buffer.from('supersecret_mcp2_key'))).toThrow(/20 bytes/);
  expect(() => createDevelopmentIssuer('mcp2:development', SECRET.subarray(1))).toThrow(RangeError);
});

test('the development issuer never stands beside real keys of the same issuer', () => {
  const keys = createKeySource({
    clock: clock(),
    policy: { refreshAfterMs: 1, maxAgeMs: 1, maxStaleMs: 1, retryAfterMs: 1 },
    read: async () => undefined,
  });
  const development = createDevelopmentIssuer('mcp2:development', SECRET);
  const issuers = [{ iss: 'mcp2:development', keys }];
  expect(() => createTokenVerifier({ issuers, development, clock: clock() })).toThrow(RangeError);
});

function makeVerifier(): TokenVerifier {
  const development = createDevelopmentIssuer('mcp2:development', SECRET);
  return createTokenVerifier({ issuers: [], development, clock: clock() });
}

function clock(): Clock {
  const nowMs = () => NOW_SECONDS * 1000;
  return { nowMs, monotonicMs: nowMs, sleep: async () => {} };
}

function sign(claims: object, header: object = HEADER, secret: Buffer = SECRET): string {
  const input = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
  const hash = 'alg' in header && header.alg === 'HS512' ? 'sha512' : 'sha256';
  return `${input}.${createHmac(hash, secret).update(input).digest('base64url')}`;
}

function withReason(reason: Reason) {
  return expect.toSatisfy((error: unknown) => hasReason(error, reason));
}
