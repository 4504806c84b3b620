import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '#lib/clock.ts';
import { createKeyFileSource } from '#lib/token/key-file.ts';
import { generateSigningKey } from '#lib/token/signing-key.ts';
import { createTokenVerifier } from '#lib/token/verify.ts';
import { runMcp2 } from '../harness/mcp2-command.ts';

const folder = mkdtempSync(join(tmpdir(), 'mcp2-token-'));
const keyFile = join(folder, 'own.jwk');
const jwksFile = join(folder, 'own-jwks.json');
afterAll(() => rmSync(folder, { recursive: true }));

beforeAll(async () => {
  const { privateJwk, publicJwks } = await generateSigningKey('ES256');
  writeFileSync(keyFile, JSON.stringify(privateJwk));
  writeFileSync(jwksFile, JSON.stringify(publicJwks));
});

const run = (args: readonly string[], input?: string) =>
  runMcp2(['token', ...args], { state: folder, ...(input === undefined ? {} : { input }) });
const mint = (...args: readonly string[]) => run(['mint', '--key', keyFile, '--issuer', 'mcp2:own', ...args]);

test('in a pod that holds the key, as the operator’s does, its environment says with what to mint', async () => {
  const args = ['token', 'mint', '--aud', 'Stock', '--capability', 'db:stock:read'];
  const env = { MCP2_SIGNING_KEY_FILE: keyFile, MCP2_ISSUER: 'mcp2:own' };
  const { code, stdout, stderr } = await runMcp2(args, { state: folder, env });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const keys = createKeyFileSource({ path: jwksFile, clock: systemClock });
  const verifier = createTokenVerifier({ issuers: [{ iss: 'mcp2:own', keys }], clock: systemClock });
  expect(await verifier.verify(stdout.trim())).toMatchObject({ aud: ['Stock'] });
  const nameless = await runMcp2(args, { state: folder, env: { MCP2_SIGNING_KEY_FILE: keyFile } });
  expect(nameless.code).toBe(2);
  expect(nameless.stderr).toContain('not MCP2_ISSUER');
});

test('a minted token is one that servers accept, and the only thing on stdout', async () => {
  const grant = {
    method: 'ContextTool.RequestContext',
    resource: ['inventory:*'],
    params: { warehouse: { eq: 'NY' } },
  };
  const rights = ['--capability', 'db:inventory:read,tool:x', '--grant', JSON.stringify(grant), '--ttl', '5m'];
  const { code, stdout, stderr } = await mint(
    '--sub',
    'shop.agent',
    '--aud',
    'InventoryDB_*',
    '--aud',
    'Other',
    ...rights,
  );
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const keys = createKeyFileSource({ path: jwksFile, clock: systemClock });
  const verifier = createTokenVerifier({ issuers: [{ iss: 'mcp2:own', keys }], clock: systemClock });
  const token = await verifier.verify(stdout.trim());
  expect(token).toMatchObject({ sub: 'shop.agent', aud: ['InventoryDB_*', 'Other'] });
  expect(token.exp - token.iat).toBe(300);
  expect(token.grants).toHaveLength(1);
});

test.each([
  ['a bare "*" as audience', ['--aud', '*', '--capability', 'db:a:read'], 1, /audience/],
  ['a capability that grants everything', ['--aud', 'A', '--capability', '*'], 1, /grants everything/],
  ['no right at all', ['--aud', 'A'], 1, /capabilities or grants/],
  ['a life of more than an hour', ['--aud', 'A', '--capability', 'db:a:read', '--ttl', '2h'], 1, /3600/],
  ['a grant of an unknown method', ['--aud', 'A', '--grant', '{"method":"A.B","resource":["a"]}'], 1, /no method/],
  ['a grant that is no JSON', ['--aud', 'A', '--grant', '{'], 2, /no JSON/],
  ['a duration without unit', ['--aud', 'A', '--capability', 'db:a:read', '--ttl', '15'], 2, /90s, 15m or 1h/],
  ['no audience', ['--capability', 'db:a:read'], 2, /--aud/],
])('%s is refused with a sentence', async (_title, args, exitCode, sentence) => {
  const { code, stdout, stderr } = await mint(...args);
  expect({ code, stdout }).toEqual({ code: exitCode, stdout: '' });
  expect(stderr).toMatch(sentence);
});

test('without a key the sentence says how to get one, and a broken key is never shown', async () => {
  const args = ['mint', '--aud', 'A', '--capability', 'db:a:read'];
  expect((await run(args)).stderr).toMatch(/no signing key .* "mcp2 up"/);
  const broken = join(folder, 'broken.jwk');
  writeFileSync(broken, '{"d":"c2VjcmV0c2VjcmV0", oops');
  const { code, stderr } = await run([...args, '--key', broken]);
  expect(code).toBe(1);
  expect(stderr).toContain('it is no JSON');
  expect(stderr).not.toContain('c2VjcmV0');
});

test('inspect shows claims and their end in words, and checks the signature where keys are at hand', async () => {
  const { stdout: token } = await mint('--aud', 'InventoryDB_Primary', '--capability', 'db:inventory:read');
  const keys = ['--jwks', jwksFile, '--issuer', 'mcp2:own'];
  const checked = await run(['inspect', ...keys], token);
  expect(checked.code).toBe(0);
  expect(checked.stdout).toMatch(/subject +default\.developer/);
  expect(checked.stdout).toMatch(/expires .*\(in 1[45]m.*\)/);
  expect(checked.stdout).toMatch(/signature +valid/);
  const unchecked = await run(['inspect', '-o', 'json'], token);
  expect(unchecked.code).toBe(0);
  expect(JSON.parse(unchecked.stdout)).toMatchObject({
    signature: 'unchecked',
    problems: [],
    claims: { iss: 'mcp2:own' },
  });
  expect(unchecked.stderr).toContain('not checked');
  const wrongIssuer = await run(['inspect', token.trim(), '--jwks', jwksFile, '--issuer', 'mcp2:other']);
  expect(wrongIssuer.code).toBe(1);
  expect(wrongIssuer.stdout).toMatch(/signature +invalid/);
});

test('a changed token is refused, and text that is no token is one sentence', async () => {
  const { stdout } = await mint('--aud', 'A', '--capability', 'db:a:read');
  const [header = '', , signature = ''] = stdout.trim().split('.');
  const claims = {
    iss: 'mcp2:own',
    sub: 'x',
    aud: ['A'],
    capabilities: ['db:a:write'],
    iat: 1,
    exp: 2,
    jti: 'a'.repeat(22),
  };
  const forged = [header, Buffer.from(JSON.stringify(claims)).toString('base64url'), signature].join('.');
  const { code, stderr } = await run(['inspect', forged, '--jwks', jwksFile, '--issuer', 'mcp2:own']);
  expect(code).toBe(1);
  expect(stderr).toMatch(/a server refuses this token: the signature/);
  for (const input of ['sesame', '', 'a.b.c~d.e.f']) {
    const ended = await run(['inspect', '-'], input);
    expect(ended.code).toBeGreaterThan(0);
    expect(ended.stderr.trim().split('\n')).toHaveLength(1);
  }
});
