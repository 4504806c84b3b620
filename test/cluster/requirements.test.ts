import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findMissing, installLine, nodeLevelProblems, type Requirement, requireNodeLevel } from './requirements.ts';

const WANTED: readonly Requirement[] = [
  { name: 'present', package: 'one', for: 'this' },
  { name: 'not-executable', package: 'two', for: 'that' },
  { name: 'absent', package: 'two', for: 'everything' },
  { name: '/no/such/header.h', package: 'three-dev', for: 'building' },
];

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mcp2-requirements-'));
  await writeFile(join(folder, 'present'), '');
  await chmod(join(folder, 'present'), 0o755);
  await writeFile(join(folder, 'not-executable'), '', { mode: 0o644 });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test('a command counts when PATH has it and it can be run, a file when it exists', async () => {
  const missing = await findMissing([...WANTED, { name: folder, package: 'four', for: 'files' }], { PATH: folder });
  expect(missing.map(({ name }) => name)).toEqual(['not-executable', 'absent', '/no/such/header.h']);
});

test('the line to type names each package once', () => {
  expect(installLine(WANTED.slice(1))).toBe('apt-get install two three-dev');
});

test('the error names what is missing, what for, the line that installs it, and the other way', async () => {
  const error = await requireNodeLevel(WANTED, { PATH: folder }).catch(({ message }: Error) => message);
  expect(error).toContain('absent (everything), /no/such/header.h (building)');
  expect(error).toContain('apt-get install two three-dev');
  expect(error).toContain('MCP2_TEST_KUBECONFIG');
});

test('elsewhere than on Linux nothing is looked for', async () => {
  const { problems, missing } = await nodeLevelProblems('darwin', { PATH: '' }, WANTED);
  expect(missing).toEqual([]);
  expect(problems).toEqual(['Nodes need Linux, and this is darwin: use a virtual machine.']);
});
