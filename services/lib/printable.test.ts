import { expect, test } from 'vitest';
import { escapeUnseen, harmless, hasUnseen, onOneLine, quoted, shortOnOneLine } from './printable.ts';

test.each([
  ['clearing the screen', 'a\u001b[2Jb', 'a[2Jb'],
  ['the same in one byte', 'a\u009b2Jb', 'a2Jb'],
  ['setting the title', '\u001b]0;evil\u0007b', ']0;evilb'],
  ['going back over the line', 'good\revil', 'goodevil'],
  ['turning the line around', 'a\u202eb', 'ab'],
  ['a character of no width', 'a\u200bb', 'ab'],
  ['what only looks like a colour', '\u009b[31ma', '[31ma'],
  ['an invisible tag beyond 16 bits', 'a\u{e0041}b', 'ab'],
  ['a colour', '\u001b[31mred\u001b[39m', '\u001b[31mred\u001b[39m'],
  ['lines and tabs', 'a\n\tb', 'a\n\tb'],
  ['letters of any language', 'übrig 库存 ✓ 👍', 'übrig 库存 ✓ 👍'],
])('%s', (_title, text, shown) => {
  expect(harmless(text)).toBe(shown);
});

test('a part of a line stays on it', () => {
  expect(onOneLine('a\nb\u2028c\u001b[31md')).toBe('a b c [31md');
});

test.each([
  ['a line break', 'a\n::error::b', 'a ::error::b'],
  ['a command at its beginning', '::error::b', '\\::error::b'],
  ['a command after spaces', '  ::error::b', '  \\::error::b'],
  ['an old command anywhere', 'a ##[add-path]b', 'a # #[add-path]b'],
  ['a command of another runner', '##vso[task.complete]', '# #vso[task.complete]'],
  ['half a character', 'a\ud800b', 'a b'],
  ['what only looks like one', 'a # b ## c [d] a::b', 'a # b ## c [d] a::b'],
])('%s is broken up in a part of a line', (_title, text, shown) => {
  expect(onOneLine(text)).toBe(shown);
});

test('text is cut between two characters', () => {
  expect(shortOnOneLine('abcdef', 3)).toBe('abc …');
  expect(shortOnOneLine('abc', 3)).toBe('abc');
  expect(shortOnOneLine('ab👍', 3)).toBe('ab …');
  expect(quoted('a\nb')).toBe('"a b"');
});

test.each(['a\u202eb', '\u009b2J', '##vso[x]', 'a\u{e0041}b', 'übrig 库存'])(
  '%j is the same data after its escape',
  (text) => {
    const escaped = escapeUnseen(JSON.stringify({ text }, null, 2));
    expect(JSON.parse(escaped)).toEqual({ text });
    expect(hasUnseen(escaped.replaceAll('\n', ''))).toBe(false);
  },
);
