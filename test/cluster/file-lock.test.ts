import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { withFileLock } from './file-lock.ts';

let path: string;

beforeEach(async () => {
  path = join(await mkdtemp(join(tmpdir(), 'mcp2-lock-')), 'lock');
});

afterEach(() => rm(dirname(path), { recursive: true }));

/** Of a process that has ended. */
function deadPid(): number {
  return spawnSync('true').pid;
}

test('two owners work one after the other, and the second is told whom it waits for', async () => {
  const events: string[] = [];
  const work = (name: string) => async () => {
    events.push(`${name} begins`);
    for (let turn = 0; turn < 50; turn++) await setImmediate();
    events.push(`${name} ends`);
  };
  const waitedFor: number[] = [];
  const onWait = (pid: number) => waitedFor.push(pid);
  await Promise.all([withFileLock(path, work('a'), { onWait }), withFileLock(path, work('b'), { onWait })]);
  const [first, second] = events[0] === 'a begins' ? ['a', 'b'] : ['b', 'a'];
  expect(events).toEqual([`${first} begins`, `${first} ends`, `${second} begins`, `${second} ends`]);
  expect(waitedFor).toEqual([process.pid]);
  expect(await readdir(dirname(path))).toEqual([]);
});

test('the lock of a dead process is taken over', async () => {
  await writeFile(path, `${deadPid()}\n`);
  expect(await withFileLock(path, async () => 'done')).toBe('done');
});

test('a lock that its owner no longer touches is taken over', async () => {
  await writeFile(path, `${process.ppid}\n`);
  await utimes(path, new Date(0), new Date(0));
  expect(await withFileLock(path, async () => 'done')).toBe('done');
});

test('an owner that fails gives the lock back', async () => {
  const failing = withFileLock(path, async () => {
    throw new Error('no compiler');
  });
  await expect(failing).rejects.toThrow('no compiler');
  expect(await withFileLock(path, async () => 'done')).toBe('done');
});

test('a folder that does not exist is an error, not a wait', async () => {
  await expect(withFileLock(join(tmpdir(), 'mcp2-no-such-folder', 'lock'), async () => {})).rejects.toThrow('ENOENT');
});
