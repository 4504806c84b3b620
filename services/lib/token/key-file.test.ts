import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Clock } from '#lib/clock.ts';
import { createKeyFileSource } from './key-file.ts';
import { KeySetError } from './key-set.ts';
import { generateSigningKey } from './signing-key.ts';

const RECHECK_MS = 31_000;

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keys-'));
});

afterEach(() => rm(folder, { recursive: true }));

test('a file that changed is read again, one that did not is not', async () => {
  const path = join(folder, 'jwks.json');
  const { source, clock, readCount } = setUp(path);
  await writeFile(path, await jwks('first'));
  await source.refresh();
  clock.ms += RECHECK_MS;
  expect((await source.find('first'))?.kid).toBe('first');
  expect(readCount()).toBe(1);
  await writeFile(path, await jwks('second'));
  clock.ms += RECHECK_MS;
  expect((await source.find('second'))?.kid).toBe('second');
  expect(source.current()?.has('first')).toBe(false);
});

test('keys change when a mounted ConfigMap swaps its symbolic link', async () => {
  for (const version of ['v1', 'v2']) {
    await mkdir(join(folder, version));
    await writeFile(join(folder, version, 'jwks.json'), await jwks(version));
  }
  await symlink('v1', join(folder, '..data'));
  await symlink(join('..data', 'jwks.json'), join(folder, 'jwks.json'));
  const { source } = setUp(join(folder, 'jwks.json'));
  await source.refresh();
  await symlink('v2', join(folder, '..tmp'));
  await rename(join(folder, '..tmp'), join(folder, '..data'));
  await source.refresh();
  expect(source.current()?.has('v2')).toBe(true);
});

test('a broken file keeps the last good keys, is reported each time, and is taken once it is whole', async () => {
  const path = join(folder, 'jwks.json');
  const { source, clock, failures } = setUp(path);
  await writeFile(path, await jwks('first'));
  await source.refresh();
  await writeFile(path, '{"keys": [');
  await expect(source.refresh()).rejects.toThrow(KeySetError);
  await expect(source.refresh()).rejects.toThrow(KeySetError);
  clock.ms += 86_400_000;
  expect((await source.find('first'))?.kid).toBe('first');
  expect(failures()).toBe(3);
  await writeFile(path, await jwks('second'));
  await source.refresh();
  expect(source.current()?.has('second')).toBe(true);
});

test('a file that is gone keeps the last good keys', async () => {
  const path = join(folder, 'jwks.json');
  const { source } = setUp(path);
  await writeFile(path, await jwks('first'));
  await source.refresh();
  await rm(path);
  await expect(source.refresh()).rejects.toThrow('ENOENT');
  expect(source.current()?.has('first')).toBe(true);
});

test('a file larger than 64 KiB is not read to its end', async () => {
  const path = join(folder, 'jwks.json');
  await writeFile(path, ' '.repeat(1_000_000));
  await expect(setUp(path).source.refresh()).rejects.toThrow(/64 KiB/);
});

function setUp(path: string) {
  const clock: Clock & { ms: number } = {
    ms: 0,
    nowMs: () => clock.ms,
    monotonicMs: () => clock.ms,
    sleep: async () => {},
  };
  let reads = 0;
  let failed = 0;
  const source = createKeyFileSource({ path, clock, onRead: () => reads++, onFailure: () => failed++ });
  return { source, clock, readCount: () => reads, failures: () => failed };
}

async function jwks(kid: string): Promise<string> {
  const { publicJwks } = await generateSigningKey();
  return JSON.stringify({ keys: publicJwks.keys.map((jwk) => ({ ...jwk, kid })) });
}
