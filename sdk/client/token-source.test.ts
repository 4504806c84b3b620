import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ManualClock } from '#lib/manual-clock.ts';
import { takeToken, tokenFile } from './token-source.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mcp2-token-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('a file is read again after a second, and its last good token is kept while it cannot be read', async () => {
  const clock = new ManualClock();
  const path = join(folder, 'token');
  const token = tokenFile(path, { clock });
  writeFileSync(path, 'one\n');
  expect(await token()).toBe('one');
  writeFileSync(path, 'two\n');
  expect(await token()).toBe('one');
  clock.jump(1_000);
  expect(await token()).toBe('two');
  writeFileSync(path, '');
  clock.jump(1_000);
  expect(await token()).toBe('two');
  rmSync(path);
  clock.jump(1_000);
  expect(await token()).toBe('two');
});

test.each([
  ['is not there', () => undefined, /cannot be used: ENOENT/],
  ['is empty', (path: string) => writeFileSync(path, ' \n'), /it is empty/],
  ['is no token for sure', (path: string) => writeFileSync(path, 'x'.repeat(70_000)), /larger than/],
])('a file that %s is a sentence with its name, until it holds one', async (_title, prepare, sentence) => {
  const path = join(folder, 'token');
  prepare(path);
  const token = tokenFile(path);
  await expect(token()).rejects.toThrow(sentence);
  await expect(token()).rejects.toThrow(path);
  writeFileSync(path, 'a token');
  expect(await token()).toBe('a token');
});

test('a source that fails ends a call with a reason, before it was made', async () => {
  const taken = takeToken(tokenFile(join(folder, 'nothing')));
  await expect(taken).rejects.toMatchObject({ name: 'CallError', reason: 'CREDENTIAL_MISSING', reachedServer: false });
});
