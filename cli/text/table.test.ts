import { expect, test } from 'vitest';
import { formatTable } from './table.ts';

test('columns are as wide as their longest text, three spaces apart, without trailing spaces', () => {
  expect(
    formatTable(
      ['NAME', 'READY', 'AGE'],
      [
        ['inventory-db', 'True', '5s'],
        ['a', 'False', '10m'],
      ],
    ),
  ).toEqual(['NAME           READY   AGE', 'inventory-db   True    5s', 'a              False   10m']);
});

test('what is not known is said, and zero is a number', () => {
  expect(formatTable(['ZONE', 'CAPS'], [[undefined, 0], ['']])).toEqual([
    'ZONE     CAPS',
    '<none>   0',
    '<none>   <none>',
  ]);
});

test('text from elsewhere cannot add lines or move the cursor', () => {
  const [, row] = formatTable(['NAME'], [['a\nb\u001b[2J\u009bc']]);
  expect(row).toBe('a b [2J c');
});
