import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { silentLogger } from '#lib/logger.ts';
import { openFenceTally } from './fence-tally.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mcp2-fence-'));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('the next process of a pod knows how often the fence was lost before', () => {
  const first = openFenceTally(folder, silentLogger);
  expect(first.before).toBe(0);
  first.add();
  first.add();
  const second = openFenceTally(folder, silentLogger);
  expect(second.before).toBe(2);
  second.add();
  expect(openFenceTally(folder, silentLogger).before).toBe(3);
});

test.each(['', 'two', '-1', '1.5', '1e99'])('a damaged file (%j) begins anew', (content) => {
  writeFileSync(join(folder, 'fence-rejections'), content);
  expect(openFenceTally(folder, silentLogger).before).toBe(0);
});

test('without a folder, or with one that cannot be written, nothing fails', () => {
  const kept = openFenceTally(join(folder, 'missing'), silentLogger);
  expect(() => kept.add()).not.toThrow();
  expect(() => openFenceTally(undefined, silentLogger).add()).not.toThrow();
});
