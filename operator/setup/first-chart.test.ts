import { expect, test } from 'vitest';
import { EnvReader } from '#lib/config/env-reader.ts';
import { readFirstChart } from './first-chart.ts';
import { keyRightsOf } from './store-rights.ts';

const options = { prefix: '/mcp2/v1/', installationId: 'uid-1' };

test('the users that the first chart names have the rights that they had, and the operator its client certificate', () => {
  const first = readFirstChart(new EnvReader({ MCP2_SETUP_STORE_USERS: 'operator,registry' }));
  const rightsOf = (component: string) =>
    keyRightsOf(component, first?.storeRights ?? [], options).map(({ kind, key, isPrefix }) => ({
      kind,
      key,
      isPrefix,
    }));
  expect(first?.clients).toEqual(['operator']);
  expect(rightsOf('operator')).toEqual([
    { kind: 'read', key: '/mcp2/v1/', isPrefix: true },
    { kind: 'write', key: '/mcp2/v1/servers/', isPrefix: true },
    { kind: 'write', key: '/mcp2/v1/operators/uid-1/epoch', isPrefix: false },
  ]);
  expect(rightsOf('registry')).toEqual([
    { kind: 'read', key: '/mcp2/v1/', isPrefix: true },
    { kind: 'write', key: '/mcp2/v1/servers/', isPrefix: true },
    { kind: 'write', key: '/mcp2/v1/instances/', isPrefix: true },
  ]);
});

test('a later chart is none, and a user that had no rights is a problem', () => {
  expect(readFirstChart(new EnvReader({ MCP2_SETUP_STORE_RIGHTS: 'registry:read:/' }))).toBeUndefined();
  const read = new EnvReader({ MCP2_SETUP_STORE_USERS: 'sample' });
  readFirstChart(read);
  expect(read.problems).toEqual(['MCP2_SETUP_STORE_USERS names "sample", which had no rights in the store']);
});
