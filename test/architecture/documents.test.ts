/** What the repository says of itself is true, and it says nothing of the place where it was made. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT, readRepository, type SourceFile } from './repository.ts';

/** Assembled from parts, so that this file does not name what it forbids. */
const FORBIDDEN: readonly { readonly what: string; readonly pattern: RegExp }[] = [
  { what: 'a path of one machine', pattern: new RegExp(`(?<![\\w.@-])/${'work'}/`) },
  ...[
    ['registry', 'npmjs', 'org'],
    ['registry', 'yarnpkg', 'com'],
    ['files', 'pythonhosted', 'org'],
    ['pypi', 'org'],
    ['proxy', 'golang', 'org'],
    ['sum', 'golang', 'org'],
  ].map((parts) => ({ what: 'the host of a package registry', pattern: new RegExp(`\\b${parts.join('\\.')}\\b`) })),
];

test('ARCHITECTURE.md names only paths that exist', () => {
  const text = readRepository().find(({ path }) => path === 'ARCHITECTURE.md')?.text ?? '';
  expect(pathsIn(text).length).toBeGreaterThan(10);
  expect(pathsIn(text).filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
});

test('links between the pages lead somewhere', () => {
  const pages = readRepository().filter(({ path }) => path.endsWith('.md'));
  const broken = pages.flatMap(({ path, text }) =>
    linksIn(text)
      .filter((link) => !existsSync(join(ROOT, dirname(path), link)))
      .map((link) => `${path}: ${link}`),
  );
  expect(pages.length).toBeGreaterThan(5);
  expect(broken).toEqual([]);
});

test('docs/settings.md names every setting that is read, and no other', () => {
  const files = readRepository();
  const page = files.find(({ path }) => path === 'docs/settings.md')?.text ?? '';
  const documented = new Set([...page.matchAll(/`(MCP2_[A-Z0-9_]+)`/g)].map(([, name]) => name));
  const product = files.filter(({ path }) => /^(?:services|sdk|operator|cli)\/.*(?<!\.test)\.ts$/.test(path));
  const read = new Set(product.flatMap(({ text }) => settingsRead(text)));
  expect(read.size).toBeGreaterThan(30);
  expect([...documented].sort()).toEqual([...read].sort());
});

test('no file names the machine it was written on or the host of a package registry', () => {
  expect(placesNamed(readRepository())).toEqual([]);
});

test('paths are the words in backticks that have a slash or a file ending', () => {
  const text =
    'See `protos/load.ts`, `operator/`, `#lib/errors.ts` and `LICENSE.md`; not `Lookup`, `a <- b` or `x/<y>`.';
  expect(pathsIn(text)).toEqual(['protos/load.ts', 'operator/', 'services/lib/errors.ts', 'LICENSE.md']);
});

test.each([
  `see /${'work'}/main/README.md`,
  `"resolved": "https://registry.${'npmjs'}.org/pino/-/pino-10.4.0.tgz"`,
  `--index-url https://${'pypi'}.org/simple`,
])('%s is refused in any file', (text) => {
  expect(placesNamed([{ path: 'package-lock.json', text }])).toHaveLength(1);
});

/** To files: no addresses, no anchors. */
function linksIn(text: string): string[] {
  return [...text.matchAll(/\]\(([\w./-]+)(?:#[^)]*)?\)/g)].map((found) => found[1] ?? '');
}

/** Names in quotes, or as members of an environment. */
function settingsRead(text: string): string[] {
  return [...text.matchAll(/(?:'|env\.)(MCP2_[A-Z0-9_]+)/g)].map((found) => found[1] ?? '');
}

function pathsIn(text: string): string[] {
  return [...text.matchAll(/`([\w#.@-]+(?:\/[\w.@-]+)*\/?)`/g)]
    .map((found) => found[1] ?? '')
    .filter((word) => word.includes('/') || /\.(?:ts|mjs|md|json|yaml|proto)$/.test(word))
    .map((word) =>
      word
        .replace(/^#lib\//, 'services/lib/')
        .replace(/^#protos\//, 'protos/')
        .replace(/^#sdk\//, 'sdk/'),
    );
}

function placesNamed(files: readonly SourceFile[]): string[] {
  return files.flatMap(({ path, text }) =>
    FORBIDDEN.filter(({ pattern }) => pattern.test(text)).map(({ what }) => `${path} names ${what}`),
  );
}
