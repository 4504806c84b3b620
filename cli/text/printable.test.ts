import { expect, test } from 'vitest';
import { harmless, onOneLine } from './printable.ts';

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
