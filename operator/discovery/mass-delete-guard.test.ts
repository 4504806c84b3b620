import { expect, test } from 'vitest';
import { CONFIRM_AFTER_MS, MassDeleteGuard } from './mass-delete-guard.ts';

const keys = (count: number, from = 0) => Array.from({ length: count }, (_, index) => `key-${index + from}`);

test.each([
  ['ten of ten records may always go', 10, 10, true],
  ['eleven of eleven are too many', 11, 11, false],
  ['a tenth of many may go', 100, 1000, true],
  ['more than a tenth may not', 101, 1000, false],
])('%s', (_title, removals, owned, allowed) => {
  expect(new MassDeleteGuard().allows(keys(removals), owned, 0)).toBe(allowed);
});

test('the same wish a minute later is believed', () => {
  const guard = new MassDeleteGuard();
  expect(guard.allows(keys(500), 500, 0)).toBe(false);
  expect(guard.allows(keys(500), 500, CONFIRM_AFTER_MS - 1)).toBe(false);
  expect(guard.allows(keys(500).reverse(), 500, CONFIRM_AFTER_MS)).toBe(true);
});

test('another wish starts the minute again', () => {
  const guard = new MassDeleteGuard();
  guard.allows(keys(500), 500, 0);
  expect(guard.allows(keys(500, 1), 501, CONFIRM_AFTER_MS)).toBe(false);
  expect(guard.allows(keys(500), 500, CONFIRM_AFTER_MS + 1)).toBe(false);
});

test('a harmless pass in between forgets the wish', () => {
  const guard = new MassDeleteGuard();
  guard.allows(keys(500), 500, 0);
  guard.allows([], 500, 1);
  expect(guard.allows(keys(500), 500, CONFIRM_AFTER_MS)).toBe(false);
});
