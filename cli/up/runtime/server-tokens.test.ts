import { expect, test } from 'vitest';
import { parseCompact } from '#lib/token/compact.ts';
import { generateSigningKey, importSigningKey } from '#lib/token/signing-key.ts';
import { createServerTokens } from './server-tokens.ts';

async function setUp() {
  let nowMs = Date.parse('2026-01-01T00:00:00Z');
  const { privateJwk } = await generateSigningKey();
  const clock = { nowMs: () => nowMs, monotonicMs: () => nowMs, sleep: async () => undefined };
  const tokensOf = createServerTokens({
    signer: { key: await importSigningKey(privateJwk), issuer: 'mcp2:local' },
    clock,
  });
  return { tokensOf, pass: (ms: number) => (nowMs += ms) };
}

const INVENTORY = {
  server: { name: 'InventoryDB_Primary' },
  events: [{ topics: ['inventory:*:low_stock'] }, { topics: ['inventory:*:low_stock', 'orders:new'] }],
};

test('a server gets the right to publish what its configuration names, at the event bus, for 15 minutes', async () => {
  const { tokensOf } = await setUp();
  const { payload } = parseCompact(await tokensOf(INVENTORY)());
  expect(payload).toMatchObject({
    iss: 'mcp2:local',
    sub: 'default.InventoryDB_Primary',
    aud: ['EventBusServer'],
    capabilities: ['event:publish:inventory:*:low_stock', 'event:publish:orders:new'],
  });
  expect(Number(payload.exp) - Number(payload.iat)).toBe(900);
});

test('a token is renewed before its end, and another configuration has its own', async () => {
  const { tokensOf, pass } = await setUp();
  const take = tokensOf(INVENTORY);
  const first = await take();
  expect(await take()).toBe(first);
  expect(await tokensOf({ ...INVENTORY, events: [{ topics: ['orders:new'] }] })()).not.toBe(first);
  pass(450_000);
  expect(await take()).not.toBe(first);
});
