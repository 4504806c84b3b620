import { mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../clock.ts';
import { type WatchedFiles, watchFiles } from './watched-file.ts';

let folder: string;
let problems: string[];
const opened: WatchedFiles<unknown[]>[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mcp2-watched-'));
  problems = [];
});

afterEach(async () => {
  for (const watched of opened.splice(0)) watched.close();
  await rm(folder, { recursive: true });
});

async function watch(names: readonly string[], pollMs = 60_000): Promise<WatchedFiles<unknown[]>> {
  const watched = await watchFiles({
    paths: names.map((name) => join(folder, name)),
    parse: (contents) => contents.map((content) => JSON.parse(content.toString()) as unknown),
    clock: systemClock,
    pollMs,
    onProblem: (error) => problems.push(error.message),
  });
  opened.push(watched);
  return watched;
}

test('a file that is absent at the start is an error, not an empty value', async () => {
  await expect(watch(['absent.json'])).rejects.toThrow('ENOENT');
});

test('content that cannot be parsed keeps the last good value and is reported once', async () => {
  await writeFile(join(folder, 'a.json'), '1');
  const watched = await watch(['a.json']);
  await writeFile(join(folder, 'a.json'), '{ half');
  await watched.refresh();
  await watched.refresh();
  expect(watched.value).toEqual([1]);
  expect(watched.problem).toBeDefined();
  expect(problems).toHaveLength(1);
});

test('a file that vanishes keeps the last good value, and its return ends the problem', async () => {
  await writeFile(join(folder, 'a.json'), '1');
  const watched = await watch(['a.json']);
  await rm(join(folder, 'a.json'));
  await watched.refresh();
  expect(watched.value).toEqual([1]);
  expect(watched.problem).toContain('ENOENT');
  await writeFile(join(folder, 'a.json'), '1');
  await watched.refresh();
  expect(watched.problem).toBeUndefined();
});

test('files that belong together are taken together or not at all', async () => {
  await writeFile(join(folder, 'a.json'), '1');
  await writeFile(join(folder, 'b.json'), '1');
  const watched = await watch(['a.json', 'b.json']);
  await writeFile(join(folder, 'a.json'), '2');
  await writeFile(join(folder, 'b.json'), '');
  await watched.refresh();
  expect(watched.value).toEqual([1, 1]);
  await writeFile(join(folder, 'b.json'), '2');
  await watched.refresh();
  expect(watched.value).toEqual([2, 2]);
});

test('polling notices a mounted Secret that is swapped through its symbolic link', async () => {
  await writeFile(join(folder, 'old.json'), '"old"');
  await writeFile(join(folder, 'new.json'), '"new"');
  await symlink('old.json', join(folder, 'key.json'));
  const watched = await watch(['key.json'], 5);
  const changed = new Promise((resolve) => watched.onChange(resolve));
  await symlink('new.json', join(folder, 'next'));
  await rename(join(folder, 'next'), join(folder, 'key.json'));
  expect(await changed).toEqual(['new']);
});

test('listeners hear of changes only, and of none after they were taken off', async () => {
  await writeFile(join(folder, 'a.json'), '1');
  const watched = await watch(['a.json']);
  const heard: unknown[] = [];
  const off = watched.onChange((value) => heard.push(value));
  await watched.refresh();
  await writeFile(join(folder, 'a.json'), '2');
  await watched.refresh();
  off();
  await writeFile(join(folder, 'a.json'), '3');
  await watched.refresh();
  expect(heard).toEqual([[2]]);
  expect(watched.value).toEqual([3]);
});
