/** docs/clients.md: its program, beside the inventory that `npm start` runs. */
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createStandalone, type Standalone } from '../harness/mcp2-command.ts';
import { examplesOf } from '../harness/page.ts';
import { Reader } from '../harness/reader.ts';

const ROOT = join(import.meta.dirname, '../..');
const PAGE = readFileSync(join(ROOT, 'docs/clients.md'), 'utf8');
let up: Standalone;
let reader: Reader;

beforeAll(async () => {
  up = await createStandalone();
  up.writeInventory();
  const inventory = join(ROOT, 'examples/inventory');
  copyFileSync(join(inventory, 'pricing.mjs'), join(up.files, 'pricing.mjs'));
  const pricing = readFileSync(join(inventory, 'pricing.yaml'), 'utf8');
  writeFileSync(join(up.files, 'pricing.yaml'), `${pricing}listen: 127.0.0.1:0\n`);
  await up.start();
  reader = new Reader('clients-page', { MCP2_STATE: up.state });
  reader.save(PAGE);
});
afterAll(async () => {
  await reader[Symbol.asyncDispose]();
  await up[Symbol.asyncDispose]();
});

test('the program of the page prints what the page shows', async () => {
  const examples = examplesOf(PAGE);
  expect(examples.length).toBeGreaterThan(0);
  for (const example of examples) await reader.follow(example);
});
