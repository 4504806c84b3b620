import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { CONTROL_PLANE, moduleVersionOf } from './binaries.ts';
import { buildBinaries, ensureBinaries } from './build.ts';
import { type Environment, planBuild } from './cache.ts';
import { describeBinaries, locateBinaries } from './locate.ts';
import { runCommand } from './run-command.ts';
import { prometheusVersion } from './tools.ts';

const [ETCD] = CONTROL_PLANE.filter(({ name }) => name === 'etcd');
const ONE = ETCD === undefined ? [] : [ETCD];

let folder: string;
let assets: string;
let path: string;
let cached: string;
let env: Environment;
/** "3.7" where go.mod pins v3.7.3. */
let minor: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mcp2-locate-'));
  assets = join(folder, 'assets');
  path = join(folder, 'path');
  // Neither Go nor Python: whatever is not found cannot be built either.
  env = { XDG_CACHE_HOME: join(folder, 'cache'), KUBEBUILDER_ASSETS: assets, PATH: path };
  const { bin, goMod } = await planBuild(ONE, env);
  cached = bin;
  minor = /^v(\d+\.\d+)/.exec(moduleVersionOf(goMod, ETCD?.package ?? '') ?? '')?.[1] ?? '';
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** An etcd that says what it is told. */
async function put(place: string, says: string, name = 'etcd'): Promise<string> {
  await mkdir(place, { recursive: true });
  const file = join(place, name);
  await writeFile(file, `#!/bin/sh\necho '${says}'\n`);
  await chmod(file, 0o755);
  return file;
}

const etcdSays = (version: string) => `etcd Version: ${version}`;

test('KUBEBUILDER_ASSETS comes before the cache, and the cache before PATH', async () => {
  const places: string[] = [];
  const look = async () => places.push(...(await locateBinaries(ONE, env)).found.map(({ from }) => from));
  await put(path, etcdSays(`${minor}.0`));
  await look();
  await put(cached, 'the cache is not asked');
  await look();
  await put(assets, etcdSays(`${minor}.99`));
  await look();
  expect(places).toEqual(['PATH', 'cache', 'KUBEBUILDER_ASSETS']);
});

test.each([
  ['another minor version', etcdSays('2.1.4'), 'is version 2.1.4, and these tests need MINOR'],
  ['a longer number that begins alike', etcdSays('MINOR0.4'), 'is version MINOR0.4, and these tests need MINOR'],
  ['no version', 'hello', 'does not say its version'],
])('%s is named with its place and not used', async (_title, says, why) => {
  const expected = why.replaceAll('MINOR', minor);
  const files = [];
  for (const place of [assets, path]) files.push(await put(place, says.replaceAll('MINOR', minor)));
  const located = await locateBinaries(ONE, env);
  expect(located.found).toEqual([]);
  expect(describeBinaries(located)).toEqual([
    `not used: etcd of KUBEBUILDER_ASSETS (${files[0]}) ${expected}`,
    `not used: etcd of PATH (${files[1]}) ${expected}`,
  ]);
});

test('a folder named by KUBEBUILDER_ASSETS that lacks what envtest has is reported', async () => {
  const located = await locateBinaries(ONE, env);
  expect(describeBinaries(located)).toEqual([
    `not used: etcd of KUBEBUILDER_ASSETS (${join(assets, 'etcd')}) is not there`,
  ]);
  expect((await locateBinaries(ONE, { ...env, KUBEBUILDER_ASSETS: '' })).refused).toEqual([]);
});

test('a binary that cannot run is not used', async () => {
  await mkdir(path);
  await writeFile(join(path, 'etcd'), 'no program', { mode: 0o755 });
  expect((await locateBinaries(ONE, env)).refused).toMatchObject([{}, { why: 'does not say its version' }]);
});

test('where the machine has all of them nothing is built, and each is named with its version and place', async () => {
  const said: string[] = [];
  const file = await put(assets, etcdSays(`${minor}.5`));
  const ready = await ensureBinaries({ binaries: ONE, env, say: (line) => void said.push(line) });
  expect([ready.path('etcd'), said]).toEqual([file, []]);
  expect(describeBinaries(ready)).toEqual([`etcd ${minor}.5, from KUBEBUILDER_ASSETS: ${file}`]);
});

test('a wrong version is built instead, which needs Go', async () => {
  await put(assets, etcdSays('2.1.4'));
  await expect(ensureBinaries({ binaries: ONE, env, say: () => {} })).rejects.toThrow(/Install Go/);
});

test('clusters of nodes are built from go.mod alone', async () => {
  await put(assets, etcdSays(`${minor}.5`));
  await expect(buildBinaries({ binaries: ONE, env, say: () => {} })).rejects.toThrow(/Install Go/);
});

test('what etcd and the API server really say of themselves is understood', async () => {
  const ready = await ensureBinaries();
  await mkdir(assets);
  for (const { name } of CONTROL_PLANE) await symlink(ready.path(name), join(assets, name));
  const { found, refused } = await locateBinaries(CONTROL_PLANE, { ...env, PATH: dirname(process.execPath) });
  expect(refused).toEqual([]);
  expect(found.map(({ name, version, from }) => [name, version, from])).toEqual(
    ready.found.map(({ name, version }) => [name, version, 'KUBEBUILDER_ASSETS']),
  );
});

test('a command that does not end in its time is ended', async () => {
  await expect(runCommand('sleep', ['60'], { timeoutMs: 50 })).rejects.toThrow('SIGTERM');
});

test.each([
  ['go.etcd.io/etcd/server/v3', 'v3.7.3'],
  ['k8s.io/kubernetes/cmd/kubectl', 'v1.37.2'],
  ['k8s.io/kubernetes-other', undefined],
  ['cmd/gofmt', undefined],
  ['./pause', undefined],
])('go.mod pins %s at %s', (goPackage, version) => {
  const goMod =
    'require example.com/a v1.0.0\nrequire (\n\tgo.etcd.io/etcd/server/v3 v3.7.3 // indirect\n\tk8s.io/kubernetes v1.37.2\n)';
  expect(moduleVersionOf(goMod, goPackage)).toBe(version);
});

test.each([
  ['v0.315.0', '3.15.0'],
  ['v0.305.2', '3.5.2'],
  ['v0.300.0', '3.0.0'],
])('the Go module %s of Prometheus is its version %s', (moduleVersion, version) => {
  expect(prometheusVersion(moduleVersion)).toBe(version);
});
