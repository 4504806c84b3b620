import { expect, test } from 'vitest';
import { ManualClock } from '#lib/manual-clock.ts';
import { mintToken } from '#lib/token/mint.ts';
import type { MintRequest } from '#lib/token/mint-request.ts';
import { generateSigningKey, importSigningKey } from '#lib/token/signing-key.ts';
import { heldCapabilities, searchableCapabilities, standingOf } from './held-capabilities.ts';

const WANTED = ['db:inventory:read', 'context:read:inventory:p1'];

async function mint(rights: Partial<MintRequest>, nowMs = 1_800_000_000_000): Promise<string> {
  const key = await importSigningKey((await generateSigningKey()).privateJwk);
  const claims = { iss: 'a', sub: 'b', aud: ['Db'], ...rights };
  return mintToken(key, claims, { clock: new ManualClock(nowMs) });
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

test.each([
  ['the right to look anything up: everything', { capabilities: ['registry:lookup', 'tool:x'] }, ['*']],
  ['rights of its own: those', { capabilities: ['tool:x', 'db:a:read'] }, ['tool:x', 'db:a:read']],
])('a server is searched for by its name with %s', async (_title, rights, filters) => {
  expect(searchableCapabilities(await mint(rights))).toEqual(filters);
});

test('a token that cannot be read here searches for everything: the registry says what is wrong with it', () => {
  expect(searchableCapabilities('opaque')).toEqual(['*']);
});

test('a renewed token stands as the one before; any other stands for itself', async () => {
  const capabilities = ['tool:x', 'tool:y'];
  const first = standingOf(await mint({ capabilities, ttlSeconds: 60 }));
  expect(first.endsAtMs).toBe(1_800_000_060_000);
  const renewed = standingOf(await mint({ capabilities: capabilities.toReversed() }, 1_800_000_030_000));
  expect(renewed.text).toBe(first.text);
  const others = [{ iss: 'b' }, { sub: 'c' }, { aud: ['Db', 'Db_2'] }, { capabilities: ['tool:x'] }];
  const texts = await Promise.all(others.map(async (other) => standingOf(await mint({ capabilities, ...other })).text));
  const opaque = ['x', 'y'].map((token) => standingOf(token).text);
  expect(new Set([first.text, ...texts, ...opaque]).size).toBe(7);
  expect(opaque.join()).not.toMatch(/\b[xy]\b/);
});
