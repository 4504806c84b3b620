import { expect, test } from 'vitest';
import { parseHead } from './head.ts';

const HEAD = { format: 1, epoch: '00112233445566ff', lastOffset: 5, isClean: true };

test('a head comes back as it was written', () => {
  expect(parseHead(`${JSON.stringify(HEAD)}\n`)).toEqual(HEAD);
});

test('of a newer format only that is known', () => {
  expect(parseHead('{"format":2,"anything":[]}')).toEqual({ format: 2, epoch: '', lastOffset: 0, isClean: false });
});

test.each([
  ['nothing', ''],
  ['half of one', JSON.stringify(HEAD).slice(0, 30)],
  ['no object', '5'],
  ['null', 'null'],
  ['no format', JSON.stringify({ ...HEAD, format: undefined })],
  ['an epoch that is none', JSON.stringify({ ...HEAD, epoch: 'x' })],
  ['an offset below zero', JSON.stringify({ ...HEAD, lastOffset: -1 })],
  ['an offset that is no integer', JSON.stringify({ ...HEAD, lastOffset: 1.5 })],
])('%s is no head', (_title, text) => {
  expect(parseHead(text)).toBeUndefined();
});
