import { expect, test } from 'vitest';
import { ServiceError } from '#lib/errors.ts';
import { readInventory } from './inventory.ts';
import { parseStockFilter } from './stock-filter.ts';

const everything = parseStockFilter({});

test.each([
  ['inventory:prod_12345:stock_count', 42],
  ['inventory:prod_12345:warehouses', { NY: 30, SF: 12 }],
  ['inventory:prod_67890:list_price', 24.5],
  ['inventory:prod_24680:stock_count', 3],
])('%s is %j', (key, value) => {
  expect(readInventory(key, everything)).toEqual(value);
});

test.each([
  'inventory:prod_0:stock_count',
  'inventory:prod_12345:colour',
  'inventory:prod_12345',
  'inventory:prod_12345:stock_count:now',
  'payroll:prod_12345:stock_count',
  'inventory:constructor:stock_count',
])('%s is CONTEXT_UNKNOWN', (key) => {
  expect(() => readInventory(key, everything)).toThrow(expect.objectContaining({ reason: 'CONTEXT_UNKNOWN' }));
});

test.each([
  ['one warehouse', { warehouse: 'NY' }, 30],
  ["the proposal's client", { warehouse: 'NY', min_qty: '1' }, 30],
  ["the proposal's filter", { filter: "warehouse='NY', qty>0" }, 30],
  ['the other way to write it', { filter: 'warehouse=NY,qty>0' }, 30],
  ['at least so many', { min_qty: '13' }, 30],
  ['more than so many', { filter: 'qty>30' }, 0],
  ['several conditions at once', { warehouse: 'SF', filter: 'qty>12' }, 0],
])('%s: %j leaves %i pieces', (_title, parameters: Record<string, string>, count) => {
  expect(readInventory('inventory:prod_12345:stock_count', filterOf(parameters))).toBe(count);
});

test.each([
  ['an unknown parameter', { colour: 'red' }],
  ['a warehouse that is no name', { warehouse: "NY' OR 1=1" }],
  ['a quantity that is no number', { min_qty: '1e3' }],
  ['a filter that is not understood', { filter: "warehouse!='NY'" }],
  ['an empty filter', { filter: '' }],
  ['a filter without end', { filter: Array.from({ length: 9 }, () => 'qty>1').join(',') }],
])('%s is refused, not ignored: %j', (_title, parameters: Record<string, string>) => {
  expect(() => filterOf(parameters)).toThrow(ServiceError);
});

function filterOf(parameters: Readonly<Record<string, string>>) {
  return parseStockFilter(
    Object.fromEntries(Object.entries(parameters).map(([name, value]) => [name, Buffer.from(value)])),
  );
}
