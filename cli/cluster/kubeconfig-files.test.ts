import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { kubeconfigFiles } from './kubeconfig-files.ts';

const home = mkdtempSync(join(tmpdir(), 'mcp2-home-'));
const [usual, other] = [join(home, '.kube', 'config'), join(home, 'other')];
mkdirSync(join(home, '.kube'));
writeFileSync(usual, '');
writeFileSync(other, '');
afterAll(() => rmSync(home, { recursive: true }));

test.each<[string, string | undefined, string | undefined, readonly string[]]>([
  ['the usual place is the last resort', undefined, undefined, [usual]],
  ['KUBECONFIG stands for it', undefined, other, [other]],
  [
    'KUBECONFIG lists several, and those that are missing do not count',
    undefined,
    list('/missing', other, '', usual),
    [other, usual],
  ],
  ['a KUBECONFIG of nothing but missing files is none at all', undefined, '/missing', []],
  ['an empty KUBECONFIG counts as not set', undefined, '', [usual]],
  ['the option goes before everything, there or not', 'missing', other, [join(home, 'missing')]],
])('%s', (_title, option, KUBECONFIG, expected) => {
  expect(kubeconfigFiles(option, { env: { KUBECONFIG }, homeFolder: home, workingFolder: home })).toEqual(expected);
});

test('without any file there is none', () => {
  expect(kubeconfigFiles(undefined, { env: {}, homeFolder: '/nowhere', workingFolder: home })).toEqual([]);
});

function list(...files: readonly string[]): string {
  return files.join(delimiter);
}
