import { InvalidArgumentError } from 'commander';
import { expect, test } from 'vitest';
import { collect, collectJson, collectPairs, durationSeconds, wholeNumber } from './arguments.ts';

test('lists, pairs and JSON grow with each option', () => {
  expect(collect('c', collect('a, b'))).toEqual(['a', 'b', 'c']);
  expect(collectPairs('c=d=e', collectPairs('a='))).toEqual({ a: '', c: 'd=e' });
  expect(collectJson('[1]', collectJson('{"a":1}'))).toEqual([{ a: 1 }, [1]]);
});

test('numbers and durations have limits and units', () => {
  expect(wholeNumber(1, 10)('10')).toBe(10);
  expect(durationSeconds('15m')).toBe(900);
});

test.each([
  ['an empty name', () => collect('a,,b')],
  ['a pair without a key', () => collectPairs('=b')],
  ['a pair without a sign', () => collectPairs('a')],
  ['broken JSON', () => collectJson('{')],
  ['a number too large', () => wholeNumber(1, 10)('11')],
  ['a number with an exponent', () => wholeNumber(1, 1000)('1e2')],
  ['a negative number', () => wholeNumber(0, 10)('-1')],
  ['a duration without a unit', () => durationSeconds('15')],
  ['a duration below a second', () => durationSeconds('500ms')],
])('%s is refused', (_title, act) => {
  expect(act).toThrow(InvalidArgumentError);
});
