import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { runMcp2, serverYaml } from '../harness/mcp2-command.ts';

const EXAMPLES = join(import.meta.dirname, '../../examples');
const folder = mkdtempSync(join(tmpdir(), 'mcp2-validate-'));
afterAll(() => rmSync(folder, { recursive: true }));

const GOOD = serverYaml({ name: 'good', serverName: 'Good', port: 50061 });
const validate = (args: readonly string[], input?: string) =>
  runMcp2(['validate', ...args], { state: folder, ...(input === undefined ? {} : { input }) });

function write(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

test.each(['standalone', 'kubernetes'])(
  'every example under %s is valid, whatever else its file holds',
  async (name) => {
    const { code, stdout, stderr } = await validate([join(EXAMPLES, name)]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/\.yaml: 1 server, valid\n/);
  },
);

test('problems are told with file and line, all at once, and the exit code is 1', async () => {
  const wrong = write(
    'wrong.yaml',
    GOOD.replace('db:inventory:read', 'db:inv*').replace('mode: Disabled', 'mode: Off'),
  );
  const broken = write('broken.yaml', `${GOOD}  broken: [1,\n`);
  const { code, stdout, stderr } = await validate([wrong, broken]);
  expect(code).toBe(1);
  expect(stdout).toMatch(/wrong\.yaml:8: spec\.tls\.mode: /);
  expect(stdout).toMatch(/wrong\.yaml:10: spec\.capabilities\[0\]\.name: /);
  expect(stdout).toMatch(/broken\.yaml:\d+: /);
  expect(stderr).toMatch(/^error: \d problems found\n$/);
});

test('a capability that no token can grant is legal, but said', async () => {
  const file = write('legal.yaml', GOOD.replace('db:inventory:read', 'inventory:read'));
  const { code, stdout, stderr } = await validate([file]);
  expect({ code, stdout }).toEqual({ code: 0, stdout: `${file}: 1 server, valid\n` });
  expect(stderr).toMatch(/legal\.yaml: good: no token can grant .*"inventory:read".*use one of db, context, tool/);
});

test('the same resource in two files is a problem of the second', async () => {
  const [one, two] = [write('one.yaml', GOOD), write('two.yaml', GOOD)];
  const { code, stdout } = await validate([one, two]);
  expect(code).toBe(1);
  expect(stdout).toBe(`${two}:1: default/good is already defined in ${one}\n${one}: 1 server, valid\n`);
});

test.each(['json', 'yaml'])('--output %s is for programs, also when something is wrong', async (format) => {
  const { code, stdout } = await validate(['-', '--output', format], GOOD.replace('Good', 'RegistryServer'));
  expect(code).toBe(1);
  const value = format === 'json' ? JSON.parse(stdout) : parse(stdout);
  expect(value).toMatchObject({ valid: false, files: 1, problems: [{ file: 'stdin', line: expect.any(Number) }] });
});

test.each([
  ['a file that does not exist', ['/nowhere/a.yaml'], 1, /nowhere.*cannot be read: there is no such file/],
  ['no file at all', [], 2, /missing required argument/],
  ['an unknown format', ['-', '-o', 'xml'], 2, /Allowed choices are table, json, yaml/],
])('%s is one sentence and no stack', async (_title, args, exitCode, sentence) => {
  const { code, stdout, stderr } = await validate(args);
  expect(code).toBe(exitCode);
  expect(stdout).toBe('');
  expect(stderr).toMatch(sentence);
  expect(stderr).not.toContain('    at ');
});
