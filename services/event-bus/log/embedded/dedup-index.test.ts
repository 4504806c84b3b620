import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { DedupIndex } from './dedup-index.ts';

const hashOf = (id: number) => createHash('sha256').update(`${id}`).digest();
/** All of them belong to the same place of the table. */
const collidingHash = (id: number) => {
  const hash = Buffer.alloc(16);
  hash.writeUInt32BE(id, 0);
  hash.writeUInt32BE(7, 4);
  return hash;
};

test.each([
  ['hashes', hashOf],
  ['hashes that all belong to one place', collidingHash],
])('finds what a map finds, whatever is added and removed: %s', (_title, hash) => {
  const index = new DedupIndex();
  const oracle = new Map<number, number>();
  let state = 1;
  const random = (below: number) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % below;
  };
  for (let step = 1; step <= 6_000; step++) {
    const id = random(900);
    if (random(3) > 0) {
      index.set(hash(id), step);
      oracle.set(id, step);
    } else {
      index.delete(hash(id), oracle.get(id) ?? 0);
      oracle.delete(id);
    }
    const other = random(900);
    expect(index.find(hash(other))).toBe(oracle.get(other));
  }
  expect(index.count).toBe(oracle.size);
  for (let id = 0; id < 900; id++) expect(index.find(hash(id))).toBe(oracle.get(id));
});

test('grows, and shrinks again', () => {
  const index = new DedupIndex();
  for (let id = 1; id <= 50_000; id++) index.set(hashOf(id), id);
  expect(index.count).toBe(50_000);
  for (let id = 1; id <= 49_990; id++) index.delete(hashOf(id), id);
  expect(index.count).toBe(10);
  for (let id = 49_991; id <= 50_000; id++) expect(index.find(hashOf(id))).toBe(id);
});

test('an offset that a hash no longer stands for is not removed', () => {
  const index = new DedupIndex();
  index.set(hashOf(1), 5);
  index.set(hashOf(1), 9);
  index.delete(hashOf(1), 5);
  expect(index.find(hashOf(1))).toBe(9);
  expect(index.count).toBe(1);
});
