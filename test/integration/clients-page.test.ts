/** docs/clients.md: its program, beside the inventory that `npm start` runs. */
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { locateStateFolder } from '#lib/config/state-folder.ts';
import { startBus, type TestBus } from '../harness/event-bus.ts';
import { createStandalone, type Standalone } from '../harness/mcp2-command.ts';
import { examplesOf } from '../harness/page.ts';
import { Reader } from '../harness/reader.ts';

const ROOT = join(import.meta.dirname, '../..');
const PAGE = readFileSync(join(ROOT, 'docs/clients.md'), 'utf8');
let up: Standalone;
let bus: TestBus;
let reader: Reader;

beforeAll(async () => {
  up = await createStandalone();
  up.writeInventory();
  const inventory = join(ROOT, 'examples/inventory');
  copyFileSync(join(inventory, 'pricing.mjs'), join(up.files, 'pricing.mjs'));
  const pricing = readFileSync(join(inventory, 'pricing.yaml'), 'utf8');
  writeFileSync(join(up.files, 'pricing.yaml'), `${pricing}listen: 127.0.0.1:0\n`);
  await up.start();
  const { issuer, jwks } = locateStateFolder(up.state, { env: {}, homeFolder: '/nowhere', uid: undefined });
  const trusted = { MCP2_ISSUER: readFileSync(issuer, 'utf8').trim(), MCP2_JWKS_FILE: jwks };
  bus = await startBus({ settings: trusted });
  reader = new Reader('clients-page', { MCP2_STATE: up.state, MCP2_EVENT_BUS_ADDRESS: bus.target });
  reader.save(PAGE);
});
afterAll(async () => {
  await reader[Symbol.asyncDispose]();
  await bus[Symbol.asyncDispose]();
  await up[Symbol.asyncDispose]();
});

test('the programs of the page print what the page shows', async () => {
  const examples = examplesOf(PAGE);
  expect(examples.length).toBeGreaterThan(0);
  for (const example of examples) await reader.follow(example);
});
