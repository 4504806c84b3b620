/**
 * Rule 1 inside of the operator: its folders form no circle, and none of them imports the files that put them together.
 *
 * What is known today is listed with each of its files, so that nothing joins it unseen and what is mended must leave.
 */
import { expect, test } from 'vitest';
import { isTest, readSources, type SourceFile } from './repository.ts';
import { importsOf } from './source-text.ts';

/** Circles that stand until the operator is made for several kinds of resources. */
const KNOWN_CIRCLES: readonly string[] = [
  'discovery/metrics.ts -> server/prober.ts',
  'discovery/sweep.ts -> source/source.ts',
  'server/away.ts -> source/source.ts',
  'server/claim.ts -> source/source.ts',
  'server/count.ts -> source/source.ts',
  'server/reconcile.ts -> discovery/mirror.ts',
  'server/reconcile.ts -> discovery/writer.ts',
  'server/reconcile.ts -> source/source.ts',
  'server/removal.ts -> discovery/mirror.ts',
  'server/removal.ts -> discovery/writer.ts',
  'server/resolve.ts -> source/source.ts',
  'server/settle.ts -> discovery/writer.ts',
  'server/status-reporter.ts -> source/source.ts',
  'source/cluster-references.ts -> server/endpoints.ts',
  'source/cluster.ts -> server/resource.ts',
  'source/file-definitions.ts -> server/resource.ts',
  'source/file-snapshot.ts -> discovery/mass-delete-guard.ts',
  'source/file-snapshot.ts -> server/resource.ts',
  'source/file-state.ts -> server/resource.ts',
  'source/files.ts -> discovery/mass-delete-guard.ts',
  'source/files.ts -> server/resource.ts',
  'source/own-statuses.ts -> server/conditions.ts',
  'source/own-statuses.ts -> server/resource.ts',
  'source/reader/main.ts -> server/resource.ts',
  'source/reader/read-file.ts -> server/resource.ts',
  'source/resource-file.ts -> server/resource.ts',
  'source/resource-kind.ts -> server/resource.ts',
  'source/source.ts -> server/endpoints.ts',
  'source/source.ts -> server/resource.ts',
];
const KNOWN_UPWARD: readonly string[] = ['server/reconcile.ts -> controller.ts'];

interface FolderImport {
  readonly from: string;
  readonly to: string;
  readonly text: string;
}

test('folders of the operator form no other circles than those that are known', () => {
  expect(circular(folderImports(readSources()))).toEqual(KNOWN_CIRCLES);
});

test('a folder of the operator imports nothing of the files that put it together', () => {
  expect(upward(folderImports(readSources()))).toEqual(KNOWN_UPWARD);
});

test('a circle over three folders is found, with all its files and no others', () => {
  const file = (path: string, target: string) => ({ path: `operator/${path}`, text: `import { a } from '${target}';` });
  const files = [
    file('a/one.ts', '../b/two.ts'),
    file('b/two.ts', '../c/three.ts'),
    file('c/three.ts', '../a/one.ts'),
    file('d/four.ts', '../a/one.ts'),
    file('a/test.test.ts', '../d/four.ts'),
    file('core.ts', './a/one.ts'),
    file('a/five.ts', '../core.ts'),
  ];
  const imports = folderImports(files);
  expect(circular(imports)).toEqual(['a/one.ts -> b/two.ts', 'b/two.ts -> c/three.ts', 'c/three.ts -> a/one.ts']);
  expect(upward(imports)).toEqual(['a/five.ts -> core.ts']);
});

/** From one folder below operator/ to another; "" is operator/ itself. */
function folderImports(files: readonly SourceFile[]): FolderImport[] {
  const product = files.filter((file) => file.path.startsWith('operator/') && !isTest(file));
  return product.flatMap((file) => {
    const from = folderOf(file.path);
    return importsOf(file).flatMap(({ target }) => {
      if (!target?.startsWith('operator/') || folderOf(target) === from) return [];
      return [{ from, to: folderOf(target), text: `${inOperator(file.path)} -> ${inOperator(target)}` }];
    });
  });
}

function circular(imports: readonly FolderImport[]): string[] {
  const between = imports.filter(({ from, to }) => from !== '' && to !== '');
  return between
    .filter(({ from, to }) => reaches(to, from, between))
    .map(({ text }) => text)
    .sort();
}

function upward(imports: readonly FolderImport[]): string[] {
  return imports.filter(({ to }) => to === '').map(({ text }) => text);
}

function reaches(from: string, goal: string, imports: readonly FolderImport[]): boolean {
  const seen = new Set([from]);
  for (const folder of seen) for (const { from: start, to } of imports) if (start === folder) seen.add(to);
  return seen.has(goal);
}

function inOperator(path: string): string {
  return path.slice('operator/'.length);
}

/** The first one: a folder inside of it is part of it. */
function folderOf(path: string): string {
  const inside = inOperator(path);
  return inside.slice(0, Math.max(0, inside.indexOf('/')));
}
