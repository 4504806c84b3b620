import { expect, test } from 'vitest';
import { shellWord } from './shell-word.ts';

test.each([
  ['/home/a/.local/state/mcp2', '/home/a/.local/state/mcp2'],
  ['/my state', "'/my state'"],
  ["/it's", "'/it'\\''s'"],
  ['/a;rm -rf $HOME', "'/a;rm -rf $HOME'"],
  ['', "''"],
  ['-rf', "'-rf'"],
])('%s as one word of a shell is %s', (text, word) => {
  expect(shellWord(text)).toBe(word);
});
