/**
 * The server of README and those of docs/own-server.md, as their reader makes them: in an empty folder with the installed
 * package, from the text of the pages.
 */
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { generateSigningKey } from '#lib/token/signing-key.ts';
import { runCommand } from '../cluster/run-command.ts';
import { eventually } from '../harness/eventually.ts';
import { type InstalledPackage, installPackage } from '../harness/installed-package.ts';
import { createStandalone } from '../harness/mcp2-command.ts';
import { type Example, examplesOf, filesOf, readBlocks, sectionOf, wordsOf } from '../harness/page.ts';
import { freePorts } from '../harness/ports.ts';
import { createWorkspace, ManagedProcess, type Workspace } from '../harness/processes.ts';
import { createTokens, ISSUER, startRegistry, startStore } from '../harness/registry-fixture.ts';

const ROOT = join(import.meta.dirname, '../..');
const README = sectionOf(readFileSync(join(ROOT, 'README.md'), 'utf8'), 'A server of your own');
const PAGE = readFileSync(join(ROOT, 'docs/own-server.md'), 'utf8');
/** The pages' own; another test may hold it. */
const PORT = '50071';

let workspace: Workspace;
let mcp2: InstalledPackage;
const started: ManagedProcess[] = [];

beforeAll(async () => {
  workspace = createWorkspace('own-server');
  mcp2 = await installPackage(workspace.folder);
});
afterAll(async () => {
  for (const server of started.toReversed()) await server.kill();
});

/** A folder of a reader's, with the package and perhaps zod. */
function emptyFolder(name: string, packages: readonly string[]): string {
  const folder = join(workspace.folder, name);
  const modules = join(folder, 'node_modules');
  mkdirSync(join(modules, '.bin'), { recursive: true });
  symlinkSync(mcp2.folder, join(modules, 'mcp2'));
  symlinkSync(mcp2.launcher, join(modules, '.bin/mcp2'));
  for (const other of packages) symlinkSync(join(ROOT, 'node_modules', other), join(modules, other));
  return folder;
}

function save(folder: string, files: ReadonlyMap<string, string>): void {
  for (const [name, text] of files) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
}

/** One that goes on until the test ends. */
async function start(line: string, { cwd, env, ready }: Started): Promise<ManagedProcess> {
  const serving = async () => ready.test(readFileSync(server.logFile, 'utf8'));
  const options = { name: `started-${started.length}`, command: 'sh', args: ['-c', line], cwd, env, ready: serving };
  const server = new ManagedProcess(options, workspace);
  started.push(server);
  await server.start();
  return server;
}

interface Started {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly ready: RegExp;
}

function withZod(program: string): string {
  const [short = ''] = readBlocks(README).flatMap(({ text }) => (text.startsWith('import { z }') ? [text.trim()] : []));
  expect(program).toMatch(/^const input = .*;$/m);
  return program.replace(/^const input = .*;$/m, short);
}

test.each([
  ['without zod', [], (program: string) => program],
  ['with zod', ['zod'], withZod],
])(
  'the server of README %s becomes Ready and answers as it is shown there',
  async (title, packages, change) => {
    const folder = emptyFolder(title.replace(' ', '-'), packages);
    const [port = 0] = await freePorts(1);
    const files = [...filesOf(README)].map(([name, text]) => [name, text.replace(PORT, String(port))] as const);
    save(folder, new Map(files.map(([name, text]) => [name, name.endsWith('.mts') ? change(text) : text])));
    const env = { PATH: process.env.PATH, HOME: folder };
    const examples = examplesOf(README);
    expect(examples.map(({ command }) => command)).toEqual([
      expect.stringMatching(/^npm install .*tgz$/),
      'npx mcp2 up --files servers',
      'npm exec -- node petshop.mts',
      expect.stringMatching(/^npx mcp2 context /),
      expect.stringMatching(/^npx mcp2 call /),
    ]);
    const [, up, server, ...calls] = examples;
    await start(`${up?.command} --port 0`, { cwd: folder, env, ready: /Ctrl-C ends/ });
    await start(server?.command ?? '', { cwd: folder, env, ready: /the server serves/ });
    const servers = () => runCommand('npx', ['mcp2', 'get', 'servers'], { cwd: folder, env });
    await eventually(servers, (table) => /pets +True +Serving +PetShop +1\/1/.test(table), { timeoutMs: 60_000 });
    for (const { command, shown = '' } of calls) {
      const output = await runCommand('sh', ['-c', `${command} 2>&1`], { cwd: folder, env });
      expect(wordsOf(output)).toBe(wordsOf(shown));
    }
  },
  180_000,
);

test('the server of docs/own-server.md converts, fails and warns as its text says', async () => {
  const folder = emptyFolder('page', ['zod']);
  save(folder, new Map([['petshop.mts', (filesOf(PAGE).get('petshop.mts') ?? '').replace(PORT, '0')]]));
  await using up = await createStandalone({ launcher: mcp2.launcher });
  await up.start();
  const env = { PATH: process.env.PATH, HOME: folder, MCP2_STATE: up.state };
  const server = await start('node petshop.mts', { cwd: folder, env, ready: /PetShop listens on port \d+/ });
  const [, port] = /listens on port (\d+)/.exec(await server.log()) ?? [];
  const pets = filesOf(README).get('servers/pets.yaml') ?? '';
  writeFileSync(join(up.files, 'pets.yaml'), pets.replace(PORT, String(port)));
  await eventually(
    async () => (await up.run(['get', 'servers'])).stdout,
    (table) => /True +Serving/.test(table),
    {
      timeoutMs: 60_000,
    },
  );
  const call = async (...args: readonly string[]) => {
    const { stdout, stderr } = await up.run([...args, '-o', 'json'], { launcher: mcp2.launcher });
    return `${stdout}${stderr}`;
  };
  expect(await call('context', 'pets:tom:weight', '--param', 'unit=kg')).toContain('"kg": 4.2');
  expect(await call('context', 'pets:tom:weight', '--param', 'unit=oz')).toContain('ARGUMENT_INVALID');
  expect(await call('context', 'pets:rex:weight')).toContain('CONTEXT_UNKNOWN');
  expect(await call('call', 'feed', '--arg', 'pet=rex', '--arg', 'grams=5')).toContain('PET_UNKNOWN');
  expect(await call('call', 'feed', '--arg', 'pet=tom', '--arg', 'grams=2000')).toMatch(/"weight": 6200[\s\S]*a lot/);
}, 180_000);

test('a server that registers itself stays known over renewals of its token, for as long as that is renewed', async () => {
  const folder = emptyFolder('registered', []);
  save(folder, new Map([['registered.mts', filesOf(PAGE).get('registered.mts') ?? '']]));
  const { privateJwk, publicJwks } = await generateSigningKey('EdDSA');
  const [key, jwksFile] = [join(folder, 'key.jwk'), join(folder, 'jwks.json')];
  writeFileSync(key, JSON.stringify(privateJwk));
  writeFileSync(jwksFile, JSON.stringify(publicJwks));
  const tokens = { ...(await createTokens()), jwksFile };
  await using store = await startStore('embedded');
  const leases = { MCP2_REGISTRY_DEFAULT_TTL_SECONDS: '10' };
  await using registry = await startRegistry({ store: store.store, tokens, env: leases });
  const env = {
    ...{ PATH: process.env.PATH, HOME: folder, MCP2_REGISTRY_ADDRESS: registry.target },
    ...{ MCP2_ISSUER: ISSUER, MCP2_JWKS_FILE: jwksFile, MCP2_SIGNING_KEY_FILE: key },
  };
  const [mint = ''] = examplesOf(PAGE).map(({ command }: Example) => command);
  expect(mint).toMatch(/^npx mcp2 token mint .*--out pets\.jwt --keep /);
  await start(`${mint} --ttl 4s`, { cwd: folder, env, ready: /pets\.jwt holds a token/ });
  await start('node registered.mts', { cwd: folder, env, ready: /^registered$/m });
  const sinceMs = performance.now();
  const lookUp = ['token', 'mint', '--aud', 'PetShop', '--capability', 'db:pets:read'];
  const requester_token = await runCommand('npx', ['mcp2', ...lookUp], { cwd: folder, env });
  const found = async () => {
    const { endpoints } = await registry.client.call('Lookup', {
      requester_token,
      capability_filter: ['db:pets:read'],
    });
    return { names: endpoints.map(({ server_name }) => server_name), ms: performance.now() - sinceMs };
  };
  // Longer than the lease of 10 s and than three lives of a token.
  const last = await eventually(found, ({ names, ms }) => names.length === 0 || ms > 13_000, { timeoutMs: 30_000 });
  expect(last.names).toEqual(['PetShop']);
}, 120_000);
