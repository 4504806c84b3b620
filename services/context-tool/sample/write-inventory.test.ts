import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parse } from 'yaml';
import { writeInventory } from './write-inventory.ts';

const EXAMPLES = join(import.meta.dirname, '../../../examples/inventory');
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mcp2-sample-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

test('one server of the given name reads the stock and has the tools of both configurations', () => {
  const file = writeInventory({ examples: EXAMPLES, folder, serverName: 'StockDB' });
  const { server, databases, contexts, tools } = parse(readFileSync(file, 'utf8'));
  expect(server.name).toBe('StockDB');
  expect(databases.inventory.sqlite.file).toBe(join(folder, 'stock.db'));
  expect(contexts.map(({ key }: { key: string }) => key)).toContain('inventory:{sku}:stock_count');
  expect(tools.map(({ name }: { name: string }) => name)).toEqual(
    expect.arrayContaining(['reserve_stock', 'compute_pricing']),
  );
});

test('what the configuration names lies beside it', () => {
  const text = readFileSync(writeInventory({ examples: EXAMPLES, folder, serverName: 'StockDB' }), 'utf8');
  const named = [...text.matchAll(/[\w-]+\.(?:sql|mjs)\b/g)].map(([name]) => name);
  expect(named.length).toBeGreaterThan(1);
  expect(readdirSync(folder)).toEqual(expect.arrayContaining(named));
});
