/** Rules 1 and 2: who may import whom, and which file alone knows a client package. */
import { expect, test } from 'vitest';
import { readSources, type SourceFile } from './repository.ts';
import { importsOf } from './source-text.ts';

/** Tests, examples and generators: they may import anything, and nothing imports them. */
const TOP = 6;

/** protos <- services/lib <- sdk/client <- sdk/server <- services/<name>, operator <- cli; tests and examples may use everything. */
const LAYERS: readonly { readonly prefix: RegExp; readonly level: number }[] = [
  { prefix: /^(?:protos|crds)(?=\/)/, level: 0 },
  { prefix: /^services\/lib(?=\/)/, level: 1 },
  { prefix: /^sdk\/client(?=\/)/, level: 2 },
  { prefix: /^sdk\/server(?=\/)/, level: 3 },
  { prefix: /^services\/[^/]+(?=\/)/, level: 4 },
  { prefix: /^operator(?=\/)/, level: 4 },
  { prefix: /^cli(?=\/)/, level: 5 },
  { prefix: /^(?:test|examples|docs|helm|image)(?=\/)/, level: TOP },
  { prefix: /^[^/]+\.config\.ts$/, level: TOP },
];

/** errors clock backoff <- net capability <- config observe schema json-schema sqlite <- card token store kube <- grpc <- middleware <- service */
const LIB_LEVELS: Readonly<Record<string, number>> = {
  '': 0, // the files of services/lib itself
  net: 1,
  capability: 1,
  config: 2,
  observe: 2,
  schema: 2,
  'json-schema': 2,
  sqlite: 2,
  card: 3,
  token: 3,
  store: 3,
  kube: 3,
  grpc: 4,
  middleware: 5,
  service: 6,
};

/** What gRPC needs of them comes as an argument: a client must not load a database driver or client-node. */
const NOT_FOR_GRPC = /^services\/lib\/(?:store|kube)\//;

/** The only files of the product that may import a package. A test under test/ may: it looks at the real part. */
const OWNERS: readonly { readonly package: RegExp; readonly owner: RegExp; readonly typesAnywhere?: true }[] = [
  { package: /^etcd3$/, owner: /^services\/lib\/store\/etcd\// },
  {
    package: /^node:sqlite$/,
    owner: /^services\/(?:lib\/(?:sqlite|store\/embedded)|event-bus\/log\/embedded|context-tool\/database\/sqlite)\//,
  },
  { package: /^pg$/, owner: /^services\/context-tool\/database\/postgres\// },
  { package: /^re2js$/, owner: /^services\/lib\/json-schema\// },
  { package: /^@grpc\/proto-loader$/, owner: /^protos\/load\.ts$/, typesAnywhere: true },
  { package: /^(?:@peculiar\/x509|reflect-metadata)$/, owner: /^operator\/setup\/issue-certificate\.ts$/ },
  { package: /^@kubernetes\/client-node$/, owner: /^services\/lib\/kube\//, typesAnywhere: true },
];

/** Pure: they decide about rights, and every verifier must reach the same verdict without a network. */
const PURE = /^services\/lib\/(?:capability|token)\//;
const CLIENT_PACKAGE = /^(?:@grpc\/|etcd3$|node:sqlite$|@kubernetes\/|#protos\/)/;

test('every import points down: protos and crds, lib, the SDKs, services and operator, cli', () => {
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
  ['a resource from lib', 'crds/a.ts', "import { a } from '../services/lib/errors.ts';"],
  ['a client from a server', 'sdk/client/a.ts', "import { a } from '../server/a.ts';"],
  ['a client from a service', 'sdk/client/a.ts', "import '../../services/registry/a.ts';"],
  ['lib from a client', 'services/lib/a.ts', "import { a } from '#sdk/client/a.ts';"],
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
  ['grpc from the store', 'services/lib/grpc/a.ts', "import { a } from '../store/a.ts';"],
  ['net from capability, its neighbour', 'services/lib/net/a.ts', "import { a } from '../capability/a.ts';"],
  ['store from kube, its neighbour', 'services/lib/store/a.ts', "import { a } from '../kube/a.ts';"],
  ['grpc from middleware', 'services/lib/grpc/a.ts', "import { a } from '../middleware/a.ts';"],
  ['middleware from service', 'services/lib/middleware/a.ts', "import { a } from '../service/a.ts';"],
  ['a folder that has no place yet', 'services/lib/plugins/a.ts', "import { a } from '../errors.ts';"],
])('inside lib an import of %s is refused', (_title, path, text) => {
  expect(upwardLibImports([{ path, text }])).toHaveLength(1);
});

test.each([
  ['services/lib/store/servers.ts', "import { Etcd3 } from 'etcd3';"],
  ['services/registry/main.ts', "import type { Etcd3 } from 'etcd3';"],
  ['services/lib/store/etcd/connect.ts', "import { DatabaseSync } from 'node:sqlite';"],
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
      path: 'services/lib/store/etcd/watch.ts',
      text: "import { Etcd3 } from 'etcd3';\nimport { a } from '../errors.ts';",
    },
    { path: 'services/lib/kube/api.ts', text: "import { KubeConfig } from '@kubernetes/client-node';" },
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
      if (to !== undefined && (to.name === from.name || to.level < from.level || from.level === TOP)) return [];
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
      const isBelow = to === undefined || to === from || (LIB_LEVELS[to] ?? level) < level;
      if (isBelow && !(from === 'grpc' && NOT_FOR_GRPC.test(target))) return [];
      return [`${file.path} imports ${target}`];
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
