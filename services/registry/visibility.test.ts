import { describe, expect, test } from 'vitest';
import { contains, type Pattern } from '#lib/capability/pattern.ts';
import { maySee, type Viewer } from './visibility.ts';

const viewer = (sub: string, aud: readonly string[], held: readonly string[] = []): Viewer => ({
  sub,
  aud,
  holds: (wanted: Pattern | string) => held.some((capability) => contains(capability, wanted)),
});
const OPEN = { visibleTo: [], requiredCapabilities: [] };

describe('the audience filters server names', () => {
  test.each([
    ['the name itself', ['InventoryDB'], true],
    ['another name', ['Payroll'], false],
    ['another spelling', ['inventorydb'], false],
    ['a prefix form', ['Inventory_*', 'InventoryDB'], true],
    ['a prefix without a separator', ['Inventory*'], false],
    ['everything', ['*'], false],
    ['nothing', [], false],
  ])('%s', (_title, aud, expected) => {
    expect(maySee(viewer('shop.agent', aud), 'InventoryDB', OPEN)).toBe(expected);
  });
});

describe('visible_to names subjects', () => {
  test.each([
    ['an empty list is everybody', [], 'shop.agent', true],
    ['an exact subject', ['shop.agent'], 'shop.agent', true],
    ['another subject', ['shop.other'], 'shop.agent', false],
    ['a subject that only begins alike', ['shop.agent'], 'shop.agent2', false],
    ['a namespace', ['shop.*'], 'shop.agent', true],
    ['a namespace that only begins alike', ['shop.*'], 'shop2.agent', false],
    ['the namespace without a subject', ['shop.*'], 'shop.', false],
    ['a star alone is a subject of that name', ['*'], 'shop.agent', false],
    ['no other wildcard exists', ['shop.a*'], 'shop.agent', false],
    ['one of several', ['a.b', 'shop.*'], 'shop.agent', true],
  ])('%s', (_title, visibleTo, sub, expected) => {
    expect(maySee(viewer(sub, ['DB']), 'DB', { ...OPEN, visibleTo })).toBe(expected);
  });
});

describe('required_capabilities must all be held', () => {
  test.each([
    ['one that is held', ['db:a:read'], ['db:a:*'], true],
    ['one that is not', ['db:a:read'], ['db:b:*'], false],
    ['one of two', ['db:a:read', 'tool:x'], ['db:a:*'], false],
    ['a pattern must be contained, overlap is not enough', ['db:*'], ['db:a:*'], false],
  ])('%s', (_title, requiredCapabilities, held, expected) => {
    expect(maySee(viewer('s', ['DB'], held), 'DB', { ...OPEN, requiredCapabilities })).toBe(expected);
  });
});
