/**
 * docs/context-tool.md, as its reader follows it in a checkout: the files that it says to save, every command with what it
 * prints, and every other piece of YAML and SQL on it.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { createConfigReader } from '../../services/context-tool/config/read-config.ts';
import { examplesOf, filesOf, readBlocks } from '../harness/page.ts';
import { Reader } from '../harness/reader.ts';

const ROOT = join(import.meta.dirname, '../..');
const PAGE = readFileSync(join(ROOT, 'docs/context-tool.md'), 'utf8');
let reader: Reader;
beforeAll(() => {
  reader = new Reader('context-tool-page');
  reader.save(PAGE);
});
afterAll(() => reader[Symbol.asyncDispose]());

test('every command does what the page says, in the order in which it stands there', async () => {
  const examples = examplesOf(PAGE);
  expect(examples.length).toBeGreaterThan(8);
  for (const example of examples) await reader.follow(example);
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

test('the SQL is that of the files that it names, which the tests of databases run', () => {
  const named = [...filesOf(PAGE)].filter(([file]) => file.startsWith('services/'));
  expect(named).toHaveLength(4);
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

/** What is wrong with a configuration whose files are those of the page. */
function problemsOf(config: object): readonly string[] {
  const file = join(reader.folder, 'shop/example.yaml');
  const read = createConfigReader();
  const { problems = [] } = read({ file, workingFolder: ROOT, sqlite: 'unchecked', text: stringify(config) });
  return problems.map(({ line, path, message }) => `${line}: ${path}: ${message}`);
}

/** A part of a configuration as a whole one. */
function complete(part: object): object {
  const rest = { server: { name: 'Example', version: '1.0.0' }, databases: { shop: { sqlite: { file: 'shop.db' } } } };
  const offers = ['contexts', 'tools', 'events'].some((list) => list in part)
    ? {}
    : { contexts: [{ key: 'a', static: { text: 'a' } }] };
  return { ...rest, ...offers, ...part };
}

function pieces(wanted: string): [title: string, text: string, file: string | undefined][] {
  const found = readBlocks(PAGE).filter(({ language }) => language === wanted);
  return found.map(({ text, file }, index) => [file ?? `number ${index + 1}`, text, file]);
}
