import { expect, test } from 'vitest';
import { familyRoot } from '#lib/store/keys.ts';
import { keyRightsOf, parseStoreRight, type StoreRight } from './store-rights.ts';

const options = { prefix: '/mcp2/v1/', installationId: 'Uid-1' };
const given = [
  'operator:read:/',
  'operator:write:/servers/',
  'operator:write:/operators/{installationId}/epoch',
  'event-bus:write:.event/',
].map((text) => parseStoreRight(text) as StoreRight);

test.each([
  ['operator', ['read /mcp2/v1/*', 'write /mcp2/v1/servers/*', 'write /mcp2/v1/operators/uid-1/epoch']],
  ['event-bus', ['write /mcp2/v1.event/*']],
  ['sample', []],
])('the rights of %s are those that were given to it, below the prefix', (component, expected) => {
  const rights = keyRightsOf(component, given, options);
  expect(rights.map(({ kind, key, isPrefix }) => `${kind} ${key}${isPrefix ? '*' : ''}`)).toEqual(expected);
});

test('a family that the chart names is the one whose keys a service makes', () => {
  const [right] = keyRightsOf('event-bus', given, { ...options, prefix: '/a/b/' });
  expect(right?.key).toBe(familyRoot('/a/b/', 'event'));
});

test.each([
  'operator',
  'operator:read',
  'operator:delete:/',
  'Operator:read:/',
  'operator:read:servers/',
  'operator:read:',
  'operator:read:/../',
  'operator:read:/{other}/',
])('%j is not a right', (text) => {
  expect(parseStoreRight(text)).toBeUndefined();
});
