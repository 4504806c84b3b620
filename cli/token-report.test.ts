import { expect, test } from 'vitest';
import { mintToken } from '#lib/token/mint.ts';
import { generateSigningKey, importSigningKey } from '#lib/token/signing-key.ts';
import { formatReport, reportToken } from './token-report.ts';

const NOW_MS = Date.UTC(2026, 0, 1, 12);
const CLAIMS = {
  iss: 'mcp2:local',
  sub: 'shop.agent',
  aud: ['A'],
  capabilities: ['db:inventory:read'],
  ttlSeconds: 600,
};

async function mint(request: Partial<typeof CLAIMS> = {}, nowMs = NOW_MS): Promise<string> {
  const { privateJwk } = await generateSigningKey();
  return mintToken(await importSigningKey(privateJwk), { ...CLAIMS, ...request }, { clock: { nowMs: () => nowMs } });
}

/** A token that no mint of ours would make. */
function encode(claims: object): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'EdDSA', typ: 'mcp2-cap+jwt', kid: 'k' })}.${part(claims)}.AAAA`;
}

test('a good token has no problems, and each right a line of its own', async () => {
  const report = await reportToken(await mint({ capabilities: ['db:a:read', 'tool:x'] }), undefined, NOW_MS + 60_000);
  expect(report).toMatchObject({ signature: 'unchecked', problems: [], isUsable: true });
  const lines = formatReport(report, NOW_MS + 60_000);
  expect(lines.filter((line) => line.startsWith('capability'))).toEqual([
    'capability   db:a:read',
    'capability   tool:x',
  ]);
  expect(lines.join('\n')).toMatch(/issued +2026-01-01T12:00:00Z \(1m ago\)/);
  expect(lines.join('\n')).toMatch(/expires +2026-01-01T12:10:00Z \(in 9m\)/);
});

test.each([
  ['expired', NOW_MS + 600_000, /expired/],
  ['not yet valid', NOW_MS - 60_000, /not valid yet/],
])('a token that is %s says so without any key', async (_title, nowMs, problem) => {
  const report = await reportToken(await mint(), undefined, nowMs);
  expect(report.isUsable).toBe(false);
  expect(report.problems).toEqual([expect.stringMatching(problem)]);
});

test('entries that mean nothing are named, because a server would only ignore them', async () => {
  const iat = NOW_MS / 1000;
  const claims = {
    ...{ iss: 'i', sub: 's', iat, exp: iat + 60, jti: 'a'.repeat(22), aud: ['A', '*'] },
    capabilities: ['db:inv*', 'unknown:x', 'db:a:read'],
    grants: [{ method: 'ContextTool.RequestContext', resource: ['a'], unknown: 1 }],
  };
  const { problems, isUsable } = await reportToken(encode(claims), undefined, NOW_MS);
  expect(isUsable).toBe(true);
  expect(problems).toHaveLength(4);
});

test.each([
  ['no exp', { iss: 'i', sub: 's', aud: ['A'], capabilities: [], iat: 1, jti: 'a'.repeat(22) }, /exp/],
  [
    'a life of a day',
    { iss: 'i', sub: 's', aud: ['A'], capabilities: [], iat: 1, exp: 86_400, jti: 'a'.repeat(22) },
    /3600/,
  ],
  ['a bound key', { iss: 'i', sub: 's', aud: ['A'], cnf: {}, iat: 1, exp: 2, jti: 'a'.repeat(22) }, /cnf/],
])('a token with %s is shown with its problem', async (_title, claims, problem) => {
  const report = await reportToken(encode(claims), undefined, 1500);
  expect(report.isUsable).toBe(false);
  expect(report.problems[0]).toMatch(problem);
  expect(formatReport(report, 1500).join('\n')).toMatch(/subject +s/);
});
