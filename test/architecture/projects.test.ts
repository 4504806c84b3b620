/** Rule 5, of the runner: every test file is run by exactly one project, and `npm test` needs little of a machine. */
import { matchesGlob } from 'node:path/posix';
import { expect, test } from 'vitest';
import config from '../../vitest.config.ts';
import { readSources, type SourceFile } from './repository.ts';
import { codeOf, importsOf } from './source-text.ts';

/** What the step of the chart may use and no other but the end-to-end tests: each takes minutes to build. */
const BUILT_LATER = /\b(?:HELM|KUBECTL|NODE|CATALOGUE|TOOLS|ensureTools|requireGo)\b/;

interface Project {
  readonly name: string;
  readonly include: readonly string[];
  readonly exclude: readonly string[];
}

test('every test file is run by exactly one project', () => {
  expect(notRunOnce(readSources(), projects())).toEqual([]);
});

test('a file of no project and a file of two are found', () => {
  const two: Project = { name: 'two', include: ['test/{a,b}/**/*.test.ts'], exclude: ['test/a/**/*.test.ts'] };
  const files = ['test/a/one.test.ts', 'test/b/two.test.ts', 'test/b/no-test.ts'].map((path) => ({ path, text: '' }));
  expect(notRunOnce(files, [two])).toEqual(['test/a/one.test.ts is run by no project']);
  const both = [two, { name: 'b', include: ['test/b/**'], exclude: [] }];
  expect(notRunOnce(files, both)).toContain('test/b/two.test.ts is run by two, b');
});

test('npm test and the fault tests use no binary but etcd and kube-apiserver', () => {
  const early = projects().filter(({ name }) => !['chart', 'e2e'].includes(name));
  expect(usersOfLater(readSources().filter(({ path }) => early.some((project) => runs(project, path))))).toEqual([]);
});

test.each([
  "import { ensureTools } from '../cluster/tools.ts';",
  "import { HELM } from '../cluster/binaries.ts';",
  "import { requireGo } from '../cluster/go-toolchain.ts';",
  "import { render } from '../helm/chart.ts';",
])('%s makes a test one of the chart step', (text) => {
  expect(usersOfLater([{ path: 'test/integration/a.test.ts', text }])).toHaveLength(1);
});

function projects(): Project[] {
  return (config.test?.projects ?? []).map((project) => {
    const {
      name,
      include = [],
      exclude = [],
    } = (typeof project === 'object' && 'test' in project && project.test) || {};
    return { name: String(name), include, exclude };
  });
}

function runs({ include, exclude }: Project, path: string): boolean {
  const matches = (pattern: string) => matchesGlob(path, pattern);
  return include.some(matches) && !exclude.some(matches);
}

function notRunOnce(files: readonly SourceFile[], all: readonly Project[]): string[] {
  const tests = files.filter(({ path }) => path.endsWith('.test.ts'));
  return tests.flatMap(({ path }) => {
    const names = all.filter((project) => runs(project, path)).map(({ name }) => name);
    return names.length === 1 ? [] : [`${path} is run by ${names.join(', ') || 'no project'}`];
  });
}

function usersOfLater(files: readonly SourceFile[]): string[] {
  return files
    .filter((file) => {
      const ofChart = importsOf(file).some(({ target }) => target?.startsWith('test/helm/'));
      return ofChart || BUILT_LATER.test(codeOf(file.text));
    })
    .map(({ path }) => `${path} uses what only the chart step has`);
}
