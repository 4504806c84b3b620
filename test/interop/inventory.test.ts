/** The proposal's own client and a client of today, both in Python, use the servers of examples/inventory. */
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { decodeErrorInfo } from '#lib/grpc/error-details.ts';
import { runCommand } from '../cluster/run-command.ts';
import { createStandalone, INVENTORY, type Standalone } from '../harness/mcp2-command.ts';
import { freePorts } from '../harness/ports.ts';
import { createWorkspace } from '../harness/processes.ts';
import { ensurePython } from '../harness/python.ts';
import { invokeToolAsReference, type ReferenceTarget, requestContextAsReference } from '../harness/reference-client.ts';

const ROOT = join(import.meta.dirname, '../..');
const STOCK = 'inventory:prod_12345:stock_count';
const EVERYTHING = 'db:inventory:read,tool:compute_pricing,tool:reserve_stock';
let up: Standalone;
let python: string;
let pricingPort = 0;

beforeAll(async () => {
  python = (await ensurePython()).command;
  [pricingPort = 0] = await freePorts(1);
  up = await createStandalone();
  up.writeInventory();
  copyFileSync(join(INVENTORY, 'pricing.mjs'), join(up.files, 'pricing.mjs'));
  const pricing = readFileSync(join(INVENTORY, 'pricing.yaml'), 'utf8');
  writeFileSync(join(up.files, 'pricing.yaml'), `listen: 127.0.0.1:${pricingPort}\n${pricing}`);
  await up.start();
}, 300_000);
afterAll(() => up[Symbol.asyncDispose]());

async function mint(capabilities = EVERYTHING): Promise<string> {
  const names = 'InventoryDB_Primary,PricingRules';
  const { code, stdout, stderr } = await up.run(['token', 'mint', '--aud', names, '--capability', capabilities]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout.trim();
}

const at = async (port: number, capabilities?: string): Promise<ReferenceTarget> => ({
  address: `127.0.0.1:${port}`,
  token: await mint(capabilities),
});
const text = (base64 = '') => Buffer.from(base64, 'base64').toString();

test.each([
  ['over all warehouses', {}, '42'],
  ['as the proposal sends it', { warehouse: 'NY', min_qty: '1' }, '30'],
  ['as its Section 3.1 writes it', { filter: "warehouse='NY', qty>0" }, '30'],
])('the client of the proposal reads a context %s: %j', async (_title, parameters, stock) => {
  const answer = await requestContextAsReference(await at(up.serverPort), STOCK, parameters);
  expect(answer).toMatchObject({ code: 'OK' });
  expect(text(answer.response?.serialized_value)).toBe(stock);
});

test('the client of the proposal computes a price and reserves, with arguments that are texts', async () => {
  const priced = await invokeToolAsReference(await at(pricingPort), 'compute_pricing', {
    sku: 'prod_12345',
    stock_count: '42',
  });
  expect(priced.response).toMatchObject({ success: true, warnings: [] });
  expect(text(priced.response?.outputs.recommended_price)).toBe('95.8');
  const reservation = { sku: 'prod_67890', warehouse: 'NY', quantity: '2' };
  const reserved = await invokeToolAsReference(await at(up.serverPort), 'reserve_stock', reservation);
  expect(text(reserved.response?.outputs.left)).toBe('5');
});

test('what it may not do, and what it says wrongly, is told with status and reason', async () => {
  const denied = await invokeToolAsReference(await at(up.serverPort, 'db:inventory:read'), 'reserve_stock', {});
  expect(denied).toMatchObject({ code: 'PERMISSION_DENIED', response: undefined });
  expect(decodeErrorInfo(denied.statusDetails)?.reason).toBe('CAPABILITY_DENIED');
  const wrong = await requestContextAsReference(await at(up.serverPort), STOCK, { filter: "warehouse!='NY'" });
  expect(wrong).toMatchObject({ code: 'INVALID_ARGUMENT', response: undefined });
  const unknown = await invokeToolAsReference(await at(pricingPort), 'compute_pricing', { sku: 'x', stock_count: '1' });
  expect(unknown).toMatchObject({ code: 'OK', response: { success: false } });
});

test('examples/python/client.py finds both servers and uses them, as its first lines tell to run it', async () => {
  const stubs = join(createWorkspace('python-client').folder, 'stubs');
  mkdirSync(stubs);
  const protos = readdirSync(join(ROOT, 'protos/mcp2')).map((name) => `mcp2/${name}`);
  const output = [`--python_out=${stubs}`, `--grpc_python_out=${stubs}`];
  await runCommand(python, ['-m', 'grpc_tools.protoc', `-I${join(ROOT, 'protos')}`, ...output, ...protos]);
  const env = {
    ...{ PATH: process.env.PATH, PYTHONPATH: stubs, PYTHONDONTWRITEBYTECODE: '1' },
    ...{ MCP2_TOKEN: await mint('db:inventory:read,tool:compute_pricing'), REGISTRY: `127.0.0.1:${up.port}` },
  };
  const printed = await runCommand(python, [join(ROOT, 'examples/python/client.py')], { env });
  expect(printed.trim()).toBe('30 in NY, at 97 each');
});
