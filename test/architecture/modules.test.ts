/**
 * Rule 4: a module is found by its name and does nothing until it is called. No module-level state, no work at import,
 * no default export, no barrel, no name that says nothing.
 */
import { expect, test } from 'vitest';
import { readSources, type SourceFile } from './repository.ts';
import { codeOf, findInCode } from './source-text.ts';

const SAYS_NOTHING = /(?:^|\/)(?:utils?|helpers?|commons?|types|misc|shared)(?:\/|(?:\.test)?\.ts$)/;
const KEBAB_CASE = /^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.(?:test|config|setup))?\.ts$/;
const BARREL_NAME = /(?:^|\/)(?:index|mod)\.ts$/;
/** What these export is the public API: `public-api.test.ts` compares it with a list. */
const PUBLIC: readonly string[] = ['sdk/client/index.ts', 'sdk/server/index.ts'];
const DEFAULT_EXPORT = /^export default\b|^export \{[^}]*\bas default\b/gm;
const EXPORT_ALL = /^export \*/gm;

/** Statements of the module start in column 0: the formatter sees to it. */
const STATE: readonly RegExp[] = [
  /^(?:export )?(?:let|var)\s/gm,
  // Set and Map as read-only tables are declared so: `const X: ReadonlySet<string> = new Set([…])`.
  /^(?:export )?const \w+(?:: (?!Readonly(?:Set|Map)\b)[^=;]+)? =\s+new (?!RegExp\b|URL\b|TextEncoder\b|TextDecoder\b)\w+/gm,
  /^(?:export )?const \w+(?:: [^=;]+)? =\s+(?:\[\]|\{\});/gm,
];
const WORK: readonly RegExp[] = [
  /^(?:void |await )?[\w$.]+\(/gm,
  /^(?:for|while|do|switch|try)\b/gm,
  /^if \((?!import\.meta\.main\))/gm,
  /^(?:export )?const [^=;]+ =\s+await\b/gm,
];

test('no module has state or works at import', () => {
  expect(stateOrWork(readSources())).toEqual([]);
});

test('no module exports a default or is a barrel', () => {
  expect(defaultsAndBarrels(readSources())).toEqual([]);
});

test('file names are kebab-case and say what the file does', () => {
  expect(badNames(readSources())).toEqual([]);
});

test.each([
  'let counter = 0;',
  'export let counter = 0;',
  'var counter = 0;',
  'const cache = new Map<string, Claims>();',
  'export const seen: Set<string> = new Set();',
  'const queue: string[] = [];',
  'const client = new Etcd3();',
  'const config = await read();',
  'register();',
  'process.on("exit", stop);',
  'void start();',
  "if (process.argv[2] === 'run') run();",
  'for (const name of NAMES) add(name);',
])('%s at the top level is refused', (text) => {
  expect(stateOrWork([{ path: 'services/lib/a.ts', text: `/** A file. */\n${text}\n` }])).toHaveLength(1);
});

test.each([
  'const NAMES: ReadonlySet<string> = new Set(["a"]);',
  'const PATTERN = /^let /;',
  'export const Phase = { Ready: "Ready" } as const;',
  'function f() {\n  let a = 0;\n  const b = new Map();\n  g(a, b);\n}',
  'if (import.meta.main) generate();',
])('%s is no state', (text) => {
  expect(stateOrWork([{ path: 'services/lib/a.ts', text }])).toEqual([]);
});

test.each([
  ['services/lib/a.ts', 'export default function f() {}'],
  ['services/lib/a.ts', 'function f() {}\nexport { f as default };'],
  ['services/lib/a.ts', "export * from './b.ts';"],
  ['services/lib/a.ts', "export { b } from './b.ts';\nexport { c } from './c.ts';"],
  ['services/lib/index.ts', 'export const a = 1;'],
])('%s with %s is refused', (path, text) => {
  expect(defaultsAndBarrels([{ path, text }])).not.toEqual([]);
});

test('what an SDK exports may be one file, and no other file of it', () => {
  const text = "export { b } from './b.ts';\nexport { c } from './c.ts';";
  expect(defaultsAndBarrels([{ path: 'sdk/client/index.ts', text }])).toEqual([]);
  expect(defaultsAndBarrels([{ path: 'sdk/client/calls/index.ts', text }])).not.toEqual([]);
});

test.each([
  'services/lib/utils.ts',
  'services/lib/helpers/a.ts',
  'test/harness/common.ts',
  'operator/types.ts',
  'operator/WorkQueue.ts',
  'operator/work_queue.ts',
])('%s is refused as a name', (path) => {
  expect(badNames([{ path, text: '' }])).toHaveLength(1);
});

function stateOrWork(files: readonly SourceFile[]): string[] {
  // A test file is its own program: its top level registers tests; a vitest setup file registers hooks. main.ts is
  // what starts things. An example is a program that a reader writes, and no module of ours.
  const modules = files.filter(({ path }) => !/(?:\.test|\.config|\.setup|(?:^|\/)main)\.ts$|^examples\//.test(path));
  return modules.flatMap((file) => [...STATE, ...WORK].flatMap((pattern) => findInCode(file, pattern)));
}

function defaultsAndBarrels(files: readonly SourceFile[]): string[] {
  const modules = files.filter(({ path }) => !path.endsWith('.config.ts'));
  return modules.flatMap((file) => [
    ...findInCode(file, DEFAULT_EXPORT),
    ...findInCode(file, EXPORT_ALL),
    ...(isBarrel(file) && !PUBLIC.includes(file.path) ? [`${file.path} is a barrel`] : []),
  ]);
}

function isBarrel(file: SourceFile): boolean {
  return BARREL_NAME.test(file.path) || onlyReExports(file);
}

function badNames(files: readonly SourceFile[]): string[] {
  return files
    .map(({ path }) => path)
    .filter((path) => SAYS_NOTHING.test(path) || !KEBAB_CASE.test(path.slice(path.lastIndexOf('/') + 1)));
}

/** More than one re-export and nothing else. */
function onlyReExports({ text }: SourceFile): boolean {
  const reExport = /^export (?:type )?(?:\*|\{[^}]*\}) from ['"]\s*['"];?$/gm;
  const code = codeOf(text);
  return (code.match(reExport) ?? []).length > 1 && code.replace(reExport, '').trim() === '';
}
