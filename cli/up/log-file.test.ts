import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { LogFile } from './log-file.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mcp2-log-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

test('the log goes on after a restart, and only its owner can read it', () => {
  const path = join(folder, 'mcp2.log');
  for (const line of ['one\n', 'two\n']) {
    const log = new LogFile(path);
    log.write(line);
    log.close();
  }
  expect(readFileSync(path, 'utf8')).toBe('one\ntwo\n');
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test('a full file becomes the one before; more than two never exist', () => {
  const path = join(folder, 'mcp2.log');
  const log = new LogFile(path, 10);
  for (const line of ['first line\n', 'second line\n', 'third line\n', 'fourth\n']) log.write(line);
  log.close();
  expect(readFileSync(path, 'utf8')).toBe('fourth\n');
  expect(readFileSync(`${path}.1`, 'utf8')).toBe('third line\n');
});

test('a folder that does not exist is a sentence that says what to do', () => {
  expect(() => new LogFile(join(folder, 'absent', 'mcp2.log'))).toThrow(/--state/);
});
