import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
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

test.each(['inventory', 'kubernetes'])(
  'every example under %s is valid, whatever else its file holds',
  async (name) => {
    const { code, stdout, stderr } = await validate([join(EXAMPLES, name)]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/\.yaml: (?:1 server|runtime server .*), valid\n/);
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

test('a list is opened: its servers are counted, and a mistake in one is told', async () => {
  const item = (yaml: string) => `- ${yaml.trimEnd().replaceAll('\n', '\n  ')}\n`;
  const list = `apiVersion: v1\nkind: List\nitems:\n${item(GOOD)}${item(GOOD.replace('name: good', 'name: two'))}`;
  expect(await validate(['-'], list)).toMatchObject({ code: 0, stdout: 'stdin: 2 servers, valid\n', stderr: '' });
  const wrong = await validate(['-'], list.replace('mode: Disabled', 'mode: None'));
  expect(wrong.code).toBe(1);
  expect(wrong.stdout).toMatch(/^stdin:\d+: items\[0\]\.spec\.tls\.mode: /);
});

const NOTHING: readonly [title: string, text: string, verdict: RegExp][] = [
  ['an empty file', '', /nothing to check$/],
  ['comments', '# nothing\n', /nothing to check$/],
  ['another kind', 'apiVersion: apps/v1\nkind: Deployment\n', /nothing to check, only Deployment of apps\/v1$/],
  ['values of something else', 'replicas: 3\n', /nothing to check, only document without apiVersion$/],
  ['an empty list', 'apiVersion: v1\nkind: List\nitems: []\n', /nothing to check$/],
  [
    'a list of other kinds',
    'apiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: Service}]\n',
    /nothing to check, only Service of v1$/,
  ],
];

test.each(NOTHING)('%s is nothing to check, which is not "valid": exit code 3', async (_title, text, verdict) => {
  const { code, stdout, stderr } = await validate(['-'], text);
  expect(code).toBe(3);
  expect(stdout.trimEnd()).toMatch(verdict);
  expect(stderr).toBe(
    'error: there is nothing to check here: no Mcp2Server and no configuration of a runtime server\n',
  );
  const { stdout: json } = await validate(['-', '-o', 'json'], text);
  expect(JSON.parse(json)).toEqual({ valid: false, files: 1, servers: 0, problems: [] });
});

test.each([
  ['a kind in the plural', GOOD.replace('Mcp2Server', 'Mcp2Servers'), /^stdin:2: kind: .*write Mcp2Server/],
  ['a kind in capitals', GOOD.replace('Mcp2Server', 'MCP2Server'), /^stdin:2: kind: /],
  ['an old version', GOOD.replace('v1alpha1', 'v1'), /^stdin:1: apiVersion: /],
  ['a misspelt group', GOOD.replace('mcp2.dev', 'mpc2.dev'), /^stdin:1: apiVersion: /],
  ['a truth value as a name', GOOD.replace('name: good', 'name: yes'), /^stdin:4: metadata\.name: .*kubectl reads yes/],
  [
    'a number as a label',
    GOOD.replace('{region: local}', '{region: 0x10}'),
    /^stdin:\d+: spec\.registration\.tags\.region: /,
  ],
  [
    'a label that no cluster takes',
    GOOD.replace('name: good', 'name: good\n  labels: {a: b c}'),
    /metadata\.labels\.a: /,
  ],
])('%s is a mistake, as in a cluster', async (_title, text, problem) => {
  const { code, stdout } = await validate(['-'], text);
  expect({ code, stdout }).toEqual({ code: 1, stdout: expect.stringMatching(problem) });
});

test('a number that other readers of YAML take for another one is said, and what an export brings along is taken', async () => {
  const octal = await validate(['-'], GOOD.replace('minReadySeconds: 0', 'minReadySeconds: 010'));
  expect(octal).toMatchObject({ code: 0, stdout: 'stdin: 1 server, valid\n' });
  expect(octal.stderr).toMatch(/^stdin:\d+: kubectl reads 010 without quotes as 8; write 8, or "010" for the text\n$/);
  const exported = GOOD.replace('name: good', 'name: good\n  creationTimestamp: null\n  labels: null');
  expect(await validate(['-'], exported)).toMatchObject({ code: 0, stderr: '' });
});

test('a file of a folder that cannot be read is one problem, and the others are checked', async () => {
  const inner = mkdtempSync(join(folder, 'mixed-'));
  writeFileSync(join(inner, 'a.yaml'), GOOD);
  symlinkSync('/dev/zero', join(inner, 'b.yaml'));
  const { code, stdout } = await validate([inner]);
  expect(code).toBe(1);
  expect(stdout).toBe(
    `${inner}/b.yaml:1: cannot be read: it is a device, not a regular file\n${inner}/a.yaml: 1 server, valid\n`,
  );
});
