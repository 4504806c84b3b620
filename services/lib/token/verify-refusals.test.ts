import { CompactSign } from 'jose';
import { beforeAll, expect, test } from 'vitest';
import type { Clock } from '#lib/clock.ts';
import { hasReason, type Reason } from '#lib/errors.ts';
import { parseKeySet } from './key-set.ts';
import { createKeySource } from './key-source.ts';
import { type GeneratedKey, generateSigningKey, importSigningKey, type SigningKey } from './signing-key.ts';
import { createTokenVerifier, type TokenVerifier } from './verify.ts';

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

const MALFORMED: readonly [title: string, reason: Reason, token: () => Promise<string>][] = [
  ['nothing', 'TOKEN_MALFORMED', async () => ''],
  ['two parts', 'TOKEN_MALFORMED', async () => 'a.b'],
  ['no signature', 'TOKEN_MALFORMED', async () => edit(await sign(GOOD), 2, () => '')],
  ['padding', 'TOKEN_MALFORMED', async () => `${await sign(GOOD)}==`],
  ['an embedded space', 'TOKEN_MALFORMED', async () => edit(await sign(GOOD), 2, (part) => ` ${part}`)],
  ['a trailing line break', 'TOKEN_MALFORMED', async () => `${await sign(GOOD)}\n`],
  [
    'base64 instead of base64url',
    'TOKEN_MALFORMED',
    async () => edit(await sign(GOOD), 2, (part) => `+${part.slice(1)}`),
  ],
  ['stray bits after the signature', 'TOKEN_MALFORMED', async () => edit(await sign(GOOD), 2, withStrayBits)],
  ['more than 4 KiB', 'TOKEN_MALFORMED', () => sign({ ...GOOD, note: 'x'.repeat(4096) })],
  ['a repeated claim', 'TOKEN_MALFORMED', () => sign(JSON.stringify(GOOD).replace('{', '{"sub":"root",'))],
  [
    'a repeated claim in escapes',
    'TOKEN_MALFORMED',
    () => sign(JSON.stringify(GOOD).replace('{', '{"s\\u0075b":"r",')),
  ],
  ['claims nested deeper than 8', 'TOKEN_MALFORMED', () => sign({ ...GOOD, deep: JSON.parse('[[[[[[[[1]]]]]]]]') })],
  ['claims that are a list', 'TOKEN_MALFORMED', () => sign('[]')],
  ['claims that are no JSON', 'TOKEN_MALFORMED', () => sign('exp=1')],
  ['claims that are not UTF-8', 'TOKEN_MALFORMED', signBrokenUtf8],
  ['no exp', 'TOKEN_MALFORMED', () => sign({ ...GOOD, exp: undefined })],
  ['exp 1e400', 'TOKEN_MALFORMED', () => sign(JSON.stringify(GOOD).replace(`${GOOD.exp}`, '1e400'))],
  ['a fractional exp', 'TOKEN_MALFORMED', () => sign({ ...GOOD, exp: GOOD.exp + 0.5 })],
  ['exp as an ISO date (S1)', 'TOKEN_MALFORMED', () => sign({ ...GOOD, exp: '2030-07-01T00:00:00Z' })],
  ['a life of more than an hour', 'TOKEN_MALFORMED', () => sign({ ...GOOD, exp: GOOD.iat + 3601 })],
  ['no jti', 'TOKEN_MALFORMED', () => sign({ ...GOOD, jti: undefined })],
  ['no iss', 'TOKEN_MALFORMED', () => sign({ ...GOOD, iss: undefined })],
  ['no rights section', 'TOKEN_MALFORMED', () => sign({ ...GOOD, capabilities: undefined })],
  ...['jwk', 'jku', 'x5u', 'x5c', 'x5t', 'zip', 'cty', 'b64', 'crit', 'other'].map(
    (name): [string, Reason, () => Promise<string>] => [
      `${name} in its header`,
      'TOKEN_MALFORMED',
      async () => edit(await sign(GOOD), 0, () => encode({ alg: 'EdDSA', kid: signingKey.kid, [name]: [] })),
    ],
  ),
  ['a repeated header member', 'TOKEN_MALFORMED', async () => edit(await sign(GOOD), 0, repeatAlg)],
  ['no alg', 'TOKEN_MALFORMED', async () => edit(await sign(GOOD), 0, () => encode({ typ: 'mcp2-cap+jwt' }))],
  ['alg none', 'TOKEN_UNTRUSTED', async () => edit(await sign(GOOD), 0, () => header({ alg: 'none' }))],
  [
    'another alg than its key has',
    'TOKEN_UNTRUSTED',
    async () => edit(await sign(GOOD), 0, () => header({ alg: 'ES256' })),
  ],
  ['HS256 with the public key as secret', 'TOKEN_UNTRUSTED', signWithPublicKey],
  ['no kid', 'TOKEN_UNTRUSTED', () => sign(GOOD, { kid: undefined })],
  ['an unknown kid', 'TOKEN_UNTRUSTED', () => sign(GOOD, { kid: 'other' })],
  ['a kid that is a path', 'TOKEN_UNTRUSTED', () => sign(GOOD, { kid: '../../key' })],
  ['no typ', 'TOKEN_UNTRUSTED', () => sign(GOOD, { typ: undefined })],
  ['typ JWT', 'TOKEN_UNTRUSTED', () => sign(GOOD, { typ: 'JWT' })],
  ['typ in capitals', 'TOKEN_UNTRUSTED', () => sign(GOOD, { typ: 'MCP2-CAP+JWT' })],
  ['the typ of a link', 'TOKEN_UNTRUSTED', () => sign(GOOD, { typ: 'mcp2-link+jwt' })],
  ['an unknown issuer', 'TOKEN_UNTRUSTED', () => sign({ ...GOOD, iss: 'https://evil.example' })],
  ['an issuer that is a list', 'TOKEN_UNTRUSTED', () => sign({ ...GOOD, iss: [ISSUER] })],
  ['a changed claim', 'TOKEN_UNTRUSTED', async () => edit(await sign(GOOD), 1, () => encode({ ...GOOD, sub: 'root' }))],
  ['a changed signature', 'TOKEN_UNTRUSTED', async () => edit(await sign(GOOD), 2, firstLetterChanged)],
  ['iat far in the future', 'TOKEN_NOT_YET_VALID', () => sign({ ...GOOD, iat: GOOD.iat + 31, exp: GOOD.exp + 31 })],
  ['nbf in the future', 'TOKEN_NOT_YET_VALID', () => sign({ ...GOOD, nbf: GOOD.iat + 31 })],
  ['exp in the past', 'TOKEN_EXPIRED', () => sign({ ...GOOD, iat: GOOD.iat - 900, exp: GOOD.iat })],
  ['a key of its holder', 'PROOF_UNSUPPORTED', () => sign({ ...GOOD, cnf: { jwk: {} } })],
  ['a right to delegate', 'PROOF_UNSUPPORTED', () => sign({ ...GOOD, dlg: { depth: 1, to: ['a'] } })],
  ['a link behind it', 'PROOF_UNSUPPORTED', async () => `${await sign(GOOD)}~${await sign(GOOD)}`],
];

test('the token that the others differ from verifies', async () => {
  await expect((await makeVerifier()).verify(await sign(GOOD))).resolves.toBeDefined();
});

test.each(MALFORMED)('a token with %s is %s and never verifies', async (_title, reason, makeToken) => {
  const verifier = await makeVerifier();
  const token = await makeToken();
  const refusal = await verifier.verify(token).catch((error: unknown) => error);
  expect(refusal).toEqual(withReason(reason));
  expect(token.length > 8 && String(refusal).includes(token.slice(-8))).toBe(false);
  await expect(verifier.verify(token)).rejects.toThrow(withReason(reason));
  expect(acceptsFromCache(() => verifier.verifyCached(token))).toBe(false);
});

/** A throw is a refusal; undefined sends the caller to `verify`, which refuses. */
function acceptsFromCache(ask: () => unknown): boolean {
  try {
    return ask() !== undefined;
  } catch {
    return false;
  }
}

async function signWithPublicKey(): Promise<string> {
  const [jwk] = generated.publicJwks.keys;
  return new CompactSign(Buffer.from(JSON.stringify(GOOD)))
    .setProtectedHeader({ alg: 'HS256', typ: 'mcp2-cap+jwt', kid: signingKey.kid })
    .sign(Buffer.from(JSON.stringify(jwk)));
}

function edit(token: string, index: number, change: (part: string) => string): string {
  return token
    .split('.')
    .map((part, i) => (i === index ? change(part) : part))
    .join('.');
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function header(change: object): string {
  return encode({ alg: 'EdDSA', typ: 'mcp2-cap+jwt', kid: signingKey.kid, ...change });
}

function repeatAlg(): string {
  const text = `{"alg":"none","alg":"EdDSA","typ":"mcp2-cap+jwt","kid":"${signingKey.kid}"}`;
  return Buffer.from(text).toString('base64url');
}

/** The last of 86 characters carries two bits of the 64 bytes; the next letter differs in the bits that carry none. */
function withStrayBits(part: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  return `${part.slice(0, -1)}${alphabet[alphabet.indexOf(part.at(-1) ?? '') + 1]}`;
}

/** JSON but for one byte, which a lenient decoder would replace. */
function signBrokenUtf8(): Promise<string> {
  const bytes = Buffer.from(JSON.stringify({ ...GOOD, note: '@' }));
  bytes[bytes.indexOf('@')] = 0xff;
  return signBytes(bytes);
}

/** Still canonical: the first letter carries no stray bits. */
function firstLetterChanged(part: string): string {
  return (part.startsWith('A') ? 'B' : 'A') + part.slice(1);
}

function withReason(reason: Reason) {
  return expect.toSatisfy((error: unknown) => hasReason(error, reason));
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

async function makeVerifier(): Promise<TokenVerifier> {
  const nowMs = () => NOW_SECONDS * 1000;
  const clock: Clock = { nowMs, monotonicMs: nowMs, sleep: async () => {} };
  const set = await parseKeySet(JSON.stringify(generated.publicJwks));
  const policy = { refreshAfterMs: 1000, maxAgeMs: 1000, maxStaleMs: 1000, retryAfterMs: 1000 };
  const keys = createKeySource({ clock, policy, read: async () => set });
  return createTokenVerifier({ issuers: [{ iss: ISSUER, keys }], clock });
}
