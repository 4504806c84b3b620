import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readCard } from '#lib/card/service-card.ts';
import { systemClock } from '#lib/clock.ts';
import type { Reason } from '#lib/errors.ts';
import type { CallError } from '#lib/grpc/call-error.ts';
import { createClient } from '#lib/grpc/client.ts';
import { plaintextClient } from '#lib/grpc/credentials.ts';
import { createLogger } from '#lib/observe/logger.ts';
import { createMetrics } from '#lib/observe/metrics.ts';
import type { RunningService } from '#lib/service/start-service.ts';
import { mintProbeToken, mintToken } from '#lib/token/mint.ts';
import type { MintRequest } from '#lib/token/mint-request.ts';
import { generateSigningKey, importSigningKey, type SigningKey } from '#lib/token/signing-key.ts';
import { loadServices } from '#protos/load.ts';
import { start } from '../../services/sample/start.ts';

const ISSUER = 'mcp2:test';
const SERVER = 'InventoryDB_Primary';
const STOCK = 'inventory:prod_12345:stock_count';
const protos = loadServices();
const folder = mkdtempSync(join(tmpdir(), 'mcp2-sample-'));
let signingKey: SigningKey;
let strangerKey: SigningKey;
let sample: RunningService;

beforeAll(async () => {
  const generated = await generateSigningKey();
  signingKey = await importSigningKey(generated.privateJwk);
  strangerKey = await importSigningKey((await generateSigningKey()).privateJwk);
  const jwksFile = join(folder, 'jwks.json');
  writeFileSync(jwksFile, JSON.stringify(generated.publicJwks));
  sample = await start(
    {
      listen: '127.0.0.1:0',
      opsListen: '127.0.0.1:0',
      serverName: SERVER,
      trust: { issuer: ISSUER, jwksFile, jwksUrl: undefined, developmentSecret: undefined },
      tls: undefined,
      logLevel: 'silent',
    },
    {
      clock: systemClock,
      log: createLogger({ service: 'sample', level: 'silent' }),
      metrics: createMetrics({ service: 'sample', process: false }),
      protos,
    },
  );
});

afterAll(async () => {
  await sample.stop(1000);
  rmSync(folder, { recursive: true });
});

function connect<Name extends 'ContextTool' | 'ServiceInfo'>(name: Name) {
  return createClient(protos[name], `127.0.0.1:${sample.port}`, { credentials: plaintextClient() });
}

function mint(request: Partial<MintRequest> = {}, { key = signingKey, nowMs = Date.now() } = {}): Promise<string> {
  const claims = { iss: ISSUER, sub: 'shop.agent', aud: [SERVER], capabilities: ['db:inventory:read'], ...request };
  return mintToken(key, claims, { clock: { nowMs: () => nowMs } });
}

async function reasonOf(call: Promise<unknown>): Promise<CallError['reason'] | 'answered'> {
  return call.then(
    () => 'answered',
    (error: CallError) => error.reason,
  );
}

test('a context is answered as JSON with its type and version, in the field or in metadata', async () => {
  const client = connect('ContextTool');
  const token = await mint();
  const answer = await client.call('RequestContext', { context_key: STOCK, capability_token: token });
  expect(answer.serialized_value.toString()).toBe('42');
  expect(answer.content_type).toBe('application/json');
  const metadata = { authorization: `Bearer ${token}` };
  const again = await client.call('RequestContext', { context_key: STOCK, if_none_match: answer.etag }, { metadata });
  expect(again).toMatchObject({ etag: answer.etag, serialized_value: Buffer.alloc(0) });
  client.close();
});

test('the tool computes the price of the proposal', async () => {
  const client = connect('ContextTool');
  const answer = await client.call('InvokeTool', {
    tool_name: 'compute_pricing',
    arguments: { sku: Buffer.from('prod_12345'), stock_count: Buffer.from('42') },
    capability_token: await mint({ capabilities: ['tool:compute_pricing'] }),
  });
  expect(answer).toMatchObject({ success: true, warnings: [], error_code: '' });
  expect(answer.outputs.recommended_price?.toString()).toBe('95.8');
  client.close();
});

test("the operator's probe token reads the card and nothing else; without a token nobody does", async () => {
  const client = connect('ServiceInfo');
  const probe = { iss: ISSUER, sub: 'mcp2.operator', serverName: SERVER };
  const token = await mintProbeToken(signingKey, probe, { clock: systemClock });
  const { card } = await client.call('GetCard', { requester_token: token, server_name: SERVER });
  expect(readCard(card?.card_json ?? Buffer.alloc(0)).card).toEqual({
    name: SERVER,
    version: '1.0.0',
    protocol: 'mcp2/1',
    services: ['ContextTool', 'ServiceInfo'],
    capabilities: ['db:inventory:read', 'tool:compute_pricing'],
  });
  expect(await reasonOf(client.call('GetCard', { server_name: SERVER }))).toBe('CREDENTIAL_MISSING');
  const tools = connect('ContextTool');
  const stolen = tools.call('RequestContext', { context_key: STOCK, capability_token: token });
  expect(await reasonOf(stolen)).toBe('CAPABILITY_DENIED');
  tools.close();
  client.close();
});

test.each<[string, Reason, () => Promise<string>]>([
  ['no token', 'CREDENTIAL_MISSING', async () => ''],
  ['a token for another server', 'AUDIENCE_MISMATCH', () => mint({ aud: ['InventoryDB_Replica1'] })],
  ['a token without the capability', 'CAPABILITY_DENIED', () => mint({ capabilities: ['tool:compute_pricing'] })],
  ['a token for another database', 'CAPABILITY_DENIED', () => mint({ capabilities: ['db:payroll:read'] })],
  ['an expired token', 'TOKEN_EXPIRED', () => mint({ ttlSeconds: 60 }, { nowMs: Date.now() - 61_000 })],
  ['a token of another key', 'TOKEN_UNTRUSTED', () => mint({}, { key: strangerKey })],
  ['a token of another issuer', 'TOKEN_UNTRUSTED', () => mint({ iss: 'mcp2:elsewhere' })],
  ['text that is no token', 'TOKEN_MALFORMED', async () => 'sesame'],
])('%s is refused with %s, the second time too', async (_title, reason, token) => {
  const client = connect('ContextTool');
  const request = { context_key: STOCK, capability_token: await token() };
  expect(await reasonOf(client.call('RequestContext', request))).toBe(reason);
  expect(await reasonOf(client.call('RequestContext', request))).toBe(reason);
  client.close();
});

test('a grant that allows one warehouse allows no other and no question about all', async () => {
  const client = connect('ContextTool');
  const params = { warehouse: { required: true, eq: 'NY' } };
  const grants = [{ method: 'ContextTool.RequestContext', resource: ['inventory:*:stock_count'], params }];
  const capability_token = await mint({ grants });
  const ask = (parameters: Record<string, Buffer>) =>
    client.call('RequestContext', { context_key: STOCK, parameters, capability_token });
  expect((await ask({ warehouse: Buffer.from('NY') })).serialized_value.toString()).toBe('30');
  expect(await reasonOf(ask({ warehouse: Buffer.from('SF') }))).toBe('CAPABILITY_DENIED');
  expect(await reasonOf(ask({}))).toBe('CAPABILITY_DENIED');
  client.close();
});

test('what the server does not have, and arguments it cannot use, are answered with their reasons', async () => {
  const client = connect('ContextTool');
  const token = await mint({ capabilities: ['db:*:read', 'tool:*'] });
  const context = (context_key: string) => client.call('RequestContext', { context_key, capability_token: token });
  expect(await reasonOf(context('inventory:prod_0:stock_count'))).toBe('CONTEXT_UNKNOWN');
  expect(await reasonOf(context('inventory::stock_count'))).toBe('NAME_INVALID');
  const tool = (tool_name: string, args: Record<string, Buffer>, schema_hash: Buffer = Buffer.alloc(0)) =>
    client.call('InvokeTool', { tool_name, arguments: args, capability_token: token, schema_hash });
  expect(await reasonOf(tool('enhance_image', {}))).toBe('TOOL_UNKNOWN');
  expect(await reasonOf(tool('compute_pricing', { sku: Buffer.from('prod_12345') }))).toBe('ARGUMENT_INVALID');
  const args = { sku: Buffer.from('prod_12345'), stock_count: Buffer.from('42') };
  expect(await reasonOf(tool('compute_pricing', args, Buffer.alloc(32)))).toBe('SCHEMA_CHANGED');
  const { schema_hash } = await tool('compute_pricing', args);
  expect(await reasonOf(tool('compute_pricing', args, schema_hash))).toBe('answered');
  client.close();
});

test('a card is asked for by its digest, and only under its own name', async () => {
  const client = connect('ServiceInfo');
  const requester_token = await mint();
  const { card } = await client.call('GetCard', { requester_token });
  const digest = Buffer.from(readCard(card?.card_json ?? Buffer.alloc(0)).digest, 'hex');
  expect(await reasonOf(client.call('GetCard', { requester_token, card_digest: digest }))).toBe('answered');
  const other = client.call('GetCard', { requester_token, card_digest: Buffer.alloc(32) });
  expect(await reasonOf(other)).toBe('CARD_UNKNOWN');
  expect(await reasonOf(client.call('GetCard', { requester_token, server_name: 'Other' }))).toBe('NAME_INVALID');
  client.close();
});

test('the ops port says that it lives', async () => {
  const answer = await fetch(`http://127.0.0.1:${sample.opsPort}/readyz`);
  expect(answer.status).toBe(200);
});
