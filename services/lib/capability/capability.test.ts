import { expect, test } from 'vitest';
import { CapabilitySet, capabilityContains, compileCapability, expandCapability } from './capability.ts';
import { compilePattern } from './pattern.ts';

test.each([
  ['an exact capability', ['db:inventory:read'], 'db:inventory:read', true],
  ['a wildcard', ['tool:*'], 'tool:enhance_image', true],
  ['the right to one key is no right to another (S6)', ['db:inventory:read'], 'db:payroll:read', false],
  ['telemetry:read reads every stream', ['telemetry:read'], 'telemetry:read:cpu', true],
  ['telemetry:read:a reads only a (S11)', ['telemetry:read:a'], 'telemetry:read:b', false],
  ['registry:lookup looks up everything', ['registry:lookup'], 'registry:lookup:*', true],
  ['the bare form registers the own name', ['registry:register'], 'registry:register:Own_Server', true],
  ['the bare form registers no other name (S5)', ['registry:register'], 'registry:register:InventoryDB_Evil', false],
  ['a name prefix registers what it matches', ['registry:register:Inv_*'], 'registry:register:Inv_a', true],
  ['a name prefix registers nothing else', ['registry:register:Inv_*'], 'registry:register:InvEvil', false],
  ['a name prefix without separator confers nothing', ['registry:register:Inv*'], 'registry:register:Inv_a', false],
  ['registry:register:* registers every name', ['registry:register:*'], 'registry:register:Inv_a', true],
  ['an unknown namespace confers nothing', ['cache:inventory'], 'cache:inventory', false],
  ['a wildcard namespace reaches the known ones', ['*:inventory:read'], 'db:inventory:read', true],
  ['two halves do not make a whole', ['db:a:*', 'db:b:*'], 'db:*:read', false],
  ['a malformed entry leaves the others alone', ['db:**', 'db:a:read'], 'db:a:read', true],
])('%s: %j for %s', (_title, held, required, expected) => {
  const pattern = compilePattern(required);
  expect(pattern && new CapabilitySet(held, 'Own_Server').covers(pattern)).toBe(expected);
});

test('a set of entries that confer nothing is empty', () => {
  expect(new CapabilitySet(['cache:x', 'db:**', ''], 'a').isEmpty).toBe(true);
  expect(new CapabilitySet(['db:x:read'], 'a').isEmpty).toBe(false);
});

test('a subject that is no server name turns the bare register right into no name', () => {
  expect(expandCapability('registry:register', 'user@example.com').map(({ pattern }) => pattern.text)).toEqual([
    'registry:register',
  ]);
});

test.each(['*', 'Inv_*', 'user@example.com', ''])(
  'the bare register right of the subject %j reaches no name',
  (sub) => {
    const held = new CapabilitySet(['registry:register'], sub);
    const names = ['Inv_a', 'user', 'a'].map((name) => compilePattern(`registry:register:${name}`));
    expect(names.map((name) => name && held.covers(name))).toEqual([false, false, false]);
  },
);

test.each(['registry:register:Inv_a:*', 'registry:register:Inv_a:b', 'registry:*:Inv_a', 'registry:register:*'])(
  'a right to names that begin with Inv_ does not contain the filter %s',
  (filter) => {
    const [held, wanted] = [compileCapability('registry:register:Inv_*'), compilePattern(filter)];
    expect(held && wanted && capabilityContains(held, wanted)).toBe(false);
  },
);

test.each([
  ['registry:*', 'registry:register:Inv_*', true],
  ['registry:register:*', 'registry:register:Inv_*', true],
  ['registry:register:Inv_*', 'registry:register:Inv_Eu_*', true],
  ['registry:register:Inv_*', 'registry:register:Inv_a', true],
  ['registry:register:Inv_*', 'registry:register:*', false],
  ['registry:register:Inv_*', 'registry:*', false],
  ['registry:register:Inv_a', 'registry:register:Inv_*', false],
  ['registry:register:Inv_*', 'registry:lookup:Inv_a', false],
  ['db:*', 'db:inventory:*', true],
  ['db:inventory:*', 'db:*', false],
])('%s over %s: %s', (granted, wanted, expected) => {
  const [held, asked] = [compileCapability(granted), compileCapability(wanted)];
  expect(held && asked && capabilityContains(held, asked)).toBe(expected);
});
