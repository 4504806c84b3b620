import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { eventually } from './eventually.ts';
import { ManagedProcess, startProcess } from './processes.ts';

/** A process that runs this JavaScript. */
function node(script: string, ready?: () => Promise<boolean>): ManagedProcess {
  const options = { name: 'child', command: process.execPath, args: ['-e', script], readyTimeoutMs: 5_000 };
  return new ManagedProcess(ready === undefined ? options : { ...options, ready });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

const is = (wanted: boolean) => (seen: boolean) => seen === wanted;

test('a process that ends before it is ready is reported with its exit code and what it printed', async () => {
  await using child = node('console.error("no such port"); process.exit(3)', async () => false);
  await expect(child.start()).rejects.toThrow(/ended \(exit code 3\) before it was ready.*\n.*no such port/);
  expect(child.pid).toBeUndefined();
});

test('a process that is not ready in time is killed', async () => {
  const options = { name: 'slow', command: process.execPath, args: ['-e', 'setInterval(() => {}, 1000)'] };
  const pids: (number | undefined)[] = [];
  const ready = async () => {
    pids.push(slow.pid);
    return false;
  };
  await using slow: ManagedProcess = new ManagedProcess({ ...options, ready, readyTimeoutMs: 300 });
  await expect(slow.start()).rejects.toThrow('was not ready within 300 ms');
  expect(isAlive(pids[0] as number)).toBe(false);
});

test('a command that does not exist is reported', async () => {
  await expect(startProcess({ name: 'nothing', command: '/no/such/command', args: [] })).rejects.toThrow(
    '/no/such/command',
  );
});

test('stop kills a process that ignores SIGTERM, and its children with it', async () => {
  const script = `
    process.on('SIGTERM', () => {});
    const { pid } = require('node:child_process').spawn(process.execPath, ['-e', 'process.on("SIGTERM", () => {}); setInterval(() => {}, 1000)']);
    console.log(pid);
    setInterval(() => {}, 1000);`;
  await using child = node(script);
  await child.start();
  const grandchild = Number(
    await eventually(
      () => child.log(),
      (log) => log.endsWith('\n'),
    ),
  );
  expect(await child.stop(200)).toEqual({ code: null, signal: 'SIGKILL' });
  await eventually(() => isAlive(grandchild), is(false));
});

test('stop ends a paused process in order', async () => {
  await using child = node('console.log("up"); setInterval(() => {}, 1000)');
  await child.start();
  await eventually(
    () => child.log(),
    (log) => log === 'up\n',
  );
  child.pause();
  expect(await child.stop()).toEqual({ code: null, signal: 'SIGTERM' });
});

test('a process can be started again, and its log goes on', async () => {
  await using child = node('console.log("up"); setInterval(() => {}, 1000)');
  await child.start();
  await eventually(
    () => child.log(),
    (log) => log === 'up\n',
  );
  await expect(child.start()).rejects.toThrow('runs already');
  await child.restart();
  await eventually(
    () => child.log(),
    (log) => log === 'up\nup\n',
  );
});

test('a test runner that is killed with its whole process group leaves no process and no file', async () => {
  const harness = JSON.stringify(new URL('processes.ts', import.meta.url));
  const script = `
    import { startProcess } from ${harness};
    const sleeper = await startProcess({ name: 'sleeper', command: process.execPath, args: ['-e', 'setInterval(() => {}, 1000)'] });
    console.log(JSON.stringify({ pid: sleeper.pid, folder: sleeper.folder }));
    setInterval(() => {}, 1000);`;
  const runner = spawn(process.execPath, ['--input-type=module', '-e', script], {
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [output] = (await once(runner.stdout, 'data')) as [Buffer];
  const { pid, folder } = JSON.parse(output.toString()) as { pid: number; folder: string };
  expect([isAlive(pid), existsSync(folder)]).toEqual([true, true]);
  process.kill(-(runner.pid as number), 'SIGKILL');
  await eventually(() => isAlive(pid), is(false));
  await eventually(() => existsSync(folder), is(false));
});
