/** A client made from the proposal's own proto registers with us and is found, and is refused where it must be. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SignJWT } from 'jose';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { decodeErrorInfo } from '#lib/grpc/error-details.ts';
import { eventually } from '../harness/eventually.ts';
import { createWorkspace } from '../harness/processes.ts';
import { ensurePython } from '../harness/python.ts';
import { lookupAsReference, registerAsReference } from '../harness/reference-client.ts';
import {
  createTokens,
  startRegistry,
  startStore,
  type TestRegistry,
  type TestStore,
  type TestTokens,
} from '../harness/registry-fixture.ts';

const SECRET = 'a secret of the reference client, 32 bytes or more';
const INVENTORY = {
  serverName: 'InventoryDB_Primary',
  capabilities: ['db:inventory:read', 'telemetry:read', 'tool:compute_pricing', 'tool:multimodal_exchange'],
  grpcUrl: 'localhost:50051',
};
let store: TestStore;
let tokens: TestTokens;
let registry: TestRegistry;

beforeAll(async () => {
  await ensurePython();
  const secretFile = join(createWorkspace('reference').folder, 'secret');
  writeFileSync(secretFile, SECRET);
  [store, tokens] = await Promise.all([startStore('etcd'), createTokens()]);
  const env = { MCP2_DEV_HS256: '1', MCP2_HS256_SECRET_FILE: secretFile };
  registry = await startRegistry({ store: store.store, tokens, env });
  await registry.running.ready;
}, 300_000);
afterAll(async () => {
  await registry[Symbol.asyncDispose]();
  await store[Symbol.asyncDispose]();
});

const at = (token: string) => ({ address: registry.target, token });
const reasonOf = ({ statusDetails }: { readonly statusDetails: Buffer }) => decodeErrorInfo(statusDetails)?.reason;

/** What the reference's own create_capability_token makes: HS256, no iss, jti or kid. */
function referenceToken(sub: string, capabilities: readonly string[], aud: readonly string[]): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  return new SignJWT({ capabilities, aud: [...aud] })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setSubject(sub)
    .setIssuedAt(now)
    .setExpirationTime(now + 600)
    .sign(Buffer.from(SECRET));
}

test('the example of the proposal: InventoryDB registers with its own token, agent A finds it', async () => {
  const registrant = await referenceToken('InventoryDB_Primary', ['registry:register'], ['RegistryServer']);
  for (const tokenIn of ['field', 'metadata'] as const) {
    const registered = await registerAsReference(at(registrant), { ...INVENTORY, tokenIn });
    expect(registered).toMatchObject({ code: 'OK', response: { success: true } });
  }
  const audience = ['InventoryDB_*', 'EventBusServer', 'ContextToolServer'];
  const agent = await referenceToken('AgentA', ['registry:lookup'], audience);
  const found = await eventually(
    () => lookupAsReference(at(agent), ['db:inventory:read']),
    ({ response }) => response?.endpoints.length === 1,
  );
  expect(found.response?.endpoints).toEqual([
    { server_name: INVENTORY.serverName, grpc_url: INVENTORY.grpcUrl, capabilities: INVENTORY.capabilities },
  ]);
});

test('the same with a token of the control plane', async () => {
  const token = await tokens.mint();
  const server = { serverName: 'Db_Reference', capabilities: ['db:orders:read'], grpcUrl: '10.0.0.1:50051' };
  expect(await registerAsReference(at(token), server)).toMatchObject({ code: 'OK' });
  const found = await eventually(
    () => lookupAsReference(at(token), ['db:orders:*']),
    ({ response }) => response?.endpoints.length === 1,
  );
  expect(found.response?.endpoints).toEqual([
    { server_name: 'Db_Reference', grpc_url: '10.0.0.1:50051', capabilities: ['db:orders:read'] },
  ]);
});

test('without the right it is refused, with the status that says so and the reason beside it', async () => {
  const powerless = await tokens.mint({ capabilities: ['tool:compute_pricing'] });
  const registered = await registerAsReference(at(powerless), { ...INVENTORY, serverName: 'Db_Denied' });
  expect(registered).toMatchObject({ code: 'PERMISSION_DENIED', response: undefined });
  expect(reasonOf(registered)).toBe('CAPABILITY_DENIED');
  const found = await lookupAsReference(at(powerless), ['db:inventory:read']);
  expect(found).toMatchObject({ code: 'PERMISSION_DENIED', response: undefined });
  expect(reasonOf(found)).toBe('CAPABILITY_DENIED');
});

test('a server cannot take the name that another subject registered', async () => {
  const owner = await tokens.mint();
  const server = { serverName: 'Db_Claimed', capabilities: ['db:claimed:read'], grpcUrl: '10.0.0.1:1' };
  expect(await registerAsReference(at(owner), server)).toMatchObject({ code: 'OK' });
  const evil = await tokens.mint({ sub: 'evil.db' });
  const refused = await registerAsReference(at(evil), { ...server, grpcUrl: '10.6.6.6:1' });
  expect(refused).toMatchObject({ code: 'PERMISSION_DENIED', details: expect.stringContaining('shop.db') });
  expect(reasonOf(refused)).toBe('NAME_TAKEN');
});

test('without an address, with a bad token and with a bad filter it is told what is wrong', async () => {
  const token = await tokens.mint();
  const { grpcUrl: _, ...nowhere } = { ...INVENTORY, serverName: 'Db_Nowhere' };
  expect(reasonOf(await registerAsReference(at(token), nowhere))).toBe('ENDPOINT_INVALID');
  expect(await lookupAsReference(at('garbage'), ['db:a'])).toMatchObject({ code: 'UNAUTHENTICATED' });
  expect(await lookupAsReference(at(token), ['db:inv*'])).toMatchObject({ code: 'INVALID_ARGUMENT' });
});
