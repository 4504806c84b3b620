import { expect, test } from 'vitest';
import { generateSigningKey } from '#lib/token/signing-key.ts';
import { mergePublicKeys, publicKeyOf } from './public-keys.ts';

test.each(['EdDSA', 'ES256'] as const)('the public half of an %s key holds nothing private', async (alg) => {
  const { privateJwk, publicJwks } = await generateSigningKey(alg);
  const key = await publicKeyOf(JSON.stringify(privateJwk));
  expect(key).toEqual(publicJwks.keys[0]);
  expect(key).not.toHaveProperty('d');
});

test('it is derived from the private half, whatever the text says of it', async () => {
  const { privateJwk, publicJwks } = await generateSigningKey('ES256');
  const other = await generateSigningKey('ES256');
  const { x, y } = other.publicJwks.keys[0] ?? {};
  const key = await publicKeyOf(JSON.stringify({ ...privateJwk, x, y }));
  expect([undefined, publicJwks.keys[0]?.x]).toContain(key?.x);
});

test.each(['', 'garbage', '{}', '{"kty":"oct","k":"AAAA","kid":"a","alg":"HS256"}'])(
  '%j is no signing key',
  async (text) => {
    expect(await publicKeyOf(text)).toBeUndefined();
  },
);

test('the current key comes first, earlier ones stay, and what is no public key goes', async () => {
  const [current, earlier] = [await generateSigningKey(), await generateSigningKey()];
  const key = (await publicKeyOf(JSON.stringify(current.privateJwk))) as never;
  const published = [null, { kid: 'empty' }, (await generateSigningKey()).privateJwk, ...earlier.publicJwks.keys];
  const merged = await mergePublicKeys(key, JSON.stringify({ keys: published }));
  expect(JSON.parse(merged)).toEqual({ keys: [...current.publicJwks.keys, ...earlier.publicJwks.keys] });
  expect(await mergePublicKeys(key, merged)).toBe(merged);
});

test.each([undefined, '', 'garbage', '{"keys":7}', 'null'])('published text %j is no obstacle', async (text) => {
  const { privateJwk, publicJwks } = await generateSigningKey();
  const key = (await publicKeyOf(JSON.stringify(privateJwk))) as never;
  expect(JSON.parse(await mergePublicKeys(key, text))).toEqual(publicJwks);
});

test('there are never more keys than a verifier reads', async () => {
  const { privateJwk } = await generateSigningKey();
  const key = (await publicKeyOf(JSON.stringify(privateJwk))) as never;
  const template = (await generateSigningKey()).publicJwks.keys[0];
  const many = Array.from({ length: 40 }, (_unused, i) => ({ ...template, kid: `key-${i}` }));
  expect(JSON.parse(await mergePublicKeys(key, JSON.stringify({ keys: many }))).keys).toHaveLength(32);
});
