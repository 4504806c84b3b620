import { execFile } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type InstalledPackage, installPackage } from '../harness/installed-package.ts';
import { AS_OLDER_NODE, createStandalone, LAUNCHER, runMcp2 } from '../harness/mcp2-command.ts';
import { readBlocks } from '../harness/page.ts';

const ROOT = join(import.meta.dirname, '../..');
const run = promisify(execFile);
/** Each of these characters means something in a URL, and nothing in the name of a folder. */
const folder = mkdtempSync(join(tmpdir(), 'mcp2 package #1 %20 50% ?-'));
let mcp2: InstalledPackage;

beforeAll(async () => {
  mcp2 = await installPackage(folder);
  symlinkSync(join(ROOT, 'node_modules/zod'), join(folder, 'node_modules/zod'));
  writeFileSync(join(folder, 'package.json'), '{"type": "module"}');
});
afterAll(() => rmSync(folder, { recursive: true }));

test('the installed command says its version', async () => {
  const ended = await runMcp2(['--version'], { state: folder, launcher: mcp2.launcher });
  expect(ended).toEqual({ code: 0, stdout: `${mcp2.manifest.version}\n`, stderr: '' });
});

test('the package holds JavaScript and declarations, no source, no tests and no workplace', () => {
  const names = readdirSync(mcp2.folder, { recursive: true }).map(String);
  expect(names.filter((name) => /(?<!\.d)\.ts$|\.test\.|^test\b|^node_modules/.test(name))).toEqual([]);
  expect(names).toEqual(
    expect.arrayContaining([
      'cli/main.js',
      'cli/main.d.ts',
      'protos/mcp2/discovery.proto',
      'services/lib/store/embedded/worker.js',
      'LICENSE',
    ]),
  );
  expect(mcp2.manifest).not.toHaveProperty('scripts');
  expect(mcp2.manifest).not.toHaveProperty('devDependencies');
});

/** A program of somebody who installed the package: every kind of name that it exports. */
const CALLER = `import { CallError, connect, type Endpoint, type Middleware, tokenFile } from 'mcp2/client';

const count: Middleware = (next, { name }) => async (request, call) => {
  const answer = await next(request, call);
  console.log(name, call.attempts.map(({ outcome }) => outcome));
  return answer;
};

export async function stock(): Promise<string> {
  using mcp2 = await connect({ token: tokenFile('/var/run/mcp2/token'), middleware: [count] });
  const { ContextTool } = mcp2.services;
  const [first]: readonly Endpoint[] = await mcp2.endpoints({ capability: ['db:a:read', 'context:read:a'] });
  try {
    const answer = await mcp2.call(ContextTool, 'RequestContext', { context_key: 'a' }, { endpoints: first ? [first] : [] });
    // @ts-expect-error a field that the message does not have
    answer.nothing;
    // @ts-expect-error a method that the service does not have
    await mcp2.call(ContextTool, 'Nothing', {}, { capability: 'db:a:read' });
    return answer.serialized_value.toString();
  } catch (error) {
    if (error instanceof CallError && error.reason === 'NO_ENDPOINT') return error.tried.join();
    throw error;
  }
}
`;

/** Every program that a page shows. */
const SHOWN = ['README.md', 'docs/own-server.md', 'docs/clients.md'].flatMap((page) =>
  readBlocks(readFileSync(join(ROOT, page), 'utf8'))
    .filter(({ language }) => language === 'ts')
    .map(({ text }, index): [string, string] => [`${page.replaceAll(/\W/g, '-')}-${index}.mts`, text]),
);

/** Uses an argument that the schema does not have. */
const WRONG = (SHOWN[0]?.[1] ?? '').replace('({ pet, grams })', '({ pet, nothing: grams })');

test.each([
  ['nodenext', 'nodenext'],
  ['esnext', 'bundler'],
])(
  'programs are type-checked against the installed client and server: module %s, resolution %s',
  async (module, moduleResolution) => {
    const project = mkdtempSync(join(folder, 'typed-'));
    writeFileSync(join(project, 'package.json'), '{"type": "module"}');
    const compilerOptions = {
      ...{ module, moduleResolution, target: 'es2024', lib: ['es2024', 'esnext.disposable'], types: ['node'] },
      // The declarations are checked too.
      ...{ strict: true, exactOptionalPropertyTypes: true, skipLibCheck: false, noEmit: true },
      typeRoots: [join(ROOT, 'node_modules/@types')],
    };
    const check = async (programs: Readonly<Record<string, string>>): Promise<string> => {
      for (const [file, text] of Object.entries(programs)) writeFileSync(join(project, file), text);
      const files = Object.keys(programs);
      writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }));
      const compiler = join(ROOT, 'node_modules/typescript/bin/tsc');
      const checked = await run(process.execPath, [compiler, '-p', project]).catch(
        ({ stdout }: { readonly stdout: string }) => ({ stdout }),
      );
      return checked.stdout;
    };
    expect(SHOWN.length).toBeGreaterThan(4);
    expect(await check({ 'caller.ts': CALLER, ...Object.fromEntries(SHOWN) })).toBe('');
    expect(await check({ 'wrong.mts': WRONG })).toMatch(/'nothing' does not exist/);
  },
);

test('the example runs unchanged beside the installed package', async () => {
  await using up = await createStandalone({ launcher: mcp2.launcher });
  up.writeInventory();
  await up.start();
  const mint = ['token', 'mint', '--aud', 'InventoryDB_Primary', '--capability', 'db:inventory:read'];
  const token = (await up.run(mint, { launcher: mcp2.launcher })).stdout.trim();
  copyFileSync(join(ROOT, 'examples/first-call.ts'), join(folder, 'first-call.ts'));
  const env = { PATH: process.env.PATH, HOME: folder, MCP2_STATE: up.state, MCP2_TOKEN: token };
  const { stdout } = await run(process.execPath, [join(folder, 'first-call.ts')], { env });
  expect(stdout).toBe('InventoryDB_Primary has 30 in NY\n');
});

test('the package exports client and server, and no file behind it', async () => {
  const outcome = (specifier: string) =>
    run(process.execPath, ['--input-type=module', '--eval', `await import('${specifier}')`], { cwd: folder }).then(
      () => 'imported',
      ({ stderr }: { readonly stderr: string }) => /ERR_\w+/.exec(stderr)?.[0],
    );
  expect(await outcome('mcp2/client')).toBe('imported');
  expect(await outcome('mcp2/server')).toBe('imported');
  expect(await outcome('mcp2/sdk/client/connect.js')).toBe('ERR_PACKAGE_PATH_NOT_EXPORTED');
  expect(await outcome('mcp2')).toBe('ERR_PACKAGE_PATH_NOT_EXPORTED');
});

test('the installed package runs everything: up, a lookup, an end in order', async () => {
  const state = join(folder, 'state');
  await using up = await createStandalone({ launcher: mcp2.launcher, args: ['--state', state] });
  up.writeInventory();
  await up.start();
  const { code, stdout } = await up.run(['lookup', 'db:inventory:read'], { launcher: mcp2.launcher, state });
  expect(code).toBe(0);
  expect(stdout).toContain('InventoryDB_Primary');
  expect(await up.interrupt()).toEqual({ code: 0, signal: null });
});

/** What lies in this checkout but its packages: those of the installed package stand in for them. */
function copyCheckout(): string {
  const checkout = join(folder, 'checkout');
  const left = /^(?:node_modules|\.git|dist|coverage|test-logs)$/;
  for (const name of readdirSync(ROOT).filter((entry) => !left.test(entry))) {
    cpSync(join(ROOT, name), join(checkout, name), { recursive: true });
  }
  return checkout;
}

test('a checkout in a folder with such a name starts: the command, the image, and a whole mcp2 up', async () => {
  const checkout = copyCheckout();
  const launcher = join(checkout, 'cli/mcp2.mjs');
  for (const entry of [launcher, join(checkout, 'image/entry.mjs')]) {
    const { stdout } = await run(process.execPath, [entry, '--version']);
    expect(stdout).toBe(`${mcp2.manifest.version}\n`);
  }
  await using up = await createStandalone({ launcher });
  up.writeInventory();
  await up.start();
  expect((await up.run(['lookup', 'db:inventory:read'], { launcher })).stdout).toContain('InventoryDB_Primary');
  expect(await up.interrupt()).toEqual({ code: 0, signal: null });
});

function asOlderNode(launcher: string, ...args: readonly string[]) {
  const child = run(process.execPath, [...AS_OLDER_NODE, launcher, ...args]);
  return child.then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    ({ code, stdout, stderr }) => ({ code, stdout, stderr }),
  );
}

test('under an older Node the one that came with the packages takes over, arguments and exit codes included', async () => {
  const hasPackagedNode = existsSync(join(ROOT, `node_modules/node-${process.platform}-${process.arch}`));
  for (const launcher of [LAUNCHER, mcp2.launcher]) {
    const version = await asOlderNode(launcher, '--version');
    if (hasPackagedNode) expect(version).toEqual({ code: 0, stdout: `${mcp2.manifest.version}\n`, stderr: '' });
    else expect(version.stderr).toContain('needs Node 24');
  }
  if (hasPackagedNode) expect((await asOlderNode(mcp2.launcher, 'get', 'pods')).code).toBe(2);
});

test('a signal to the launcher of an older Node alone ends the whole command in order', async () => {
  await using up = await createStandalone({ nodeArgs: AS_OLDER_NODE });
  up.writeInventory();
  await up.start();
  expect(await up.interrupt()).toEqual({ code: 0, signal: null });
  expect(await up.output()).toContain('Stopped.');
});

test('where no Node came with the packages, the sentence says which version is needed', async () => {
  const alone = mkdtempSync(join(tmpdir(), 'mcp2-alone-'));
  await run('cp', [LAUNCHER, alone]);
  const { code, stderr } = await asOlderNode(join(alone, 'mcp2.mjs'), '--version');
  rmSync(alone, { recursive: true });
  expect(code).toBe(1);
  expect(stderr).toMatch(/needs Node 24 or newer; this is Node 20\.11\.0/);
});
