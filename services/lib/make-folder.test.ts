import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { makeFolder } from './make-folder.ts';

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'mcp2-folder-'));
});

afterEach(() => rmSync(root, { recursive: true, force: true }));

test('it makes what is missing above, for its owner alone, and leaves alone what exists', () => {
  makeFolder(join(root, 'a', 'b', 'c'), 0o700);
  makeFolder(join(root, 'a', 'b', 'c'), 0o755);
  for (const name of ['a', 'a/b', 'a/b/c']) expect(statSync(join(root, name)).mode & 0o777).toBe(0o700);
});

test('a file in its place or above it is an error', () => {
  writeFileSync(join(root, 'file'), '');
  expect(() => makeFolder(join(root, 'file'), 0o700)).toThrow('EEXIST');
  expect(() => makeFolder(join(root, 'file', 'below'), 0o700)).toThrow(/EEXIST|ENOTDIR/);
});

test('where the system makes no folders it ends with an error', () => {
  expect(() => makeFolder('/proc/mcp2', 0o700)).toThrow(/ENOENT|EACCES|EPERM|EROFS/);
  expect(() => makeFolder('/proc/mcp2/store', 0o700)).toThrow(/ENOENT|EACCES|EPERM|EROFS/);
});
