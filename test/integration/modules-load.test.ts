/** Modules that cannot be loaded are problems with a place; a reload takes the old children away as they get free. */
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  FOLDER,
  failureOf,
  moduleConfig,
  moduleProcesses,
  shown,
  startModules,
  toolCall,
  untilNoProcessIsLeft,
} from './modules/fixture.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'mcp2-modules-'));
});
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await untilNoProcessIsLeft();
});

function file(name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}

const signal = () => new AbortController().signal;

test('modules that are in order are no problem, and their processes wait for the first call', async () => {
  await using modules = await startModules();
  for (const name of ['default', 'double']) modules.tool(moduleConfig({ export: name }));
  modules.tool(moduleConfig({ file: join(FOLDER, 'typed.ts'), export: 'next' }));
  expect(await modules.check(signal())).toEqual([]);
  expect(moduleProcesses()).toHaveLength(2);
  expect(shown(await modules.call({ export: 'double' }, { n: 2 }))).toEqual({ n: '4' });
  expect(moduleProcesses()).toHaveLength(2);
});

test.each([
  [
    'a file that is not there',
    () => join(folder, 'absent.mjs'),
    /"absent\.mjs" cannot be loaded: there is no such file/,
  ],
  [
    'a mistake of syntax',
    () => file('syntax.mjs', 'export default () => {\n  let 1;\n};'),
    /syntax\.mjs:2: .*reserved word/,
  ],
  [
    'an import that is not there',
    () => file('import.mjs', "import './absent.mjs';"),
    /Cannot find module .*own folder/,
  ],
  ['a package that is not there', () => file('package.mjs', "import 'zod';"), /Cannot find package 'zod'.*own folder/],
  [
    'an import from elsewhere',
    () => file('out.mjs', `import '${join(FOLDER, 'twice.mjs')}';`),
    /twice\.mjs", which it may not/,
  ],
  ['one that throws at its start', () => file('throws.mjs', "throw new Error('no price list');"), /no price list/],
  ['one that throws what is no Error', () => file('text.mjs', "throw 'no list';"), /cannot be loaded: no list/],
  ['one that ends its process', () => join(FOLDER, 'exits-at-load.mjs'), /its process ended while it was loaded/],
  ['one without the export', () => join(FOLDER, 'tools.mjs'), /no function "absent"; its functions are: .*double/],
  ['one without any', () => file('none.mjs', 'export const a = 1;'), /no function "absent"; it exports no function/],
])('%s is a problem with its place', async (_what, path, message) => {
  await using modules = await startModules();
  modules.tool(moduleConfig({ file: path(), export: 'absent' }));
  const problems = await modules.check(signal());
  expect(problems).toEqual([
    { file: 'inventory.yaml', line: 3, column: 5, path: 'tools[0].module', message: expect.stringMatching(message) },
  ]);
});

test('one that is never loaded is a problem after its time', async () => {
  await using modules = await startModules({ loadTimeoutMs: 700 });
  modules.tool(moduleConfig({ file: join(FOLDER, 'never-loads.mjs') }));
  const [problem] = await modules.check(signal());
  expect(problem?.message).toContain('it was not loaded within 0.7 s');
});

test('several problems come in the order of the configuration, and a check that is given up says why', async () => {
  await using modules = await startModules();
  const absent = join(folder, 'absent.mjs');
  for (const name of ['default', 'a', 'b', 'c']) modules.tool(moduleConfig({ export: name }));
  modules.tool(moduleConfig({ file: absent }));
  const messages = (await modules.check(signal())).map(({ message }) => /"(a|b|c|absent\.mjs)"/.exec(message)?.[1]);
  expect(messages).toEqual(['a', 'b', 'c', 'absent.mjs']);
  await using hanging = await startModules();
  hanging.tool(moduleConfig({ file: join(FOLDER, 'never-loads.mjs') }));
  await expect(hanging.check(AbortSignal.timeout(200))).rejects.toThrow(/timeout/);
});

test('a call of a module that cannot be loaded is MODULE_FAILED, also for those that wait, and a mended file is taken', async () => {
  await using modules = await startModules();
  const path = file('mended.mjs', 'export default = 1;');
  const failures = await Promise.all([1, 2, 3, 4].map(() => failureOf(modules.call({ file: path }))));
  for (const error of failures) expect(error).toMatchObject({ reason: 'MODULE_FAILED', metadata: { cause: 'load' } });
  expect(failures[0]?.message).not.toMatch(/token|syntax/i);
  writeFileSync(path, 'export default () => ({ mended: true });');
  expect(shown(await modules.call({ file: path }))).toEqual({ mended: 'true' });
});

test('a reload: running and waiting calls end on the old processes, and the new ones have the new text', async () => {
  const path = join(folder, 'reloaded.mjs');
  const wait = 'await new Promise((resolve) => setTimeout(resolve, 300));';
  writeFileSync(path, `export default async () => { ${wait} return { text: 'old' }; };`);
  const module = moduleConfig({ file: path, processes: 1 });
  await using old = await startModules();
  const run = old.tool(module);
  expect(shown(await run({}, toolCall()))).toEqual({ text: 'old' });
  const calls = [run({}, toolCall()), run({}, toolCall())];
  writeFileSync(path, `export default () => ({ text: 'new' });`);
  await using modules = await startModules();
  expect(shown(await modules.call(module))).toEqual({ text: 'new' });
  const closed = old.close();
  expect((await Promise.all(calls)).map(shown)).toEqual([{ text: 'old' }, { text: 'old' }]);
  await closed;
  expect(moduleProcesses()).toHaveLength(1);
  expect(await old.metrics()).toMatchObject({ 'mcp2_module_children_ended_total{reloaded.mjs,replaced}': 1 });
});

test('a process that is started later loads what the first one loaded, of every kind, also when the files are gone', async () => {
  const own = mkdtempSync(join(folder, 'kinds-'));
  const files = {
    'main.ts': `import { part } from './part.mjs'; import common from './common.cjs'; import data from './data.json' with { type: 'json' };
      export default (): object => ({ part, common: common.deep, data: data.of });
      export const exit = (): never => process.exit(1);`,
    'part.mjs': "export const part = 'first';",
    'common.cjs': "module.exports = { deep: require('./deep') };",
    'deep.js': "module.exports = 'first';",
    'data.json': '{"of": "first"}',
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(own, name), text);
  await using modules = await startModules();
  const module = { file: join(own, 'main.ts'), processes: 1 };
  const run = modules.tool(moduleConfig(module));
  const exit = modules.tool(moduleConfig({ ...module, export: 'exit' }));
  expect(await modules.check(signal())).toEqual([]);
  expect([...modules.files()].sort()).toEqual(
    ['common.cjs', 'data.json', 'deep.js', 'main.ts', 'part.mjs'].map((name) => join(own, name)),
  );
  const first = { part: 'first', common: 'first', data: 'first' };
  for (const change of [
    () => writeFileSync(join(own, 'part.mjs'), 'broken('),
    () => rmSync(own, { recursive: true }),
  ]) {
    change();
    expect(await failureOf(Promise.resolve(exit({}, toolCall())))).toMatchObject({ reason: 'MODULE_FAILED' });
    expect(shown(await run({}, toolCall()))).toEqual(first);
  }
});

test('a call that began its way before the reload is still served by the old configuration', async () => {
  await using modules = await startModules();
  const run = modules.tool(moduleConfig({ export: 'double' }));
  await modules.close();
  expect(shown(await run({ n: 3 }, toolCall()))).toEqual({ n: '6' });
  await untilNoProcessIsLeft();
});

test('the end of the server ends what runs and what waits with SHUTTING_DOWN', async () => {
  const modules = await startModules();
  const calls = [1, 2].map(() => failureOf(modules.call({ export: 'waits', processes: 1 }, { ms: 60_000 })));
  await modules.check(signal());
  await modules.close(AbortSignal.timeout(50));
  for (const error of await Promise.all(calls)) expect(error).toMatchObject({ reason: 'SHUTTING_DOWN' });
  expect(await failureOf(modules.call({ export: 'waits', processes: 1 }))).toMatchObject({ reason: 'SHUTTING_DOWN' });
  await untilNoProcessIsLeft();
});

test('a program that cannot be started at all is a failure of the call', async () => {
  const limits = { prlimit: '/nowhere/prlimit', setpriv: undefined, procfs: undefined };
  await using modules = await startModules({ limits });
  const error = await failureOf(modules.call({ file: copied() }));
  expect(error).toMatchObject({ reason: 'MODULE_FAILED', metadata: { cause: 'load' } });
});

function copied(): string {
  copyFileSync(join(FOLDER, 'twice.mjs'), join(folder, 'twice.mjs'));
  return join(folder, 'twice.mjs');
}
