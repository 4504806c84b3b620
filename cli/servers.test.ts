import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { COLUMNS, formatServers, type ListedServer, WIDE_COLUMNS } from './servers.ts';

const SERVER: ListedServer = {
  namespace: 'default',
  name: 'inventory-db',
  serverName: 'InventoryDB_Primary',
  uid: 'u',
  generation: 1,
  creationTimestamp: '2026-01-01T00:00:00Z',
  file: 'inventory.yaml',
  resource: undefined,
  status: undefined,
  ready: undefined,
};
const NOW_MS = Date.UTC(2026, 0, 1, 0, 0, 5);

test('the columns are those that kubectl prints', () => {
  const text = readFileSync(new URL('../crds/mcp2.dev_mcp2servers.yaml', import.meta.url), 'utf8');
  const columns: { name: string; priority?: number }[] = parse(text).spec.versions[0].additionalPrinterColumns;
  const titles = (wide: boolean) =>
    columns.filter(({ priority = 0 }) => priority > 0 === wide).map(({ name }) => name.toUpperCase());
  expect(COLUMNS).toEqual(['NAME', ...titles(false)]);
  expect(WIDE_COLUMNS).toEqual(titles(true));
});

test('a server that nobody looked at yet is Pending; another namespace than default is named', () => {
  const servers = [SERVER, { ...SERVER, namespace: 'shop' }];
  expect(formatServers(servers, { wide: false, nowMs: NOW_MS })).toEqual([
    'NAME                READY     REASON    SERVER                ENDPOINTS   AGE',
    'inventory-db        Unknown   Pending   InventoryDB_Primary   <none>      5s',
    'shop/inventory-db   Unknown   Pending   InventoryDB_Primary   <none>      5s',
  ]);
});
