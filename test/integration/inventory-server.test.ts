/** The three servers of examples/inventory over real connections: what they answer, to whom, and what their cards say. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readCard } from '#lib/card/service-card.ts';
import { systemClock } from '#lib/clock.ts';
import type { Reason } from '#lib/errors.ts';
import { createClient } from '#lib/grpc/client.ts';
import { plaintextClient } from '#lib/grpc/credentials.ts';
import { mintProbeToken, mintToken } from '#lib/token/mint.ts';
import type { MintRequest } from '#lib/token/mint-request.ts';
import { generateSigningKey, importSigningKey, type SigningKey } from '#lib/token/signing-key.ts';
import { loadServices } from '#protos/load.ts';
import type { RunningContextTool } from '../../services/context-tool/start.ts';
import { reasonOf } from '../harness/context-tool-server.ts';
import { startInventoryServer } from '../harness/inventory-server.ts';
import { createWorkspace } from '../harness/processes.ts';
import { createTokens, ISSUER, type TestTokens } from '../harness/registry-fixture.ts';

const SERVERS = { inventory: 'InventoryDB_Primary', replica: 'InventoryDB_Replica1', pricing: 'PricingRules' } as const;
type ServerKey = keyof typeof SERVERS;
const STOCK = 'inventory:prod_12345:stock_count';
const { ContextTool, ServiceInfo } = loadServices();

let tokens: TestTokens;
let strangerKey: SigningKey;
const running = new Map<ServerKey, RunningContextTool>();

beforeAll(async () => {
  tokens = await createTokens();
  strangerKey = await importSigningKey((await generateSigningKey()).privateJwk);
  const { folder } = createWorkspace('inventory-server');
  const listens = { MCP2_LISTEN: '127.0.0.1:0', MCP2_OPS_LISTEN: '127.0.0.1:0' };
  const env = { ...listens, MCP2_ISSUER: ISSUER, MCP2_JWKS_FILE: tokens.jwksFile };
  const start = async (key: ServerKey) =>
    running.set(key, await startInventoryServer({ file: `${key}.yaml`, folder, env }));
  await Promise.all((Object.keys(SERVERS) as ServerKey[]).map(start));
});
afterAll(() => Promise.all([...running.values()].map((server) => server.stop(1_000))));

function connect(key: ServerKey) {
  const target = `127.0.0.1:${running.get(key)?.port}`;
  const credentials = plaintextClient();
  const tools = createClient(ContextTool, target, { credentials });
  const info = createClient(ServiceInfo, target, { credentials });
  return {
    tools,
    info,
    [Symbol.dispose]() {
      tools.close();
      info.close();
    },
  };
}

function mint(claims: Partial<MintRequest> = {}, options: { readonly nowMs?: number } = {}): Promise<string> {
  const aud = Object.values(SERVERS);
  return tokens.mint({ sub: 'shop.agent', aud, capabilities: ['db:inventory:read'], ...claims }, options);
}

const bytes = (values: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(values).map(([name, text]) => [name, Buffer.from(text)]));

test.each(['inventory', 'replica'] as const)(
  'a context of %s is JSON with its type and version, for a token in the field or in metadata',
  async (key) => {
    using server = connect(key);
    const token = await mint();
    const answer = await server.tools.call('RequestContext', { context_key: STOCK, capability_token: token });
    expect(answer.serialized_value.toString()).toBe('42');
    expect(answer.content_type).toBe('application/json');
    const metadata = { authorization: `Bearer ${token}` };
    const request = { context_key: STOCK, if_none_match: answer.etag };
    const again = await server.tools.call('RequestContext', request, { metadata });
    expect(again).toMatchObject({ etag: answer.etag, serialized_value: Buffer.alloc(0) });
  },
);

test('the tool computes the price of the proposal', async () => {
  using server = connect('pricing');
  const answer = await server.tools.call('InvokeTool', {
    tool_name: 'compute_pricing',
    arguments: bytes({ sku: 'prod_12345', stock_count: '42' }),
    capability_token: await mint({ capabilities: ['tool:compute_pricing'] }),
  });
  expect(answer).toMatchObject({ success: true, warnings: [], error_code: '' });
  expect(answer.outputs.recommended_price?.toString()).toBe('95.8');
});

test('a reservation at the primary is seen at the replica, and its key takes nothing twice', async () => {
  using primary = connect('inventory');
  using replica = connect('replica');
  const capability_token = await mint({ capabilities: ['db:inventory:read', 'tool:reserve_stock'] });
  const stockAt = async ({ tools }: typeof primary) => {
    const request = { context_key: 'inventory:prod_67890:stock_count', capability_token };
    return (await tools.call('RequestContext', request)).serialized_value.toString();
  };
  expect(await stockAt(replica)).toBe('7');
  const reservation = {
    tool_name: 'reserve_stock',
    arguments: bytes({ sku: 'prod_67890', warehouse: 'NY', quantity: '3' }),
    idempotency_key: 'order-1',
    capability_token,
  };
  for (let i = 0; i < 2; i++) {
    const { outputs } = await primary.tools.call('InvokeTool', reservation);
    expect(outputs.left?.toString()).toBe('4');
  }
  expect([await stockAt(primary), await stockAt(replica)]).toEqual(['4', '4']);
  expect(await reasonOf(replica.tools.call('InvokeTool', reservation))).toBe('TOOL_UNKNOWN');
});

test.each<[ServerKey, readonly string[]]>([
  ['inventory', ['db:inventory:read', 'tool:reserve_stock']],
  ['replica', ['db:inventory:read']],
  ['pricing', ['tool:compute_pricing']],
])('the probe token of the operator reads the card of %s, and nothing else', async (key, capabilities) => {
  using server = connect(key);
  const probe = { iss: ISSUER, sub: 'mcp2.operator', serverName: SERVERS[key] };
  const token = await mintProbeToken(tokens.signingKey, probe, { clock: systemClock });
  const answer = await server.info.call('GetCard', { requester_token: token, server_name: SERVERS[key] });
  const { card } = readCard(answer.card?.card_json ?? Buffer.alloc(0));
  expect(card).toMatchObject({ name: SERVERS[key], version: '1.0.0', protocol: 'mcp2/1' });
  expect(card.capabilities).toEqual(expect.arrayContaining([...capabilities]));
  expect(card.capabilities.filter((name) => /^(?:db|tool):/.test(name)).sort()).toEqual([...capabilities].sort());
  const stolen = server.tools.call('RequestContext', { context_key: STOCK, capability_token: token });
  expect(await reasonOf(stolen)).toBe('CAPABILITY_DENIED');
});

test.each<[string, Reason, () => Promise<string>]>([
  ['no token', 'CREDENTIAL_MISSING', async () => ''],
  ['a token for another server', 'AUDIENCE_MISMATCH', () => mint({ aud: ['InventoryDB_Replica1'] })],
  ['a token without the capability', 'CAPABILITY_DENIED', () => mint({ capabilities: ['tool:compute_pricing'] })],
  ['a token for another database', 'CAPABILITY_DENIED', () => mint({ capabilities: ['db:payroll:read'] })],
  ['an expired token', 'TOKEN_EXPIRED', () => mint({ ttlSeconds: 60 }, { nowMs: Date.now() - 61_000 })],
  ['a token of another key', 'TOKEN_UNTRUSTED', () => mintOfStranger()],
  ['a token of another issuer', 'TOKEN_UNTRUSTED', () => mint({ iss: 'mcp2:elsewhere' })],
  ['text that is no token', 'TOKEN_MALFORMED', async () => 'sesame'],
])('%s is refused with %s, the second time too', async (_title, reason, token) => {
  using server = connect('inventory');
  const request = { context_key: STOCK, capability_token: await token() };
  expect(await reasonOf(server.tools.call('RequestContext', request))).toBe(reason);
  expect(await reasonOf(server.tools.call('RequestContext', request))).toBe(reason);
});

function mintOfStranger(): Promise<string> {
  const claims = { iss: ISSUER, sub: 'shop.agent', aud: [SERVERS.inventory], capabilities: ['db:inventory:read'] };
  return mintToken(strangerKey, claims, { clock: systemClock });
}

test('a grant that allows one warehouse allows no other and no question about all', async () => {
  using server = connect('inventory');
  const params = { warehouse: { required: true, eq: 'NY' } };
  const grants = [{ method: 'ContextTool.RequestContext', resource: ['inventory:*:stock_count'], params }];
  const capability_token = await mint({ grants });
  const ask = (parameters: Record<string, Buffer>) =>
    server.tools.call('RequestContext', { context_key: STOCK, parameters, capability_token });
  expect((await ask({ warehouse: Buffer.from('NY') })).serialized_value.toString()).toBe('30');
  expect(await reasonOf(ask({ warehouse: Buffer.from('SF') }))).toBe('CAPABILITY_DENIED');
  expect(await reasonOf(ask({}))).toBe('CAPABILITY_DENIED');
});

test('what a server does not have, and arguments it cannot use, are answered with their reasons', async () => {
  using server = connect('inventory');
  using pricing = connect('pricing');
  const capability_token = await mint({ capabilities: ['db:*:read', 'tool:*'] });
  const context = (context_key: string) => server.tools.call('RequestContext', { context_key, capability_token });
  expect(await reasonOf(context('inventory:prod_0:stock_count'))).toBe('CONTEXT_UNKNOWN');
  expect(await reasonOf(context('inventory::stock_count'))).toBe('NAME_INVALID');
  const tool = (tool_name: string, args: Record<string, string>, schema_hash: Buffer = Buffer.alloc(0)) =>
    pricing.tools.call('InvokeTool', { tool_name, arguments: bytes(args), capability_token, schema_hash });
  expect(await reasonOf(tool('enhance_image', {}))).toBe('TOOL_UNKNOWN');
  expect(await reasonOf(tool('compute_pricing', { sku: 'prod_12345' }))).toBe('ARGUMENT_INVALID');
  const args = { sku: 'prod_12345', stock_count: '42' };
  expect(await reasonOf(tool('compute_pricing', args, Buffer.alloc(32)))).toBe('SCHEMA_CHANGED');
  const { schema_hash } = await tool('compute_pricing', args);
  expect(await reasonOf(tool('compute_pricing', args, schema_hash))).toBe('answered');
});

test('a card is asked for by its digest, and only under its own name', async () => {
  using server = connect('pricing');
  const requester_token = await mint();
  const { card } = await server.info.call('GetCard', { requester_token });
  const digest = Buffer.from(readCard(card?.card_json ?? Buffer.alloc(0)).digest, 'hex');
  expect(await reasonOf(server.info.call('GetCard', { requester_token, card_digest: digest }))).toBe('answered');
  const other = server.info.call('GetCard', { requester_token, card_digest: Buffer.alloc(32) });
  expect(await reasonOf(other)).toBe('CARD_UNKNOWN');
  expect(await reasonOf(server.info.call('GetCard', { requester_token, server_name: 'Other' }))).toBe('NAME_INVALID');
});

test('the ops ports say that they live', async () => {
  for (const { opsPort } of running.values()) {
    expect((await fetch(`http://127.0.0.1:${opsPort}/readyz`)).status).toBe(200);
  }
});
