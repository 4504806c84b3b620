import { decodeJwt, decodeProtectedHeader } from 'jose';
import { beforeAll, expect, test } from 'vitest';
import { hasReason } from '#lib/errors.ts';
import { mintProbeToken, mintToken } from './mint.ts';
import type { MintRequest } from './mint-request.ts';
import { generateSigningKey, importSigningKey, type SigningKey } from './signing-key.ts';

const NOW_SECONDS = 1_760_000_000;
const REQUEST: MintRequest = {
  iss: 'mcp2:test',
  sub: 'shop.agent',
  aud: ['Inv_*'],
  capabilities: ['db:inventory:read'],
};
const DEPENDENCIES = { clock: { nowMs: () => NOW_SECONDS * 1000 + 999 } };

let key: SigningKey;

beforeAll(async () => {
  key = await importSigningKey((await generateSigningKey()).privateJwk);
});

test('a token lives 15 minutes by default and names its key', async () => {
  const token = await mintToken(key, REQUEST, DEPENDENCIES);
  expect(decodeProtectedHeader(token)).toEqual({ alg: 'EdDSA', typ: 'mcp2-cap+jwt', kid: key.kid });
  expect(decodeJwt(token)).toEqual({ ...REQUEST, iat: NOW_SECONDS, exp: NOW_SECONDS + 900, jti: expect.any(String) });
});

test('jti is 16 bytes of the given randomness', async () => {
  const randomBytes = (count: number) => new Uint8Array(count).fill(255);
  const token = await mintToken(key, REQUEST, { ...DEPENDENCIES, randomBytes });
  expect(decodeJwt(token).jti).toBe(Buffer.alloc(16, 255).toString('base64url'));
});

test('a probe token lives a minute and is good for one card of one server', async () => {
  const token = await mintProbeToken(
    key,
    { iss: 'i', sub: 'operator', serverName: 'InventoryDB_Primary' },
    DEPENDENCIES,
  );
  expect(decodeJwt(token)).toMatchObject({
    aud: ['InventoryDB_Primary'],
    exp: NOW_SECONDS + 60,
    grants: [{ method: 'ServiceInfo.GetCard', resource: ['InventoryDB_Primary'] }],
  });
  expect(decodeJwt(token).capabilities).toBeUndefined();
});

test.each<[string, Partial<MintRequest> | Record<string, undefined>, RegExp]>([
  ['a life of more than an hour', { ttlSeconds: 3601 }, /ttlSeconds must be/],
  ['no life', { ttlSeconds: 0 }, /ttlSeconds must be/],
  ['a fractional life', { ttlSeconds: 1.5 }, /ttlSeconds must be/],
  ['neither capabilities nor grants', { capabilities: undefined }, /capabilities or grants/],
  ['no audience', { aud: [] }, /aud needs 1 to 16/],
  ['17 audiences', { aud: Array(17).fill('Inv_a') }, /aud needs 1 to 16/],
  ['an audience wildcard without separator', { aud: ['Inv_a', 'Inv*'] }, /aud\[1\]: "Inv\*" is not an audience/],
  ['65 capabilities', { capabilities: Array(65).fill('db:a:read') }, /at most 64 capabilities/],
  [
    'a capability with * inside a segment',
    { capabilities: ['db:inv*'] },
    /capabilities\[0\]: .*"\*" inside the segment "inv\*"/,
  ],
  ['a bare *', { capabilities: ['*'] }, /grants everything/],
  ['an unknown namespace', { capabilities: ['cache:x'] }, /unknown namespace; use one of db, context/],
  ['33 grants', { grants: Array(33).fill({ method: 'ContextTool.InvokeTool', resource: ['x'] }) }, /at most 32 grants/],
  [
    'a void grant',
    { grants: [{ method: 'ContextTool.InvokeTool', resource: ['x'], ttl: 1 }] },
    /grants\[0\]: has the unknown member "ttl"/,
  ],
  ['an empty sub', { sub: '' }, /^sub must be/],
  ['an empty iss', { iss: '' }, /^iss must be/],
  ['an illegal tenant', { tid: 'a b' }, /^tid must be/],
  [
    'more than 4 KiB',
    { capabilities: Array.from({ length: 64 }, (_, i) => `db:${'a'.repeat(60)}${i}:read`) },
    /bytes; verifiers take at most 4096/,
  ],
])('%s is refused with ARGUMENT_INVALID', async (_title, change, message) => {
  const attempt = mintToken(key, { ...REQUEST, ...change } as MintRequest, DEPENDENCIES);
  await expect(attempt).rejects.toThrow(message);
  await expect(attempt).rejects.toEqual(expect.toSatisfy((error) => hasReason(error, 'ARGUMENT_INVALID')));
});

test('all problems are named at once', async () => {
  const attempt = mintToken(key, { ...REQUEST, ttlSeconds: 0, aud: ['*'], capabilities: ['a**'] }, DEPENDENCIES);
  await expect(attempt).rejects.toThrow(/ttlSeconds.*; aud\[0\].*; capabilities\[0\]/);
});

test('a bare * is minted only when the caller may hand out everything', async () => {
  await expect(
    mintToken(key, { ...REQUEST, capabilities: ['*'], allowEverything: true }, DEPENDENCIES),
  ).resolves.toBeDefined();
});

test('the private key is never in the public set', async () => {
  const { privateJwk, publicJwks } = await generateSigningKey('ES256');
  expect(privateJwk.d).toBeDefined();
  expect(publicJwks.keys.map((jwk) => Object.keys(jwk).sort())).toEqual([
    ['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y'],
  ]);
});

test.each([
  ['nothing', undefined],
  ['a public key', { kty: 'OKP', crv: 'Ed25519', x: 'AAAA', kid: 'a', alg: 'EdDSA' }],
  ['no kid', { kty: 'OKP', crv: 'Ed25519', x: 'AAAA', d: 'BBBB', alg: 'EdDSA' }],
  ['no alg', { kty: 'OKP', crv: 'Ed25519', x: 'AAAA', d: 'BBBB', kid: 'a' }],
  ['a shared secret', { kty: 'oct', k: 'AAAA', d: 'BBBB', kid: 'a', alg: 'HS256' }],
  ['broken numbers', { kty: 'OKP', crv: 'Ed25519', x: 'AAAA', d: 'BBBB', kid: 'a', alg: 'EdDSA' }],
])('a signing key that is or has %s is refused without being shown', async (_title, jwk) => {
  const refusal = await importSigningKey(jwk).catch((error: unknown) => error);
  expect(refusal).toBeInstanceOf(TypeError);
  expect(String(refusal)).not.toContain('BBBB');
});
