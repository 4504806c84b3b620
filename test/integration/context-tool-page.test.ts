/**
 * docs/context-tool.md, as its reader follows it in a checkout: the files that it says to save, every command with what it
 * prints, and every other piece of YAML and SQL on it.
 */
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Ajv } from 'ajv';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { createConfigReader } from '../../services/context-tool/config/read-config.ts';
import { runCommand } from '../cluster/run-command.ts';
import { type Example, examplesOf, filesOf, readBlocks, wordsOf } from '../harness/page.ts';
import { createWorkspace, ManagedProcess, type Workspace } from '../harness/processes.ts';

const ROOT = join(import.meta.dirname, '../..');
const PAGE = readFileSync(join(ROOT, 'docs/context-tool.md'), 'utf8');
/** Of a checkout, as far as the page names it. */
const CHECKOUT = ['package.json', 'node_modules', 'cli', 'services', 'examples', 'docs'];
/** Commands that go on until somebody ends them, with what they print once they serve. */
const ENDLESS = [
  { command: 'mcp2 up', ready: /Ctrl-C ends/ },
  { command: 'services/context-tool/main.ts', ready: /the context-tool serves/ },
];
/** The page uses ports from 50061 on; here another test may hold them. */
const FREE_PORTS: readonly (readonly [string, string])[] = [
  ['mcp2 up', 'mcp2 up --port 0'],
  ['MCP2_LISTEN=127.0.0.1:50075', 'MCP2_LISTEN=127.0.0.1:0'],
];

let workspace: Workspace;
let env: Record<string, string | undefined>;
const started: ManagedProcess[] = [];

beforeAll(() => {
  workspace = createWorkspace('context-tool-page');
  for (const name of CHECKOUT) symlinkSync(join(ROOT, name), join(workspace.folder, name));
  for (const [file, text] of filesOf(PAGE)) save(file, text);
  const home = join(workspace.folder, 'home');
  env = { PATH: process.env.PATH, HOME: home, XDG_CACHE_HOME: join(home, 'cache') };
});
afterAll(async () => {
  for (const server of started.toReversed()) await server.stop();
});

test('every command does what the page says, in the order in which it stands there', async () => {
  const examples = examplesOf(PAGE);
  expect(examples.length).toBeGreaterThan(8);
  for (const example of examples) await follow(example);
}, 180_000);

test.each(pieces('yaml'))('YAML %s is what the runtime or the chart takes', (_title, text, file) => {
  const value: unknown = parse(text);
  const values = (value as { contextTool?: { servers: Record<string, { config: object }> } }).contextTool;
  if (values === undefined) {
    if (file?.startsWith('mistakes/') !== true) expect(problemsOf(complete(value as object))).toEqual([]);
    return;
  }
  const chart = (file: string) => readFileSync(join(ROOT, 'helm/mcp2', file), 'utf8');
  const check = new Ajv({ strict: false, validateFormats: false }).compile(
    JSON.parse(chart('values.schema.json')) as object,
  );
  const defaults = parse(chart('values.yaml')) as { readonly contextTool: object };
  check({ ...defaults, contextTool: { ...defaults.contextTool, ...values } });
  expect(check.errors).toBe(null);
  for (const { config } of Object.values(values.servers)) expect(problemsOf(config)).toEqual([]);
});

test('the SQL for PostgreSQL is that of the files that it names, which the tests of databases run', () => {
  const named = [...filesOf(PAGE)].filter(([file]) => file.startsWith('services/'));
  expect(named).toHaveLength(2);
  for (const [file, text] of named) {
    expect(text).toBe(`-- ${file}\n${readFileSync(join(ROOT, file), 'utf8')}`);
  }
});

test('the page names every reason that a call of a context or a tool can have, and no other', () => {
  const table = PAGE.slice(PAGE.indexOf('\n## Reasons\n'), PAGE.indexOf('\n## Limits\n'));
  const named = new Set([...table.matchAll(/`([A-Z][A-Z_]+[A-Z])`/g)].map(([, reason]) => reason));
  const proto = readFileSync(join(ROOT, 'protos/mcp2/context_tool.proto'), 'utf8');
  const comments = /rpc RequestContext|rpc InvokeTool\(/g;
  const said = [...proto.matchAll(comments)].flatMap(({ index }) => {
    const before = proto.slice(0, index).split('\n\n').at(-1) ?? '';
    return [...before.matchAll(/\b[A-Z]{2,}_[A-Z_]+\b/g)].map(([word]) => word);
  });
  const statuses = ['NOT_FOUND', 'INVALID_ARGUMENT', 'PERMISSION_DENIED', 'RESOURCE_EXHAUSTED', 'FAILED_PRECONDITION'];
  const reasons = said.filter((word) => ![...statuses, 'ALREADY_EXISTS', 'DEADLINE_EXCEEDED'].includes(word));
  expect(reasons.length).toBeGreaterThan(10);
  expect(reasons.filter((reason) => !named.has(reason))).toEqual([]);
});

async function follow({ command, shown }: Example): Promise<void> {
  const typed = FREE_PORTS.reduce((line, [from, to]) => line.replace(from, to), command);
  const endless = ENDLESS.find((one) => command.includes(one.command));
  if (endless !== undefined) return startEndless(typed, endless.ready);
  const line = shown === undefined ? typed : `{ ${typed}; } 2>&1 || true`;
  const output = await runCommand('sh', ['-c', line], { env, cwd: workspace.folder });
  if (shown !== undefined) expect(wordsOf(output), command).toBe(wordsOf(shown));
}

async function startEndless(line: string, serving: RegExp): Promise<void> {
  const ready = async () => serving.test(readFileSync(server.logFile, 'utf8'));
  const server = new ManagedProcess(
    { name: `endless-${started.length}`, command: 'sh', args: ['-c', line], cwd: workspace.folder, env, ready },
    workspace,
  );
  started.push(server);
  await server.start();
}

function save(file: string, text: string): void {
  const path = join(workspace.folder, file);
  if (file.startsWith('services/')) return;
  mkdirSync(dirname(path), { recursive: true });
  const isServer = file.endsWith('.yaml') && text.includes('\nserver:');
  writeFileSync(path, isServer ? `${text}listen: 127.0.0.1:0\n` : text);
}

/** What is wrong with a configuration whose files are those of the page. */
function problemsOf(config: object): readonly string[] {
  const file = join(workspace.folder, 'shop/example.yaml');
  const read = createConfigReader();
  const { problems = [] } = read({ file, workingFolder: ROOT, sqlite: 'unchecked', text: stringify(config) });
  return problems.map(({ line, path, message }) => `${line}: ${path}: ${message}`);
}

/** A part of a configuration as a whole one. */
function complete(part: object): object {
  const rest = { server: { name: 'Example', version: '1.0.0' }, databases: { shop: { sqlite: { file: 'shop.db' } } } };
  const offers = 'contexts' in part || 'tools' in part ? {} : { contexts: [{ key: 'a', static: { text: 'a' } }] };
  return { ...rest, ...offers, ...part };
}

function pieces(wanted: string): [title: string, text: string, file: string | undefined][] {
  const found = readBlocks(PAGE).filter(({ language }) => language === wanted);
  return found.map(({ text, file }, index) => [file ?? `number ${index + 1}`, text, file]);
}
