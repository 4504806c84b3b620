import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { MAX_INPUT_BYTES, readText } from './input.ts';

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
