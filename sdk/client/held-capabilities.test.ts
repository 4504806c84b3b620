import { expect, test } from 'vitest';
import { ManualClock } from '#lib/manual-clock.ts';
import { mintToken } from '#lib/token/mint.ts';
import type { MintRequest } from '#lib/token/mint-request.ts';
import { generateSigningKey, importSigningKey } from '#lib/token/signing-key.ts';
import { heldCapabilities } from './held-capabilities.ts';

const WANTED = ['db:inventory:read', 'context:read:inventory:p1'];

async function mint(rights: Pick<MintRequest, 'capabilities' | 'grants'>): Promise<string> {
  const key = await importSigningKey((await generateSigningKey()).privateJwk);
  const claims = { iss: 'a', sub: 'b', aud: ['Db'], ...rights };
  return mintToken(key, claims, { clock: new ManualClock(1_800_000_000_000) });
}

test.each([
  ['one of them', { capabilities: ['db:inventory:read', 'tool:x'] }, ['db:inventory:read']],
  ['one that contains one of them', { capabilities: ['context:read:inventory:*'] }, ['context:read:inventory:p1']],
  ['the right to look anything up', { capabilities: ['registry:lookup'] }, WANTED],
  ['another', { capabilities: ['db:payroll:read'] }, []],
])('a token that holds %s asks for those', async (_title, rights, held) => {
  expect(heldCapabilities(await mint(rights), WANTED)).toEqual(held);
});

test('a grant narrows what a capability allows', async () => {
  const grants = [{ method: 'ContextTool.RequestContext', resource: ['inventory:*'] }];
  expect(heldCapabilities(await mint({ capabilities: WANTED, grants }), WANTED)).toEqual([]);
});

test.each(['', 'a.b.c', 'opaque', 'a.b.c~d.e.f'])('a token that cannot be read here asks for all: %j', (token) => {
  expect(heldCapabilities(token, WANTED)).toEqual(WANTED);
});
