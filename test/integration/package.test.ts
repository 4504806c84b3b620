import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { AS_OLDER_NODE, createStandalone, LAUNCHER, runMcp2 } from '../harness/mcp2-command.ts';

const ROOT = join(import.meta.dirname, '../..');
const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), 'mcp2-package-'));
const modules = join(folder, 'node_modules');
/** What npm links into node_modules/.bin. */
const installed = join(modules, '.bin', 'mcp2');
let manifest: { version: string; dependencies: object; optionalDependencies: object };

beforeAll(async () => {
  const { stdout } = await run(process.execPath, [join(ROOT, 'cli/pack/main.ts'), folder], { cwd: ROOT });
  const tarball = stdout.trim();
  mkdirSync(join(modules, '.bin'), { recursive: true });
  await run('tar', ['-xzf', tarball, '-C', modules]);
  // The tarball's root folder is called "package"; npm renames it too.
  await run('mv', [join(modules, 'package'), join(modules, 'mcp2')]);
  manifest = JSON.parse(readFileSync(join(modules, 'mcp2/package.json'), 'utf8'));
  // Exactly what the package asks for, from the checkout: nothing has to be downloaded, and what is not asked for is missing.
  for (const name of Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies })) {
    const source = join(ROOT, 'node_modules', name);
    mkdirSync(dirname(join(modules, name)), { recursive: true });
    if (existsSync(source)) symlinkSync(source, join(modules, name));
  }
  symlinkSync('../mcp2/cli/mcp2.mjs', installed);
});
afterAll(() => rmSync(folder, { recursive: true }));

test('the installed command says its version', async () => {
  const ended = await runMcp2(['--version'], { state: folder, launcher: installed });
  expect(ended).toEqual({ code: 0, stdout: `${manifest.version}\n`, stderr: '' });
});

test('the package holds JavaScript and declarations, no source, no tests and no workplace', () => {
  const names = readdirSync(join(modules, 'mcp2'), { recursive: true }).map(String);
  expect(names.filter((name) => /(?<!\.d)\.ts$|\.test\.|^test\b|^node_modules/.test(name))).toEqual([]);
  expect(names).toEqual(
    expect.arrayContaining(['cli/main.js', 'cli/main.d.ts', 'protos/mcp2/discovery.proto', 'LICENSE']),
  );
  expect(manifest).not.toHaveProperty('scripts');
  expect(manifest).not.toHaveProperty('devDependencies');
});

test('the installed package runs everything: up, a lookup, an end in order', async () => {
  await using up = await createStandalone({ launcher: installed });
  up.writeServer('inventory.yaml', { name: 'inventory-db', serverName: 'InventoryDB_Primary' });
  await up.start();
  const { code, stdout } = await up.run(['lookup', 'db:inventory:read'], { launcher: installed });
  expect(code).toBe(0);
  expect(stdout).toContain('InventoryDB_Primary');
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
  for (const launcher of [LAUNCHER, installed]) {
    const version = await asOlderNode(launcher, '--version');
    if (hasPackagedNode) expect(version).toEqual({ code: 0, stdout: `${manifest.version}\n`, stderr: '' });
    else expect(version.stderr).toContain('needs Node 24');
  }
  if (hasPackagedNode) expect((await asOlderNode(installed, 'get', 'pods')).code).toBe(2);
});

test('a signal to the launcher of an older Node alone ends the whole command in order', async () => {
  await using up = await createStandalone({ nodeArgs: AS_OLDER_NODE });
  up.writeServer('inventory.yaml', { name: 'inventory-db', serverName: 'InventoryDB_Primary' });
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
