/** What is in the image, and what is not. That it runs as it is meant to is shown by every pod of the other tests. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runCommand } from '../cluster/run-command.ts';
import { ensureProductImage } from './product-image.ts';
import { ROOT } from './release.ts';

interface Config {
  readonly config: {
    readonly User: string;
    readonly WorkingDir: string;
    readonly Entrypoint: readonly string[];
    readonly Env: readonly string[];
    readonly Labels: Readonly<Record<string, string>>;
  };
}

interface File {
  /** As `tar -tv` has it: "-rw-r--r--", "root/root" as numbers, size, path. */
  readonly mode: string;
  readonly owner: string;
  readonly path: string;
}

let folder = '';
let config: Config;
let files: readonly File[] = [];
let manifest: { version: string; dependencies: object; devDependencies: object; optionalDependencies: object };

beforeAll(async () => {
  const { archive } = await ensureProductImage();
  folder = await mkdtemp(join(tmpdir(), 'mcp2-image-'));
  await runCommand('tar', ['-xf', archive, '-C', folder, 'manifest.json']);
  const [image] = JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8')) as [
    { Config: string; Layers: string[] },
  ];
  // The base image's layers come first; ours are the packages and the sources.
  const ours = image.Layers.slice(-2);
  await runCommand('tar', ['-xf', archive, '-C', folder, image.Config, ...ours]);
  config = JSON.parse(await readFile(join(folder, image.Config), 'utf8')) as Config;
  const lists = await Promise.all(
    ours.map((layer) => runCommand('tar', ['--numeric-owner', '-tvf', join(folder, layer)])),
  );
  files = lists.flatMap((list) => list.split('\n')).map(parseLine);
  manifest = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as typeof manifest;
}, 300_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

function parseLine(line: string): File {
  const [mode = '', owner = '', , , , ...path] = line.split(/\s+/);
  return { mode, owner, path: path.join(' ') };
}

const paths = () => files.map(({ path }) => path);
const packages = () =>
  new Set(paths().flatMap((path) => /^app\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? []));

test('it runs as a user that is not root, from a folder in which that user can write nothing', () => {
  expect(config.config).toMatchObject({
    User: '65532:65532',
    WorkingDir: '/app',
    Entrypoint: ['node', '/app/image/entry.mjs'],
  });
  expect(config.config.Env).toEqual(
    expect.arrayContaining([expect.stringMatching(/^PATH=\/app\/image\/bin:/), 'HOME=/tmp']),
  );
  const writable = files.filter(
    ({ mode, owner }) => owner !== '0/0' || (!mode.startsWith('l') && /^.{5}w|^.{8}w/.test(mode)),
  );
  expect(files.length).toBeGreaterThan(1_000);
  expect(writable).toEqual([]);
});

test('everybody can read what is in it, and run what is meant to be run', () => {
  expect(
    files.filter(
      ({ mode }) => mode.startsWith('-') && !/^-r.-r.-r/.test(mode.replaceAll('w', '-').replaceAll('x', '-')),
    ),
  ).toEqual([]);
  expect(files.find(({ path }) => path === 'app/image/bin/mcp2')?.mode).toBe('-rwxr-xr-x');
});

test('it holds every process and what they read, and nothing that they do not', () => {
  const wanted = [
    'operator/main.ts',
    'operator/setup/main.ts',
    'services/registry/main.ts',
    'services/context-tool/main.ts',
    'services/context-tool/sample/main.ts',
    'cli/main.ts',
  ];
  const read = [
    ...['protos/mcp2/discovery.proto', 'crds/mcp2.dev_mcp2servers.yaml', 'package.json', 'LICENSE'],
    ...['inventory.yaml', 'pricing.yaml', 'pricing.mjs', 'schema.sql'].map((name) => `examples/inventory/${name}`),
  ];
  expect(paths()).toEqual(expect.arrayContaining([...wanted, ...read].map((path) => `app/${path}`)));
  const own = paths().filter((path) => !path.startsWith('app/node_modules/'));
  expect(
    own.filter((path) => /\.test\.ts$|^app\/(?:test|docs|helm|cli\/pack)\/|\.md$|(?:^|\/)\.[^/]/.test(path)),
  ).toEqual([]);
});

test('of the packages it holds those that the product needs, none of the tools, and no Node beside the base image’s', () => {
  for (const name of Object.keys(manifest.dependencies)) expect(packages()).toContain(name);
  const tools = Object.keys(manifest.devDependencies).filter((name) => !isNeededByOthers(name));
  for (const name of [...tools, ...Object.keys(manifest.optionalDependencies)]) expect(packages()).not.toContain(name);
  expect(
    paths().filter(
      (path) => /\.(?:[cm]?ts|map|md|c|h)$/.test(path) && path.includes('/node_modules/') && !/license/i.test(path),
    ),
  ).toEqual([]);
  // Nothing is compiled for one processor: the store's engine is in Node itself.
  expect(paths().filter((path) => path.endsWith('.node'))).toEqual([]);
});

/** Tools of ours that a package of the product brings along for itself, types without their files among them. */
function isNeededByOthers(name: string): boolean {
  return name === 'protobufjs' || name.startsWith('@types/');
}

test('no key, token, kubeconfig or settings file has slipped in', () => {
  const suspicious = /\.(?:pem|key|crt|jwk|jwt|p12|env)$|kubeconfig$|(?:^|\/)\.npmrc$|id_(?:rsa|ed25519)/;
  expect(paths().filter((path) => suspicious.test(path))).toEqual([]);
  expect(config.config.Env.filter((value) => /token|secret|password|npm_config/i.test(value))).toEqual([]);
});

test('its labels say what it is, of which version, and under which licence', () => {
  const { Labels } = config.config;
  const label = (name: string) => Labels[`org.opencontainers.image.${name}`];
  expect(label('title')).toBe('mcp2');
  expect(label('version')).toBe(manifest.version);
  expect(label('licenses')).toBe('Apache-2.0');
  expect(label('revision')).toMatch(/^[0-9a-f]{40}(?:-dirty)?$/);
  expect(label('base.name')).toBe('localhost/node:24');
  expect(Object.keys(Labels)).toContain('org.opencontainers.image.source');
});
