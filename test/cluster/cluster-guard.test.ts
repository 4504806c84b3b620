/** With folders that only look like control groups, so that it needs no root. The real ones: test/e2e/cluster.test.ts. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { eventually } from '../harness/eventually.ts';
import { startClusterGuard } from './cluster-guard.ts';

let top: string;

beforeEach(async () => {
  top = await mkdtemp(join(tmpdir(), 'mcp2-guard-'));
  for (const root of ['cpu', 'memory']) {
    await mkdir(join(top, root, 'ours-node-1', 'pods', 'pod'), { recursive: true });
    await mkdir(join(top, root, 'others-node-1'), { recursive: true });
  }
  await mkdir(join(top, 'cluster', 'node-1'), { recursive: true });
  await writeFile(join(top, 'cluster', 'node-1', 'file'), '');
});
afterEach(() => rm(top, { recursive: true, force: true }));

const options = () => ({
  controlGroups: 'ours',
  controlGroupRoots: [join(top, 'cpu'), join(top, 'memory')],
  folder: join(top, 'cluster'),
});

test('its end ends what it watches, and removes control groups and the folder, but nothing of others', async () => {
  const watched = spawn('sleep', ['600'], { detached: true, stdio: 'ignore' });
  const forgotten = spawn('sleep', ['600'], { detached: true, stdio: 'ignore' });
  const guard = startClusterGuard(options());
  guard.watch(watched.pid as number);
  guard.watch(forgotten.pid as number);
  guard.forget(forgotten.pid as number);
  const ended = once(watched, 'exit');
  await guard[Symbol.asyncDispose]();
  expect(await ended).toEqual([null, 'SIGKILL']);
  expect(forgotten.exitCode ?? forgotten.signalCode).toBeNull();
  expect(await readdir(join(top, 'cpu'))).toEqual(['others-node-1']);
  expect(await readdir(join(top, 'memory'))).toEqual(['others-node-1']);
  expect(existsSync(join(top, 'cluster'))).toBe(false);
  await guard[Symbol.asyncDispose]();
  forgotten.kill('SIGKILL');
});

test('it does the same when its owner is killed', async () => {
  const module = JSON.stringify(new URL('cluster-guard.ts', import.meta.url));
  const program = `
    const { startClusterGuard } = await import(${module});
    const { spawn } = await import('node:child_process');
    const child = spawn('sleep', ['600'], { detached: true, stdio: 'ignore' });
    startClusterGuard(${JSON.stringify(options())}).watch(child.pid);
    console.log(child.pid);
    setInterval(() => {}, 1e6);`;
  const stdio = ['ignore', 'pipe', 'inherit'] as const;
  const owner = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: [...stdio] });
  const [printed] = (await once(owner.stdout as NonNullable<typeof owner.stdout>, 'data')) as [Buffer];
  owner.kill('SIGKILL');
  await eventually(
    () => existsSync(join(top, 'cluster')),
    (there) => !there,
    { what: 'no folder' },
  );
  expect(() => process.kill(Number(printed.toString()), 0)).toThrow('ESRCH');
  expect(await readdir(join(top, 'cpu'))).toEqual(['others-node-1']);
});
