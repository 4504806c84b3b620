import { expect, test } from 'vitest';
import { storeRightsOf } from './store-rights.ts';

const options = { prefix: '/mcp2/v1/', installationId: 'Uid-1' };

test.each([
  ['operator', ['read /mcp2/v1/*', 'write /mcp2/v1/servers/*', 'write /mcp2/v1/operators/uid-1/epoch']],
  ['registry', ['read /mcp2/v1/*', 'write /mcp2/v1/servers/*', 'write /mcp2/v1/instances/*']],
])('the %s may do what it does and no more', (component, expected) => {
  const rights = storeRightsOf(component, options) ?? [];
  expect(rights.map(({ kind, key, isPrefix }) => `${kind} ${key}${isPrefix ? '*' : ''}`)).toEqual(expected);
});

test('a component that has no business in the store gets no rights', () => {
  expect(storeRightsOf('sample', options)).toBeUndefined();
});
