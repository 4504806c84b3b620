import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { formatChecks } from './doctor.ts';
import { runChecks } from './doctor-checks.ts';

const DOCTOR = join(import.meta.dirname, 'doctor.mjs');

/** A machine with an empty cache and no tool at all. */
const bare = { PATH: '/no/such/folder', XDG_CACHE_HOME: join(tmpdir(), 'mcp2-no-such-cache') };

function runDoctor(env: Readonly<Record<string, string | undefined>>, ...args: string[]) {
  return spawnSync(process.execPath, [DOCTOR, ...args], { env, encoding: 'utf8' });
}

test('a machine that runs these tests has what they need', () => {
  const { status, stdout } = runDoctor(process.env, '--output', 'json');
  expect(JSON.parse(stdout)).toMatchObject({ ok: true });
  expect(status).toBe(0);
});

test('on a bare machine it ends with 1 and names a line for everything that is missing', () => {
  const { status, stdout } = runDoctor(bare, '--output', 'json');
  expect(status).toBe(1);
  const { ok, checks } = JSON.parse(stdout) as {
    ok: boolean;
    checks: { name: string; state: string; install?: string }[];
  };
  expect(ok).toBe(false);
  const missing = checks.filter(({ state }) => state === 'missing').map(({ name }) => name);
  expect(missing).toEqual(['go', 'openssl', 'python3']);
  expect(checks.filter(({ state, install }) => (state === 'ok') !== (install === undefined))).toEqual([]);
});

test('unknown arguments end with 2 and the usage', () => {
  const { status, stdout } = runDoctor(process.env, '--output', 'xml');
  expect([status, stdout]).toEqual([2, 'usage: npm run doctor [-- --output json]\n']);
});

test.each([
  ['an old Node', { nodeVersion: '22.1.0', platform: 'linux' }, 'node', 'Node 24'],
  ['Windows', { nodeVersion: '24.0.0', platform: 'win32' }, 'system', 'wsl'],
  ['macOS without openssl', { nodeVersion: '24.0.0', platform: 'darwin' }, 'openssl', 'brew install openssl'],
  ['macOS without Go', { nodeVersion: '24.0.0', platform: 'darwin' }, 'go', 'brew install go'],
])('%s is told what to do', async (_title, machine, name, line) => {
  const checks = await runChecks({ ...machine, env: bare });
  const check = checks.find((candidate) => candidate.name === name);
  expect(check?.state).toBe('missing');
  expect(check?.install).toContain(line);
});

test('with Python and without Go nothing is missing: the build fetches Go', async () => {
  const env = { ...process.env, XDG_CACHE_HOME: bare.XDG_CACHE_HOME, PATH: pathWithout('go') };
  const checks = await runChecks({ nodeVersion: '24.0.0', platform: 'linux', env });
  expect(checks.find(({ name }) => name === 'go')).toMatchObject({
    state: 'ok',
    found: expect.stringContaining('PyPI'),
  });
});

test('the text names everything that is missing in its last line', () => {
  const check = { found: 'not found', for: 'this', install: 'apt-get install it' };
  const text = formatChecks([
    { name: 'openssl', state: 'missing', ...check },
    { name: 'h2load', state: 'optional', ...check },
  ]);
  expect(text.split('\n').at(-1)).toBe('npm test cannot run before this is there: openssl.');
});

/** PATH without the folders that hold this command. */
function pathWithout(command: string): string {
  const holds = (folder: string) => spawnSync('test', ['-x', join(folder, command)]).status === 0;
  return (process.env.PATH ?? '')
    .split(':')
    .filter((folder) => !holds(folder))
    .join(':');
}
