import { expect, test } from 'vitest';
import { hasReason } from '#lib/errors.ts';
import {
  foldServerName,
  isName,
  isParameterName,
  isReservedServerName,
  isSegment,
  isServerName,
  isToolName,
  isTopic,
  quote,
  requireName,
  requireParameterNames,
  requireServerName,
  requireToolName,
  requireTopic,
} from './name.ts';

test.each([
  ['inventory:p1:stock', true],
  ['user@example.com:a=b+c~d-e', true],
  ['_x', true],
  ['9', true],
  ['', false],
  ['a:', false],
  [':a', false],
  ['a::b', false],
  ['a:*', false],
  ['a b', false],
  ['a\n', false],
  ['.a', false],
  ['=a', false],
  ['a/b', false],
  ['ａ', false],
  [Array(16).fill('a').join(':'), true],
  [Array(17).fill('a').join(':'), false],
  [Array(4).fill('a'.repeat(127)).join(':'), true],
  [Array(4).fill('a'.repeat(128)).join(':'), false],
])('%j as a name: %s', (text, expected) => {
  expect(isName(text)).toBe(expected);
});

test('a segment is a name without a colon, of at most 128 bytes', () => {
  expect([isSegment('a'.repeat(128)), isSegment('a'.repeat(129)), isSegment('a:b')]).toEqual([true, false, false]);
});

test('a topic has at most 12 segments', () => {
  expect([isTopic(Array(12).fill('a').join(':')), isTopic(Array(13).fill('a').join(':'))]).toEqual([true, false]);
});

test('a tool name has no colon and at most 128 characters', () => {
  expect(['enhance_image', '.x', 'a.b-c', 'a:b', '', 'a'.repeat(129)].map(isToolName)).toEqual([
    true,
    true,
    true,
    false,
    false,
    false,
  ]);
});

test('a parameter name is an identifier and never __proto__', () => {
  expect(['filter', '_a.b-c', '9a', '__proto__', '', 'a'.repeat(65)].map(isParameterName)).toEqual([
    true,
    true,
    false,
    false,
    false,
    false,
  ]);
});

test('a server name begins with a letter, has at most 63 characters and no wildcard', () => {
  const names = ['InventoryDB_Primary', 'a', 'a'.repeat(63), 'a'.repeat(64), '_a', '9a', 'a*', 'a:b', ''];
  expect(names.map(isServerName)).toEqual([true, true, true, false, false, false, false, false, false]);
});

test('server names fold ASCII letters and nothing else', () => {
  expect(foldServerName('InventoryDB_Primary')).toBe('inventorydb_primary');
  expect(foldServerName('\u212Aelvin')).toBe('\u212Aelvin');
});

test('the names of the control plane are reserved in any spelling', () => {
  expect(
    ['RegistryServer', 'registryserver', 'EVENTBUSSERVER', 'TokenServer', 'Registry'].map(isReservedServerName),
  ).toEqual([true, true, true, true, false]);
});

test.each([
  ['a name', () => requireName('a::b', 'context_key')],
  ['a topic', () => requireTopic('a:*', 'topic')],
  ['a tool', () => requireToolName('a:b', 'tool_name')],
  ['a server', () => requireServerName('9', 'server_name')],
])('%s outside the grammar is refused with NAME_INVALID', (_title, attempt) => {
  expect(attempt).toThrow(expect.toSatisfy((error) => hasReason(error, 'NAME_INVALID')));
});

test('a refused name comes back escaped and cut', () => {
  expect(() => requireName('x'.repeat(1_000_000), 'context_key')).toThrow(
    /^context_key "x{64}"… \(1000000 characters\)/,
  );
  expect(() => requireName('a\nb', 'context_key')).toThrow(/"a\\nb"/);
});

test.each([
  ['an escape sequence', '\u001b[2J', '"\\u001b[2J"'],
  ['an escape sequence in one byte', '\u009b2J', '"\\u{9b}2J"'],
  ['a right-to-left override', 'a\u202eb', '"a\\u{202e}b"'],
  ['a character of no width', 'a\u200bb', '"a\\u{200b}b"'],
  ['an invisible tag beyond 16 bits', '\u{e0041}', '"\\u{e0041}"'],
  ['a line separator', '\u2028', '"\\u{2028}"'],
  ['half a character', '\ud800', '"\\ud800"'],
  ['a letter of any language', 'Lager übrig 库存', '"Lager übrig 库存"'],
])('%s is shown without doing anything', (_title, text, shown) => {
  expect(quote(text)).toBe(shown);
});

test('too many parameters and illegal parameter names are refused with ARGUMENT_INVALID', () => {
  const tooMany = Array.from({ length: 257 }, (_, i) => `p${i}`);
  const isArgumentInvalid = expect.toSatisfy((error) => hasReason(error, 'ARGUMENT_INVALID'));
  expect(() => requireParameterNames(tooMany, 'parameters')).toThrow(isArgumentInvalid);
  expect(() => requireParameterNames(['__proto__'], 'parameters')).toThrow(isArgumentInvalid);
  expect(() => requireParameterNames(tooMany.slice(1), 'parameters')).not.toThrow();
});
