import { exportJWK, generateKeyPair, type JWK } from 'jose';
import { beforeAll, expect, test } from 'vitest';
import { KeySetError, parseAlgorithm, parseKeySet } from './key-set.ts';
import { generateSigningKey } from './signing-key.ts';

let eddsa: JWK;
let es256: JWK;
let rs256: JWK;

beforeAll(async () => {
  eddsa = (await generateSigningKey('EdDSA')).publicJwks.keys[0] ?? {};
  es256 = (await generateSigningKey('ES256')).publicJwks.keys[0] ?? {};
  const pair = await generateKeyPair('RS256', { extractable: true });
  rs256 = { ...(await exportJWK(pair.publicKey)), kid: 'rsa', alg: 'RS256' };
});

test('EdDSA, ES256 and RS256 keys are taken, with or without use', async () => {
  const set = await parse([eddsa, es256, rs256]);
  expect([...set.keys.values()].map(({ alg }) => alg)).toEqual(['EdDSA', 'ES256', 'RS256']);
  expect(set.skipped).toEqual([]);
});

test('a key with alg Ed25519 is an EdDSA key', async () => {
  expect((await parse([{ ...eddsa, alg: 'Ed25519' }])).keys.get(eddsa.kid ?? '')?.alg).toBe('EdDSA');
});

test.each<[string, () => unknown]>([
  ['a shared secret', () => ({ kty: 'oct', k: 'AAAA', kid: 'a', alg: 'HS256' })],
  ['a private key', async () => (await generateSigningKey('EdDSA')).privateJwk],
  ['a key with a private member beside', () => ({ ...eddsa, d: 'AAAA' })],
  ['no kid', () => ({ ...eddsa, kid: undefined })],
  ['a kid of 65 characters', () => ({ ...eddsa, kid: 'a'.repeat(65) })],
  ['a kid with a slash', () => ({ ...eddsa, kid: 'a/b' })],
  ['no alg', () => ({ ...eddsa, alg: undefined })],
  ['alg none', () => ({ ...eddsa, alg: 'none' })],
  ['alg ES384', () => ({ ...es256, alg: 'ES384' })],
  ['alg PS256', () => ({ ...rs256, alg: 'PS256' })],
  ['use enc', () => ({ ...eddsa, use: 'enc' })],
  ['key_ops without verify', () => ({ ...eddsa, key_ops: ['encrypt'] })],
  ['an alg of another key type', () => ({ ...eddsa, alg: 'ES256' })],
  ['another curve', () => ({ ...es256, crv: 'P-384' })],
  ['a point that is not on the curve', () => ({ ...es256, y: es256.x })],
  ['an RSA modulus of 1024 bits', () => ({ ...rs256, n: rs256.n?.slice(0, 171) })],
  [
    'an RSA modulus padded with zeros',
    () => ({ ...rs256, n: Buffer.alloc(256, 0).fill(1, 200).toString('base64url') }),
  ],
  ['no object', () => 'key'],
  ['null', () => null],
])('%s is skipped and the key beside it is taken', async (_title, entry) => {
  const set = await parse([await entry(), { ...eddsa, kid: 'beside' }]);
  expect([...set.keys.keys()]).toEqual(['beside']);
  expect(set.skipped).toHaveLength(1);
});

test('a kid that several keys have stands for none of them', async () => {
  const set = await parse([eddsa, es256, { ...es256, kid: eddsa.kid }, { ...rs256, kid: eddsa.kid }]);
  expect([...set.keys.keys()]).toEqual([es256.kid]);
});

test('what is skipped is reported without the key', async () => {
  const set = await parse([{ kty: 'oct', k: 'c2VjcmV0', kid: 'a', alg: 'HS256' }]);
  expect(set.skipped.join()).not.toContain('c2VjcmV0');
});

test.each([
  ['no JSON', 'keys'],
  ['no object', '[]'],
  ['no list of keys', '{"keys":{}}'],
  ['a repeated member', '{"keys":[],"keys":[]}'],
  ['33 keys', JSON.stringify({ keys: Array(33).fill({}) })],
  ['more than 64 KiB', JSON.stringify({ keys: [], note: 'x'.repeat(65_536) })],
])('a key set that is or has %s is refused as a whole', async (_title, text) => {
  await expect(parseKeySet(text)).rejects.toThrow(KeySetError);
});

test('a thumbprint follows the key, not its kid', async () => {
  const [first, second] = [await parse([{ ...eddsa, kid: 'a' }]), await parse([{ ...eddsa, kid: 'b', use: 'sig' }])];
  const [other] = (await generateSigningKey('EdDSA')).publicJwks.keys;
  const third = await parse([{ ...other, kid: 'a' }]);
  expect(second.keys.get('b')?.thumbprint).toBe(first.keys.get('a')?.thumbprint);
  expect(third.keys.get('a')?.thumbprint).not.toBe(first.keys.get('a')?.thumbprint);
});

test('only the three asymmetric algorithms have a name here', () => {
  const names = ['EdDSA', 'Ed25519', 'ES256', 'RS256', 'HS256', 'none', 'RS512', 'Ed448', undefined, 1];
  const known = names.map((name) => parseAlgorithm(name));
  expect(known).toEqual(['EdDSA', 'EdDSA', 'ES256', 'RS256', ...Array(6).fill(undefined)]);
});

function parse(keys: readonly unknown[]) {
  return parseKeySet(JSON.stringify({ keys }));
}
