import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { CONTROL_PLANE, moduleVersionOf } from './binaries.ts';
import { formatChecks } from './doctor.ts';
import { runChecks } from './doctor-checks.ts';
import { withoutMainCluster } from './postgres-binaries.ts';

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
  const PATH = pathWithout('go', 'kube-apiserver');
  const env = { ...process.env, XDG_CACHE_HOME: bare.XDG_CACHE_HOME, KUBEBUILDER_ASSETS: undefined, PATH };
  const checks = await runChecks({ nodeVersion: '24.0.0', platform: 'linux', env });
  expect(checks.find(({ name }) => name === 'go')).toMatchObject({
    state: 'ok',
    found: expect.stringContaining('PyPI'),
  });
});

/** What KUBEBUILDER_ASSETS holds: scripts that say these versions. */
async function checksWith(etcd: string, kubeApiserver: string) {
  const folder = mkdtempSync(join(tmpdir(), 'mcp2-doctor-'));
  const put = (name: string, says: string) =>
    writeFileSync(join(folder, name), `#!/bin/sh\necho '${says}'\n`, EXECUTABLE);
  put('etcd', `etcd Version: ${etcd}`);
  put('kube-apiserver', `Kubernetes v${kubeApiserver}`);
  const env = { ...bare, KUBEBUILDER_ASSETS: folder };
  const checks = await runChecks({ nodeVersion: '24.0.0', platform: 'linux', env });
  rmSync(folder, { recursive: true });
  return (name: string) => checks.find((check) => check.name === name);
}

const EXECUTABLE = { mode: 0o755 };
const goMod = readFileSync(join(import.meta.dirname, 'go.mod'), 'utf8');
const [etcd = '', kubernetes = ''] = CONTROL_PLANE.map(({ package: name }) => moduleVersionOf(goMod, name)?.slice(1));

test('with etcd and kube-apiserver of KUBEBUILDER_ASSETS npm test needs no Go, and the chart still does', async () => {
  const check = await checksWith(etcd, kubernetes);
  expect(check('control plane')).toMatchObject({
    found: `etcd ${etcd} (KUBEBUILDER_ASSETS), kube-apiserver ${kubernetes} (KUBEBUILDER_ASSETS)`,
  });
  expect(check('go')).toMatchObject({ state: 'ok' });
  expect(check('chart')).toMatchObject({ state: 'optional', found: expect.stringContaining('helm will be built') });
});

test('a kube-apiserver of another version is named and asks for Go', async () => {
  const check = await checksWith(etcd, '1.2.3');
  expect(check('control plane')?.found).toMatch(
    /kube-apiserver will be built \(that of KUBEBUILDER_ASSETS is version 1\.2\.3, and these tests need \d+\.\d+\)/,
  );
  expect(check('go')).toMatchObject({ state: 'missing' });
});

test('on Debian PostgreSQL is installed without a server that runs by itself, elsewhere as it comes', () => {
  expect(withoutMainCluster('sudo apt-get install postgresql')).toBe(
    'sudo mkdir -p /etc/postgresql-common && ' +
      "echo 'create_main_cluster = false' | sudo tee /etc/postgresql-common/createcluster.conf && " +
      'sudo apt-get install postgresql',
  );
  expect(withoutMainCluster('brew install postgresql')).toBe('brew install postgresql');
});

test('the text names everything that is missing in its last line', () => {
  const check = { found: 'not found', for: 'this', install: 'apt-get install it' };
  const text = formatChecks([
    { name: 'openssl', state: 'missing', ...check },
    { name: 'h2load', state: 'optional', ...check },
  ]);
  expect(text.split('\n').at(-1)).toBe('npm test cannot run before this is there: openssl.');
});

/** PATH without the folders that hold one of these commands. */
function pathWithout(...commands: string[]): string {
  const holds = (folder: string) =>
    commands.some((command) => spawnSync('test', ['-x', join(folder, command)]).status === 0);
  return (process.env.PATH ?? '')
    .split(':')
    .filter((folder) => !holds(folder))
    .join(':');
}
