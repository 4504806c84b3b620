import { expect, test } from 'vitest';
import { audienceContains, audienceMatches } from './audience.ts';

test.each([
  ['an exact name', ['InventoryDB_Primary'], 'InventoryDB_Primary', true],
  ['one of several', ['A', 'EventBusServer'], 'EventBusServer', true],
  ['a prefix ending in _', ['InventoryDB_*'], 'InventoryDB_Primary', true],
  ['a prefix ending in -', ['inv-*'], 'inv-a', true],
  ['a prefix ending in .', ['inv.*'], 'inv.a', true],
  ['a prefix stands for one more character at least', ['InventoryDB_*'], 'InventoryDB_', false],
  ['a prefix must end in a separator', ['InventoryDB*'], 'InventoryDBEvil', false],
  ['a prefix has at least three literal characters', ['a_*'], 'a_b', false],
  ['a leading wildcard matches nothing', ['*_Primary'], 'InventoryDB_Primary', false],
  ['a bare wildcard matches nothing', ['*'], 'InventoryDB_Primary', false],
  ['an inner wildcard matches nothing', ['Inventory_*_a'], 'Inventory_b_a', false],
  ['a URL matches nothing, itself included', ['https://a.example'], 'https://a.example', false],
  ['case counts', ['inventorydb_primary'], 'InventoryDB_Primary', false],
  ['no audience matches nothing', [], 'A', false],
  ['what is no server name is matched by no prefix', ['InventoryDB_*'], 'InventoryDB_a:b', false],
  ['a matched name keeps the length limit', ['InventoryDB_*'], `InventoryDB_${'a'.repeat(52)}`, false],
])('%s: %j on %s', (_title, audience, name, expected) => {
  expect(audienceMatches(audience, name)).toBe(expected);
});

test.each([
  ['an exact name in a prefix', ['Inv_*'], ['Inv_a'], true],
  ['a longer prefix in a prefix', ['Inv_*'], ['Inv_Eu_*'], true],
  ['an equal prefix', ['Inv_*'], ['Inv_*'], true],
  ['a shorter prefix is wider', ['Inv_Eu_*'], ['Inv_*'], false],
  ['a prefix is never within an exact name', ['Inv_a'], ['Inv_*'], false],
  ['each entry must lie within one', ['Inv_*'], ['Inv_a', 'B'], false],
  ['an invalid entry lies within nothing', ['Inv_*'], ['Inv_**'], false],
  ['nothing lies within an invalid entry', ['*'], ['A'], false],
])('%s: %j over %j', (_title, granted, wanted, expected) => {
  expect(audienceContains(granted, wanted)).toBe(expected);
});
