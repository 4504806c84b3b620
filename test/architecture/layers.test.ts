/** Rules 1 and 2: who may import whom, and which file alone knows a client package. */
import { expect, test } from 'vitest';
import { readSources, type SourceFile } from './repository.ts';
import { importsOf } from './source-text.ts';

/** protos <- services/lib <- services/<name>, operator, client <- cli; tests and examples may use everything. */
const LAYERS: readonly { readonly prefix: RegExp; readonly level: number }[] = [
  { prefix: /^protos(?=\/)/, level: 0 },
  { prefix: /^services\/lib(?=\/)/, level: 1 },
  { prefix: /^services\/[^/]+(?=\/)/, level: 2 },
  { prefix: /^(?:operator|client)(?=\/)/, level: 2 },
  { prefix: /^cli(?=\/)/, level: 3 },
  { prefix: /^(?:test|examples|crds|helm|image)(?=\/)/, level: 4 },
  { prefix: /^[^/]+\.config\.ts$/, level: 4 },
];

/** errors clock backoff <- config observe capability <- card token store grpc <- middleware */
const LIB_LEVELS: Readonly<Record<string, number>> = {
  '': 0, // the files of services/lib itself
  config: 1,
  observe: 1,
  capability: 1,
  card: 2,
  token: 2,
  store: 2,
  grpc: 2,
  middleware: 3,
};

/** The only files of the product that may import a package. A test under test/ may: it looks at the real part. */
const OWNERS: readonly { readonly package: RegExp; readonly owner: RegExp; readonly typesAnywhere?: true }[] = [
  { package: /^etcd3$/, owner: /^services\/lib\/store\/etcd[\w.-]*\.ts$/ },
  { package: /^lmdb$/, owner: /^services\/lib\/store\/embedded[\w.-]*\.ts$/ },
  { package: /^@grpc\/proto-loader$/, owner: /^protos\/load\.ts$/, typesAnywhere: true },
  { package: /^(?:@peculiar\/x509|reflect-metadata)$/, owner: /^operator\/setup\/issue-certificate\.ts$/ },
  { package: /^@kubernetes\/client-node$/, owner: /^(?:operator\/kube|cli)\//, typesAnywhere: true },
];

/** Pure: they decide about rights, and every verifier must reach the same verdict without a network. */
const PURE = /^services\/lib\/(?:capability|token)\//;
const CLIENT_PACKAGE = /^(?:@grpc\/|etcd3$|lmdb$|@kubernetes\/|#protos\/)/;

test('every import points down: protos, lib, services and operator and client, cli', () => {
  expect(upwardImports(readSources())).toEqual([]);
});

test('inside lib every import points down: errors, config, token, middleware', () => {
  expect(upwardLibImports(readSources())).toEqual([]);
});

test('a client package is imported by its adapter alone', () => {
  expect(foreignPackages(readSources())).toEqual([]);
});

test.each([
  ['protos from lib', 'protos/load.ts', "import { a } from '../services/lib/errors.ts';"],
  ['lib from a service', 'services/lib/a.ts', "import type { A } from '../registry/a.ts';"],
  ['a service from another', 'services/registry/a.ts', "import { a } from '../event-bus/a.ts';"],
  ['a service from the operator', 'services/registry/a.ts', "export { a } from '../../operator/a.ts';"],
  ['the client from a service', 'client/a.ts', "import '../services/registry/a.ts';"],
  ['the operator from the cli', 'operator/a.ts', "const a = await import('../cli/a.ts');"],
  ['the product from a test', 'services/lib/a.test.ts', "import { a } from '../../test/harness/a.ts';"],
  ['a folder that has no place yet', 'plugins/a.ts', "import { a } from '#lib/errors.ts';"],
])('an import of %s is refused the wrong way round', (_title, path, text) => {
  expect(upwardImports([{ path, text }])).toHaveLength(1);
});

test.each([
  ['errors from config', 'services/lib/backoff.ts', "import { a } from './config/a.ts';"],
  ['config from observe, its neighbour', 'services/lib/config/a.ts', "import { a } from '../observe/a.ts';"],
  ['capability from token', 'services/lib/capability/a.ts', "import { a } from '#lib/token/a.ts';"],
  ['token from grpc', 'services/lib/token/a.ts', "import type { A } from '#lib/grpc/a.ts';"],
  ['grpc from middleware', 'services/lib/grpc/a.ts', "import { a } from '../middleware/a.ts';"],
  ['a folder that has no place yet', 'services/lib/plugins/a.ts', "import { a } from '../errors.ts';"],
])('inside lib an import of %s is refused', (_title, path, text) => {
  expect(upwardLibImports([{ path, text }])).toHaveLength(1);
});

test.each([
  ['services/lib/store/servers.ts', "import { Etcd3 } from 'etcd3';"],
  ['services/registry/main.ts', "import type { Etcd3 } from 'etcd3';"],
  ['services/lib/store/etcd.ts', "import { open } from 'lmdb';"],
  ['services/lib/grpc/a.ts', "import { loadSync } from '@grpc/proto-loader';"],
  ['operator/server/a.ts', "import { KubeConfig } from '@kubernetes/client-node';"],
  ['operator/setup/prepare.ts', "import * as x509 from '@peculiar/x509';"],
  ['services/lib/token/a.ts', "import { status } from '@grpc/grpc-js';"],
  ['services/lib/capability/a.ts', "import { A } from '#protos/generated/mcp2/A.ts';"],
])('%s may not contain %s', (path, text) => {
  expect(foreignPackages([{ path, text }])).toHaveLength(1);
});

test('what the rules allow passes', () => {
  const files = [
    {
      path: 'services/lib/store/etcd-watch.ts',
      text: "import { Etcd3 } from 'etcd3';\nimport { a } from '../errors.ts';",
    },
    { path: 'operator/kube/api.ts', text: "import { KubeConfig } from '@kubernetes/client-node';" },
    { path: 'services/lib/grpc/a.ts', text: "import type { MethodDefinition } from '@grpc/proto-loader';" },
    { path: 'cli/up.ts', text: "import { start } from '../services/registry/start.ts';" },
    { path: 'services/registry/a.ts', text: "import { b } from './b.ts';\nimport { l } from '#protos/load.ts';" },
  ];
  expect([...upwardImports(files), ...upwardLibImports(files), ...foreignPackages(files)]).toEqual([]);
});

function upwardImports(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) => {
    const from = componentOf(file.path);
    if (from === undefined) return [`${file.path} lies in no layer: give its folder a place in LAYERS`];
    return targetsOf(file).flatMap((target) => {
      const to = componentOf(target);
      if (to !== undefined && (to.name === from.name || to.level < from.level || from.level === 4)) return [];
      return [`${file.path} imports ${target}`];
    });
  });
}

function upwardLibImports(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) => {
    const from = libFolderOf(file.path);
    if (from === undefined) return [];
    const level = LIB_LEVELS[from];
    if (level === undefined) return [`${file.path} lies in no layer of lib: give its folder a place in LIB_LEVELS`];
    return targetsOf(file).flatMap((target) => {
      const to = libFolderOf(target);
      return to === undefined || to === from || (LIB_LEVELS[to] ?? level) < level
        ? []
        : [`${file.path} imports ${target}`];
    });
  });
}

function foreignPackages(files: readonly SourceFile[]): string[] {
  const product = files.filter(({ path }) => !path.startsWith('test/'));
  return product.flatMap((file) =>
    importsOf(file)
      .filter(({ specifier, typeOnly }) => {
        if (PURE.test(file.path) && CLIENT_PACKAGE.test(specifier)) return true;
        const rule = OWNERS.find((candidate) => candidate.package.test(specifier));
        return rule !== undefined && !rule.owner.test(file.path) && !(typeOnly && rule.typesAnywhere);
      })
      .map(({ specifier }) => `${file.path} imports ${specifier}`),
  );
}

function targetsOf(file: SourceFile): string[] {
  return importsOf(file).flatMap(({ target }) => target ?? []);
}

function componentOf(path: string): { readonly name: string; readonly level: number } | undefined {
  for (const { prefix, level } of LAYERS) {
    const name = prefix.exec(path)?.[0];
    if (name !== undefined) return { name, level };
  }
  return undefined;
}

function libFolderOf(path: string): string | undefined {
  const match = /^services\/lib\/(?:([^/]+)\/)?/.exec(path);
  return match === null ? undefined : (match[1] ?? '');
}
