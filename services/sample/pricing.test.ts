import { expect, test } from 'vitest';
import { ServiceError } from '#lib/errors.ts';
import { computePricing } from './pricing.ts';

const bytes = (args: Record<string, string>) =>
  Object.fromEntries(Object.entries(args).map(([name, value]) => [name, Buffer.from(value)]));

test.each([
  ["the proposal's example", 'prod_12345', '42', '95.8'],
  ['no stock, full price', 'prod_12345', '0', '100'],
  ['half of the list price at the floor', 'prod_12345', '500', '50'],
  ['never below the floor', 'prod_12345', '999999999', '50'],
  ['whole cents', 'prod_67890', '7', '24.33'],
])('%s: %s with %s pieces costs %s', (_title, sku, stock_count, price) => {
  expect(computePricing(bytes({ sku, stock_count }))).toMatchObject({ success: true, recommendedPrice: price });
});

test('an unknown product is a tool that ran and failed, not a failed call', () => {
  expect(computePricing(bytes({ sku: 'prod_0', stock_count: '1' }))).toMatchObject({
    success: false,
    errorCode: 'SKU_UNKNOWN',
  });
});

test.each([
  ['a missing argument', bytes({ sku: 'prod_12345' })],
  ['an unknown argument', bytes({ sku: 'prod_12345', stock_count: '1', currency: 'EUR' })],
  ['a negative count', bytes({ sku: 'prod_12345', stock_count: '-1' })],
  ['an exponent', bytes({ sku: 'prod_12345', stock_count: '1e3' })],
  ['a leading zero', bytes({ sku: 'prod_12345', stock_count: '042' })],
  ['a count beyond any stock', bytes({ sku: 'prod_12345', stock_count: '10000000000' })],
  ['an empty sku', bytes({ sku: '', stock_count: '1' })],
  ['bytes that are not UTF-8', { sku: Buffer.of(0xff), stock_count: Buffer.from('1') }],
])('%s is ARGUMENT_INVALID', (_title, args) => {
  expect(reasonOf(() => computePricing(args))).toBe('ARGUMENT_INVALID');
});

function reasonOf(act: () => unknown): string | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    return error instanceof ServiceError ? error.reason : String(error);
  }
}
