import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import type { Condition } from '../operator/server/resource.ts';
import { COLUMNS, formatServers, type ListedServer, remarkOf, WIDE_COLUMNS } from './servers.ts';

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

const condition = (type: Condition['type'], status: Condition['status'], message: string): Condition => ({
  type,
  status,
  reason: 'R',
  message,
  observedGeneration: 1,
  lastTransitionTime: '2026-01-01T00:00:00Z',
});

test.each([
  ['nobody looked yet', undefined, undefined],
  ['it is not ready', condition('Ready', 'False', 'nothing answers'), 'nothing answers'],
  ['it is ready but offers less', condition('Ready', 'True', 'fine'), 'it lacks db:a:read'],
])('the remark when %s', (_title, ready, expected) => {
  const status = ready && { conditions: [ready, condition('CapabilitiesMatch', 'False', 'it lacks db:a:read')] };
  expect(remarkOf({ ready, status: status as ListedServer['status'] })).toBe(expected);
});
