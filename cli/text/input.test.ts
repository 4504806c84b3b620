import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { MAX_INPUT_BYTES, readLines, readText } from './input.ts';

test('chunks are one text, also where a chunk ends inside a character', async () => {
  const bytes = Buffer.from('inventory ✓');
  const chunks = Array.from(bytes, (_byte, i) => bytes.subarray(i, i + 1));
  expect(await readText(Readable.from(chunks))).toBe('inventory ✓');
});

test('input without end is refused instead of filling the memory', async () => {
  function* endless() {
    for (;;) yield Buffer.alloc(MAX_INPUT_BYTES / 4);
  }
  await expect(readText(Readable.from(endless()))).rejects.toThrow('larger than 4 MiB');
});

async function linesOf(chunks: readonly string[], maxBytes = 10): Promise<string[]> {
  const lines: string[] = [];
  const input = Readable.from(chunks.map((chunk) => Buffer.from(chunk)));
  for await (const { number, bytes } of readLines(input, { maxBytes, called: '10 bytes' })) {
    lines.push(`${number} ${bytes}`);
  }
  return lines;
}

test.each([
  ['a line feed ends a line', ['a\nb\n'], ['1 a', '2 b']],
  ['so does a carriage return before it', ['a\r\nb\r\n'], ['1 a', '2 b']],
  ['what follows the last one is a line', ['a\nb'], ['1 a', '2 b']],
  ['chunks end anywhere', ['a', 'b\nc', 'd\r', '\ne'], ['1 ab', '2 cd', '3 e']],
  ['an empty line is one', ['\n\na\n'], ['1 ', '2 ', '3 a']],
  ['nothing has no line', [], []],
])('%s', async (_title, chunks, lines) => {
  expect(await linesOf(chunks)).toEqual(lines);
});

test('a line that is too long is refused with its number, also where it never ends', async () => {
  await expect(linesOf(['a\n', '0123456789x\n'])).rejects.toThrow('line 2 is longer than 10 bytes');
  await expect(linesOf(['a\n', '012345', '6789x'])).rejects.toThrow('line 2 is longer than 10 bytes');
});
