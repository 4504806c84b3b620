/**
 * Text of others in what `mcp2` prints and logs: it adds no line, moves no cursor, turns nothing around, and begins no
 * command of a CI runner. Everything is read through pipes, as in CI.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../harness/eventually.ts';
import { createStandalone, runMcp2, serverYaml } from '../harness/mcp2-command.ts';

const root = mkdtempSync(join(tmpdir(), 'mcp2-text-'));
afterAll(() => rmSync(root, { recursive: true }));
const GOOD = serverYaml({ name: 'good', serverName: 'Good', port: 50_061 });

/** What forges something, each with a word by which a forged line would be known. */
const HOSTILE: Readonly<Record<string, string>> = {
  'a line break': 'x\nFORGED.yaml: 1 server, valid',
  'a carriage return': 'x\rFORGED',
  'a line separator': 'x\u2028FORGED',
  'a next line': 'x\u0085FORGED',
  'a command of GitHub on a line of its own': 'x\n::error file=FORGED::x',
  'a command of GitHub after spaces': 'x\n  ::add-mask::FORGED',
  'an old command of GitHub anywhere': 'x ##[add-path]FORGED',
  'a command of Azure': 'x ##vso[task.setvariable variable=FORGED]x',
  'a command of TeamCity': "##teamcity[testFailed name='FORGED']",
  'an escape code': '\u001b[2J\u001b[1;31mFORGED',
  'an escape code in one byte': '\u009b2JFORGED',
  'a title of the window': '\u001b]0;FORGED\u0007',
  'text turned around': 'x\u202eDEGROF',
  'a character of no width': 'FOR\u200bGED',
};

/** Where it stands in a file; JSON quotes are YAML's. */
const PLACES: Readonly<Record<string, (text: string) => string>> = {
  'an unknown field': (text) => GOOD.replace('spec:', `spec:\n  ${JSON.stringify(text)}: 1`),
  'a key that stands twice': (text) => `${JSON.stringify(text)}: 1\n${JSON.stringify(text)}: 2\n`,
  'a value that is none of several': (text) => GOOD.replace('Disabled', JSON.stringify(text)),
  'a name': (text) => GOOD.replace('name: good', `name: ${JSON.stringify(text)}`),
  'a server name': (text) => GOOD.replace('serverName: Good', `serverName: ${JSON.stringify(text)}`),
  'a capability': (text) => GOOD.replace('db:inventory:read', JSON.stringify(text)),
  'a label': (text) => GOOD.replace('name: good', `name: good\n  labels: {${JSON.stringify(text)}: 1}`),
  'a kind': (text) => GOOD.replace('Mcp2Server', JSON.stringify(text)),
  'a version': (text) => GOOD.replace('mcp2.dev/v1alpha1', JSON.stringify(`mcp2.dev/${text}`)),
  'a version of somebody else': (text) => `apiVersion: ${JSON.stringify(text)}\nkind: ${JSON.stringify(text)}\n`,
  'what is no YAML': (text) => `a: &${text} *${text} [\n`,
  'a tag': (text) => `a: !<${text}> b\n`,
};
const CASES = Object.keys(PLACES).flatMap((place) => Object.keys(HOSTILE).map((kind) => ({ place, kind })));

const fileOf = ({ place, kind }: (typeof CASES)[number]) => `${place} ${kind}`.replaceAll(' ', '-').concat('.yaml');
const textOf = ({ place, kind }: (typeof CASES)[number]) => PLACES[place]?.(HOSTILE[kind] ?? '') ?? '';

let folder: string;
beforeAll(() => {
  folder = join(root, 'all');
  mkdirSync(folder);
  for (const one of CASES) writeFileSync(join(folder, fileOf(one)), textOf(one));
});

test.each(['table', 'json', 'yaml'])('mcp2 validate --output %s', async (output) => {
  const { code, stdout, stderr } = await runMcp2(['validate', folder, '--output', output], { state: root });
  expect(code).toBe(1);
  expect(forgeries(stdout)).toEqual([]);
  expect(forgeries(stderr)).toEqual([]);
  if (output !== 'table') return;
  const strangers = stdout.split('\n').filter((line) => line !== '' && !line.startsWith(`${folder}/`));
  expect(strangers).toEqual([]);
});

/** Without a slash, which no name has. */
const NAMES = Object.values(HOSTILE).map((text) => `${text.replaceAll('/', '_')}.yaml`);

test.each([
  ['that is valid', GOOD],
  ['with a mistake', GOOD.replace('Disabled', 'Off')],
  ['with nothing to check', 'kind: Other\napiVersion: v1\n'],
])('files %s whose names are hostile', async (_title, content) => {
  const named = mkdtempSync(join(root, 'named-'));
  for (const name of NAMES) writeFileSync(join(named, name), content);
  for (const args of [['.'], NAMES, ['.', '-o', 'yaml'], ['.', '-o', 'json']]) {
    const { stdout, stderr } = await runMcp2(['validate', ...args], { state: root, cwd: named });
    expect(stdout).not.toBe('');
    expect({ args, found: [...forgeries(stdout), ...forgeries(stderr)] }).toMatchObject({ found: [] });
  }
});

test.each(['a line break', 'a command of GitHub on a line of its own', 'an escape code'])(
  'a file that is absent and whose name holds %s',
  async (kind) => {
    const { stderr } = await runMcp2(['validate', `${HOSTILE[kind]}.yaml`], { state: root });
    expect(stderr).toMatch(/^error: .*cannot be read: there is no such file\n$/);
    expect(forgeries(stderr)).toEqual([]);
  },
);

test('mcp2 up, on the terminal and in its log', async () => {
  await using up = await createStandalone({ args: ['--verbose'] });
  up.writeInventory();
  for (const one of CASES) writeFileSync(join(up.files, fileOf(one)), textOf(one));
  await up.start();
  await eventually(
    () => up.output(),
    (output) => output.includes(fileOf(CASES.at(-1) as (typeof CASES)[number])),
  );
  expect(await up.interrupt()).toEqual({ code: 0, signal: null });
  expect(forgeries(await up.output())).toEqual([]);
  const log = readFileSync(join(up.state, 'mcp2.log'), 'utf8');
  expect(forgeries(log)).toEqual([]);
  const lines = log.trimEnd().split('\n');
  expect(lines.filter((line) => !line.startsWith('{') || !line.endsWith('}'))).toEqual([]);
});

/** Lines that hold what is not seen, or what a CI runner obeys; tabs and colours of ours are none. */
function forgeries(output: string): string[] {
  return output
    .split('\n')
    .filter(
      (line) =>
        /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(line) || /^\s*::/.test(line) || /##\w*\[/.test(line) || /^FORGED/.test(line),
    );
}
