/** What each word is was asked of kubectl 1.37: `kubectl label --local -f FILE a=b -o json`. */
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { kubectlScalars } from './yaml-scalars.ts';

const read = (word: string): unknown => parse(`a: ${word}`, { customTags: kubectlScalars }).a;

test.each(['yes', 'Yes', 'YES', 'y', 'Y', 'on', 'On', 'ON', 'true', 'True', 'TRUE'])('%s is true', (word) => {
  expect(read(word)).toBe(true);
});

test.each(['no', 'No', 'NO', 'n', 'N', 'off', 'Off', 'OFF', 'false', 'False', 'FALSE'])('%s is false', (word) => {
  expect(read(word)).toBe(false);
});

test.each(['~', 'null', 'Null', 'NULL', ''])('"%s" is nothing', (word) => {
  expect(read(word)).toBeNull();
});

test.each<[string, number]>([
  ['0', 0],
  ['00', 0],
  ['010', 8],
  ['0777', 511],
  ['08', 8],
  ['0789', 789],
  ['-010', -8],
  ['0o17', 15],
  ['0O17', 15],
  ['0x1F', 31],
  ['0X1f', 31],
  ['-0x1', -1],
  ['+0x1', 1],
  ['0b101', 5],
  ['-0b11', -3],
  ['1_000', 1000],
  ['1__0', 10],
  ['1_', 1],
  ['0_10', 8],
  ['0x_1', 1],
  ['+1', 1],
  ['1.', 1],
  ['.5', 0.5],
  ['-.5', -0.5],
  ['1_0.5', 10.5],
  ['1.5_0', 1.5],
  ['1e3', 1000],
  ['01e2', 100],
  ['010.5', 10.5],
])('%s is the number %d', (word, number) => {
  expect(read(word)).toBe(number);
});

test.each([
  'yEs',
  'tRue',
  'nil',
  '0x',
  '0b',
  '0o',
  '0o8',
  '_1',
  '12:30',
  '190:20:30',
  '2001-01-01',
  '1e',
  '1.2.3',
  '._1',
  'inf',
  'nan',
  '0x1p4',
  '"yes"',
  "'010'",
])('%s is text', (word) => {
  expect(typeof read(word)).toBe('string');
});
