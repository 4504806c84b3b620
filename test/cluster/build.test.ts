import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Binary, HELM, KUBECTL, kubernetesVersionOf } from './binaries.ts';
import { buildBinaries, ensureBinaries } from './build.ts';
import { cacheFolder, type Environment, planBuild } from './cache.ts';
import { isAtLeast, requireGo } from './go-toolchain.ts';
import { locateBinaries } from './locate.ts';
import { runCommand } from './run-command.ts';

/** A program of Go's own standard library: nothing to fetch, seconds to build. */
const SMALL: readonly Binary[] = [{ name: 'gofmt', package: 'cmd/gofmt' }];

let cache: string;
let env: Environment;
let goEnv: Environment;

beforeAll(async () => {
  const { command } = await requireGo(process.env, () => {});
  // Go's own caches follow XDG_CACHE_HOME; they are not what is under test.
  const [GOCACHE, GOMODCACHE] = await Promise.all(
    ['GOCACHE', 'GOMODCACHE'].map((name) => runCommand(command, ['env', name])),
  );
  const { PATH = '' } = process.env;
  goEnv = { ...process.env, GOCACHE, GOMODCACHE, PATH: isAbsolute(command) ? `${dirname(command)}:${PATH}` : PATH };
});

beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), 'mcp2-cache-'));
  env = { ...goEnv, XDG_CACHE_HOME: cache };
});

afterEach(() => rm(cache, { recursive: true, force: true }));

test('two runs at once build a binary once, and a third finds it without saying a word', async () => {
  const said: string[] = [];
  const options = { binaries: SMALL, env, say: (line: string) => void said.push(line) };
  const [first] = await Promise.all([buildBinaries(options), buildBinaries(options)]);
  expect(said.filter((line) => line.startsWith('gofmt: built in'))).toHaveLength(1);
  expect(await runCommand(first.path('gofmt'), [], { input: 'package  p' })).toBe('package p');
  said.length = 0;
  expect((await buildBinaries(options)).bin).toBe(first.bin);
  expect(said).toEqual([]);
});

test('what a killed build left is removed and not taken for a binary', async () => {
  const { bin } = await planBuild(SMALL, env);
  await mkdir(bin, { recursive: true });
  await writeFile(join(bin, 'gofmt.1.partial'), 'half');
  await buildBinaries({ binaries: SMALL, env, say: () => {} });
  expect(await readdir(bin)).toEqual(['gofmt']);
});

test('a build that fails says what the compiler said, and leaves no binary', async () => {
  const binaries = [{ name: 'nothing', package: 'cmd/no-such-command' }];
  await expect(buildBinaries({ binaries, env, say: () => {} })).rejects.toThrow('cmd/no-such-command');
  const [hash = ''] = await readdir(join(cache, 'mcp2'));
  expect(await readdir(join(cache, 'mcp2', hash, 'bin'))).toEqual([]);
});

test('what kubectl and Helm really say of their versions is understood', async () => {
  const clients = [...KUBECTL, ...HELM];
  const ready = await ensureBinaries({ binaries: clients });
  for (const { name } of clients) await symlink(ready.path(name), join(cache, name));
  const { found, refused } = await locateBinaries(clients, { ...env, KUBEBUILDER_ASSETS: cache });
  expect(refused).toEqual([]);
  expect(found.map(({ name, from }) => [name, from])).toEqual(clients.map(({ name }) => [name, 'KUBEBUILDER_ASSETS']));
});

test('without Go and Python the error names what to install', async () => {
  const bare = { XDG_CACHE_HOME: cache, PATH: '/no/such/folder' };
  await expect(buildBinaries({ binaries: SMALL, env: bare, say: () => {} })).rejects.toThrow(
    /Install Go 1\.26\.6 or newer/,
  );
});

test('a relative XDG_CACHE_HOME is ignored, as the specification says', () => {
  expect(cacheFolder({ XDG_CACHE_HOME: 'relative' })).toBe(cacheFolder({}));
  expect(cacheFolder({ XDG_CACHE_HOME: '/absolute' })).toBe('/absolute/mcp2');
});

test('go.mod names the version of Kubernetes', () => {
  expect(kubernetesVersionOf('require (\n\tk8s.io/kubernetes v1.37.2 // indirect\n)')).toBe('v1.37.2');
  expect(() => kubernetesVersionOf('require k8s.io/api v0.37.2')).toThrow('does not require k8s.io/kubernetes');
});

test.each([
  ['1.26.6', '1.26.6', true],
  ['1.26.10', '1.26.6', true],
  ['1.27', '1.26.6', true],
  ['1.26.5', '1.26.6', false],
  ['1.26', '1.26.6', false],
  ['1.9.9', '1.26.6', false],
])('Go %s is at least %s: %s', (version, minimum, expected) => {
  expect(isAtLeast(version, minimum)).toBe(expected);
});
