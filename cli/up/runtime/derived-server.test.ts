import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { readSchema } from '#lib/schema/schema.ts';
import { createMcp2ServerParser } from '../../../operator/server/resource.ts';
import { deriveServer } from './derived-server.ts';

const definition = readFileSync(new URL('../../../crds/mcp2.dev_mcp2servers.yaml', import.meta.url), 'utf8');
const parse = createMcp2ServerParser(readSchema(definition));

test('what is derived from a configuration is what somebody would have written for a process of their own', () => {
  const from = { serverName: 'InventoryDB_Primary', listen: '127.0.0.1:50061', file: 'inventory.yaml' };
  expect(deriveServer(from, parse)).toMatchObject({
    metadata: {
      name: 'inventorydb-primary',
      namespace: 'default',
      annotations: { 'mcp2.dev/configuration': 'inventory.yaml' },
    },
    spec: {
      serverName: 'InventoryDB_Primary',
      source: { address: 'grpc://127.0.0.1:50061' },
      tls: { mode: 'Disabled' },
      capabilityMode: 'Discovered',
      readiness: { gates: expect.arrayContaining(['Handshake']) },
    },
  });
});

test.each([
  ['Stock', 'stock'],
  ['a.b_c-d', 'a-b-c-d'],
  ['Stock__', 'stock'],
  [`S${'_'.repeat(62)}`, 's'],
  ['x'.repeat(63), 'x'.repeat(63)],
])('the resource of the server %s is called %s', (serverName, name) => {
  expect(deriveServer({ serverName, listen: 'localhost:1', file: 'a.yaml' }, parse).metadata.name).toBe(name);
});

test.each([
  ['0.0.0.0:50061', 'grpc://127.0.0.1:50061'],
  ['[::]:50061', 'grpc://127.0.0.1:50061'],
  ['localhost:50061', 'grpc://localhost:50061'],
  ['10.1.2.3:50061', 'grpc://10.1.2.3:50061'],
])('a server that listens on %s is dialled at %s', (listen, address) => {
  expect(deriveServer({ serverName: 'Stock', listen, file: 'a.yaml' }, parse).spec.source.address).toBe(address);
});
