import { expect, test } from 'vitest';
import { Slabs } from './slabs.ts';

test('copies keep their bytes, whatever becomes of the originals', () => {
  const slabs = new Slabs();
  const copies = Array.from({ length: 1_000 }, (_, i) => {
    const original = Buffer.alloc(1 + (i % 700), i % 256);
    const copy = slabs.copy(original);
    original.fill(255);
    return copy;
  });
  for (const [i, copy] of copies.entries()) expect(copy.equals(Buffer.alloc(1 + (i % 700), i % 256))).toBe(true);
});

test('small ones share memory with their like alone, a large one has its own', () => {
  const slabs = new Slabs();
  const [first, second] = [slabs.copy(Buffer.alloc(1_000)), slabs.copy(Buffer.alloc(1_000))];
  expect(first.buffer).toBe(second.buffer);
  expect(first.buffer.byteLength).toBe(256 * 1024);
  expect(slabs.copy(Buffer.alloc(100_000)).buffer.byteLength).toBe(100_000);
  expect(slabs.copy(Buffer.alloc(1_000)).buffer).toBe(first.buffer);
});
