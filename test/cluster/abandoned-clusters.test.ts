import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { removeAbandoned } from './abandoned-clusters.ts';

const HOUR_MS = 3_600_000;
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mcp2-abandoned-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test('only old folders of clusters whose owner is gone are removed', async () => {
  const gone = spawnSync('true').pid;
  const nowMs = Date.now();
  const ages: Readonly<Record<string, number>> = {
    [`mcp2-cluster-${gone}-old`]: HOUR_MS,
    [`mcp2-cluster-${gone}-new`]: 0,
    [`mcp2-cluster-${process.pid}-old`]: HOUR_MS,
    'mcp2-cluster-of-somebody': HOUR_MS,
    'another-folder': HOUR_MS,
  };
  for (const [name, ageMs] of Object.entries(ages)) {
    await mkdir(join(folder, name, 'node-1'), { recursive: true });
    const at = new Date(nowMs - ageMs);
    await utimes(join(folder, name), at, at);
  }
  const said: string[] = [];
  await removeAbandoned((line) => void said.push(line), { folder, nowMs });
  const left = Object.keys(ages).filter((name) => name !== `mcp2-cluster-${gone}-old`);
  expect((await readdir(folder)).sort()).toEqual(left.sort());
  expect(said).toEqual([`removing ${join(folder, `mcp2-cluster-${gone}-old`)}, whose owner is gone`]);
});
