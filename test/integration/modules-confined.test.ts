/** What a tool module may not do: read outside of its folder, write, start something. And what `native` gives it. */
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { logLimits } from '../../services/context-tool/modules/modules.ts';
import { findLimits } from '../../services/context-tool/modules/process-limits.ts';
import {
  FOLDER,
  failureOf,
  type LogLine,
  mistake,
  moduleConfig,
  recordingLogger,
  shown,
  startModules,
  type TestModules,
} from './modules/fixture.ts';

let folder: string;
let modules: TestModules;
beforeAll(async () => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'mcp2-modules-')));
  mkdirSync(join(folder, 'tools'));
  mkdirSync(join(folder, 'tools-beside'));
  copyFileSync(join(FOLDER, 'mistakes.mjs'), join(folder, 'tools/mistakes.mjs'));
  writeFileSync(join(folder, 'tools/own.txt'), 'its own');
  writeFileSync(join(folder, 'tools-beside/other.txt'), 'not its own');
  modules = await startModules();
});
afterAll(async () => {
  await modules[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

const inFolder = (name: string) => ({ ...mistake(name), file: join(folder, 'tools/mistakes.mjs') });

test('it reads files of its own folder, also by a path relative to it', async () => {
  const own = join(folder, 'tools/own.txt');
  expect(shown(await modules.call(inFolder('read'), { file: own }))).toEqual({ text: 'its own' });
  expect(shown(await modules.call(inFolder('read'), { file: 'own.txt' }))).toEqual({ text: 'its own' });
});

test.each([
  ['a file of the system', 'read', '/etc/hostname'],
  ['the environment of its parent', 'read', `/proc/${process.pid}/environ`],
  ['its own memory', 'read', '/proc/self/maps'],
  ['a folder whose name begins as its own', 'read', '../tools-beside/other.txt'],
  ['the sources of the product', 'read', join(FOLDER, '../../../package.json')],
  ['writing into its own folder', 'write', 'own.txt'],
  ['starting a program', 'start', ''],
  ['starting a thread', 'startThread', ''],
])('%s is refused', async (_what, name, file) => {
  const error = await failureOf(modules.call(inFolder(name), { file }));
  expect(error).toMatchObject({ reason: 'MODULE_FAILED', metadata: { cause: 'rejection' } });
  expect(error.cause).toMatchObject({ code: 'ERR_ACCESS_DENIED' });
});

test('a module behind a link, as Kubernetes mounts a ConfigMap, is loaded from where it really lies', async () => {
  mkdirSync(join(folder, 'mounted'));
  symlinkSync('../tools', join(folder, 'mounted/..data'));
  symlinkSync('..data/mistakes.mjs', join(folder, 'mounted/mistakes.mjs'));
  const module = { ...mistake('read'), file: join(folder, 'mounted/mistakes.mjs') };
  expect(shown(await modules.call(module, { file: 'own.txt' }))).toEqual({ text: 'its own' });
});

test('a folder with a name that is no plain URL is a folder', async () => {
  const odd = join(folder, 'to ols#1%41?');
  mkdirSync(odd);
  copyFileSync(join(FOLDER, 'mistakes.mjs'), join(odd, 'mistakes.mjs'));
  writeFileSync(join(odd, 'own.txt'), 'odd');
  const module = { ...mistake('read'), file: join(odd, 'mistakes.mjs') };
  expect(shown(await modules.call(module, { file: 'own.txt' }))).toEqual({ text: 'odd' });
});

/** Any addon will do: the one that the bundler of the tests brings along. */
function someAddon(): string {
  const packages = join(FOLDER, '../../../node_modules/@rolldown');
  const binding = readdirSync(packages).find((name) => name.startsWith('binding-')) ?? '';
  return `@rolldown/${binding}`;
}

test('a package above its folder and a native addon load with `native` alone', async () => {
  const addon = someAddon();
  const name = join(FOLDER, 'native-addon.mjs');
  expect(await failureOf(modules.call({ file: name }, { addon }))).toMatchObject({ reason: 'MODULE_FAILED' });
  expect(shown(await modules.call({ file: name, native: true }, { addon }))).toEqual({ loaded: 'true' });
  const elsewhere = { ...mistake('read'), native: true };
  expect(await failureOf(modules.call(elsewhere, { file: '/etc/hostname' }))).toMatchObject({
    reason: 'MODULE_FAILED',
  });
});

test('which limits hold is said at the start, and which module is not confined', async () => {
  const lines: LogLine[] = [];
  const log = recordingLogger(lines);
  const config = [moduleConfig(), moduleConfig({ file: '/srv/enhance.mjs', native: true })];
  const tools = { prlimit: '/nowhere/prlimit', setpriv: '/nowhere/setpriv', procfs: '/nowhere' };
  logLimits(config, { limits: await findLimits(tools), log });
  expect(lines).toMatchObject([
    { limits: { dataSegment: expect.stringMatching(/^no/), memory: expect.stringMatching(/^no/) } },
    { module: 'enhance.mjs', msg: expect.stringContaining('not confined') },
  ]);
  logLimits([], { limits: await findLimits(tools), log });
  expect(lines).toHaveLength(2);
});
