import { expect, test } from 'vitest';
import { eventIdOf, MAX_EVENT_ID_BYTES } from './event-id.ts';

const idOf = (id: string, server = 'InventoryDB') => eventIdOf({ server, database: 'inventory', id });

test('the event of a row has the name of its server, its database and its row', () => {
  expect(idOf('42')).toBe('InventoryDB/inventory/42');
});

test('control characters are escaped, so that ids which differ stay different', () => {
  expect(idOf('a\nb\u007f')).toBe('InventoryDB/inventory/a%0Ab%7F');
  expect(idOf('a%0Ab')).toBe('InventoryDB/inventory/a%250Ab');
});

test('what is too long is cut between characters and ends with a hash of the whole', () => {
  const long = 'ä'.repeat(200);
  const id = idOf(long);
  expect(Buffer.byteLength(id)).toBeLessThanOrEqual(MAX_EVENT_ID_BYTES);
  expect(id).toMatch(/^InventoryDB\/inventory\/ä+~[\w-]{43}$/u);
  expect(idOf(long)).toBe(id);
  expect(idOf(`${long}b`)).not.toBe(id);
  expect(Buffer.byteLength(idOf('1', `S${'x'.repeat(62)}`))).toBeLessThanOrEqual(MAX_EVENT_ID_BYTES);
});

test('an id of exactly the allowed length is left as it is', () => {
  const room = MAX_EVENT_ID_BYTES - 'InventoryDB/inventory/'.length;
  expect(idOf('x'.repeat(room))).toBe(`InventoryDB/inventory/${'x'.repeat(room)}`);
  expect(idOf('x'.repeat(room + 1))).toMatch(/~[\w-]{43}$/);
});
