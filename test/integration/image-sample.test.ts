/** The image's argument `sample`, as pods of former charts have it: no configuration, a name for the server, a /tmp to write to. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { systemClock } from '#lib/clock.ts';
import { createClient } from '#lib/grpc/client.ts';
import { plaintextClient } from '#lib/grpc/credentials.ts';
import { loadServices } from '#protos/load.ts';
import { freePorts } from '../harness/ports.ts';
import { createWorkspace, ManagedProcess } from '../harness/processes.ts';
import { createTokens, ISSUER } from '../harness/registry-fixture.ts';

const ENTRY = join(import.meta.dirname, '../../image/entry.mjs');

test('it answers the contexts of the inventory, reserves and prices, under the name that the pod gives', async () => {
  const tokens = await createTokens();
  const workspace = createWorkspace('image-sample');
  const [port, opsPort] = await freePorts(2);
  const env = {
    TMPDIR: workspace.folder,
    MCP2_LISTEN: `127.0.0.1:${port}`,
    MCP2_OPS_LISTEN: `127.0.0.1:${opsPort}`,
    MCP2_ISSUER: ISSUER,
    MCP2_JWKS_FILE: tokens.jwksFile,
    MCP2_SAMPLE_SERVER_NAME: 'StockDB',
  };
  const ready = async () => (await fetch(`http://127.0.0.1:${opsPort}/readyz`)).ok;
  const options = { name: 'sample', command: process.execPath, args: [ENTRY, 'sample'], env, ready };
  await using sample = new ManagedProcess(options, workspace);
  await sample.start();
  const { ContextTool } = loadServices();
  const client = createClient(ContextTool, `127.0.0.1:${port}`, { credentials: plaintextClient(), clock: systemClock });
  const capabilities = ['db:inventory:read', 'tool:reserve_stock', 'tool:compute_pricing'];
  const capability_token = await tokens.mint({ aud: ['StockDB'], capabilities });
  const read = async (context_key: string, parameters = {}) => {
    const answer = await client.call('RequestContext', { context_key, parameters, capability_token });
    return JSON.parse(answer.serialized_value.toString());
  };
  const invoke = (tool_name: string, args: object) =>
    client.call('InvokeTool', {
      tool_name,
      arguments_json: Buffer.from(JSON.stringify(args)),
      idempotency_key: tool_name,
      capability_token,
    });

  expect(await read('inventory:prod_12345:stock_count', { warehouse: Buffer.from('NY') })).toBe(30);
  // The second has the first one's key.
  for (const _ of [1, 2]) {
    const reserved = await invoke('reserve_stock', { sku: 'prod_12345', warehouse: 'NY', quantity: 2 });
    expect(reserved.outputs.left?.toString()).toBe('28');
  }
  expect(await read('inventory:prod_12345:warehouses')).toContainEqual({ warehouse: 'NY', quantity: 28 });
  const { success, outputs } = await invoke('compute_pricing', { sku: 'prod_12345', stock_count: 42 });
  expect({ success, price: outputs.recommended_price?.toString() }).toEqual({ success: true, price: '95.8' });
  client.close();
  expect(await sample.stop()).toEqual({ code: 0, signal: null });
  const [folder = ''] = readdirSync(workspace.folder).filter((name) => name.startsWith('mcp2-sample-'));
  expect(existsSync(join(workspace.folder, folder, 'stock.db'))).toBe(true);
});
