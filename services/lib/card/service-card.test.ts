import { describe, expect, test } from 'vitest';
import { ServiceError } from '#lib/errors.ts';
import { MAX_CARD_BYTES, readCard } from './service-card.ts';

const CARD = {
  name: 'InventoryDB_Primary',
  version: '1.0.0',
  protocol: 'mcp2/1',
  services: ['ContextTool'],
  capabilities: ['db:inventory:read', 'tool:*'],
};

const read = (card: unknown) => readCard(Buffer.from(typeof card === 'string' ? card : JSON.stringify(card)));
const many = (count: number, make: (i: number) => string) => Array.from({ length: count }, (_, i) => make(i));

test('a card is read, and what this version does not know in it is left out', () => {
  const { card, digest } = read({ ...CARD, tools: [{ name: 'price', input_schema: { type: 'object' } }] });
  expect(card).toEqual(CARD);
  expect(digest).toMatch(/^[0-9a-f]{64}$/);
});

test('every member may be left out', () => {
  expect(read({}).card).toEqual({ name: '', version: '', protocol: '', services: [], capabilities: [] });
});

describe('a card is refused', () => {
  test.each<[string, unknown]>([
    ['that is no JSON', '{'],
    ['that is a list', []],
    ['that says one thing twice', '{"capabilities":["db:a:read"],"capabilities":["db:b:read"]}'],
    ['that nests without end', `{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`],
    ['larger than 256 KiB', { ...CARD, description: 'x'.repeat(MAX_CARD_BYTES) }],
    ['with a name that is no server name', { ...CARD, name: 'Db\nReady' }],
    ['with a control character in the version', { ...CARD, version: '1\u001b[2J' }],
    ['with a version of 65 characters', { ...CARD, version: '1'.repeat(65) }],
    ['with a protocol that the status of a resource cannot hold', { ...CARD, protocol: 'p'.repeat(33) }],
    ['with a service that turns the text around', { ...CARD, services: ['\u202eloot'] }],
    ['with a service of 65 characters', { ...CARD, services: ['s'.repeat(65)] }],
    ['with 65 services', { ...CARD, services: many(65, (i) => `s${i}`) }],
    ['with a service that is a number', { ...CARD, services: [1] }],
    ['with 257 capabilities', { ...CARD, capabilities: many(257, (i) => `db:t${i}:read`) }],
    ['with a capability that is none', { ...CARD, capabilities: ['db:inv*'] }],
    ['with a capability that reaches everything', { ...CARD, capabilities: ['*'] }],
    ['with a capability of every kind', { ...CARD, capabilities: ['*:inventory:read'] }],
  ])('%s', (_title, card) => {
    expect(() => read(card)).toThrow(ServiceError);
  });

  test('with a sentence that cannot write over the terminal of who reads it', () => {
    expect(() => read({ capabilities: ['\n\u001b[2J\u202e'] })).toThrow(/^[\x20-\x7e]+$/);
  });
});
