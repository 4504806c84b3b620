/** The Python server of examples/python, as docs/own-server.md tells to run it: it becomes ready, and it lets in nobody. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createClient } from '#lib/grpc/client.ts';
import { plaintextClient } from '#lib/grpc/credentials.ts';
import { loadServices } from '#protos/load.ts';
import { runCommand } from '../cluster/run-command.ts';
import { eventually } from '../harness/eventually.ts';
import { createStandalone, type Standalone } from '../harness/mcp2-command.ts';
import { freePorts } from '../harness/ports.ts';
import { createWorkspace, ManagedProcess, type Workspace } from '../harness/processes.ts';
import { ensurePython } from '../harness/python.ts';

const ROOT = join(import.meta.dirname, '../..');
const started: ManagedProcess[] = [];
let up: Standalone;
let workspace: Workspace;
let python: string;
let stubs: string;
let ports: readonly number[];

beforeAll(async () => {
  workspace = createWorkspace('python-server');
  python = (await ensurePython()).command;
  stubs = join(workspace.folder, 'stubs');
  mkdirSync(stubs);
  const protos = readdirSync(join(ROOT, 'protos/mcp2')).map((name) => `mcp2/${name}`);
  const output = [`--python_out=${stubs}`, `--grpc_python_out=${stubs}`];
  await runCommand(python, ['-m', 'grpc_tools.protoc', `-I${join(ROOT, 'protos')}`, ...output, ...protos]);
  ports = await freePorts(2);
  up = await createStandalone();
  await up.start();
}, 300_000);
afterAll(async () => {
  for (const server of started) await server.kill();
  await up[Symbol.asyncDispose]();
});

async function startServer(name: string, port: number, ...args: readonly string[]): Promise<void> {
  const server: ManagedProcess = new ManagedProcess(
    {
      name: `python-${name}`,
      command: python,
      args: [join(ROOT, 'examples/python/server.py'), name, String(port), ...args],
      env: { PATH: process.env.PATH, PYTHONPATH: stubs, MCP2_STATE: up.state, REGISTRY: `127.0.0.1:${up.port}` },
      ready: async () => /listens on port/.test(await server.log()),
    },
    workspace,
  );
  started.push(server);
  await server.start();
}

async function mint(aud: string, ...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await up.run(['token', 'mint', '--aud', aud, ...args]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout.trim();
}

const found = async (...args: readonly string[]) => (await up.run(['lookup', 'db:pets:read', ...args])).stdout;

/** The block of the page that holds the resource, at the port of this test. */
function resourceOfThePage(port: number): string {
  const page = readFileSync(join(ROOT, 'docs/own-server.md'), 'utf8');
  return (/```yaml\n([\s\S]*?)```/.exec(page)?.[1] ?? '').replace('50071', String(port));
}

test('the resource of the page makes it ready, and each of its checks holds', async () => {
  const [port = 0] = ports;
  await startServer('PetShop', port);
  writeFileSync(join(up.files, 'pets.yaml'), resourceOfThePage(port));
  await eventually(
    () => found(),
    (output) => output.includes('PetShop'),
  );

  const { ContextTool } = loadServices();
  const server = createClient(ContextTool, `127.0.0.1:${port}`, { credentials: plaintextClient() });
  const ask = async (capability_token: string, agent_delegation_proof = '') => {
    const call = { context_key: 'pets:rex', capability_token, agent_delegation_proof };
    return server.call('RequestContext', call).then(
      ({ serialized_value }) => serialized_value.toString(),
      ({ code }: { readonly code: status }) => status[code],
    );
  };
  const right = ['--capability', 'db:pets:read'];
  const grant = (resource: string) => [
    '--grant',
    JSON.stringify({ method: 'ContextTool.RequestContext', resource: [resource] }),
  ];
  const token = await mint('PetShop', ...right);
  expect(await ask(token)).toBe('"a good dog"');
  expect(await ask('')).toBe('UNAUTHENTICATED');
  expect(await ask(`${token.slice(0, -8)}AAAAAAAA`)).toBe('UNAUTHENTICATED');
  expect(await ask(token, 'a proof')).toBe('UNAUTHENTICATED');
  expect(await ask(await mint('OtherShop', ...right))).toBe('UNAUTHENTICATED');
  expect(await ask(await mint('PetShop', '--capability', 'tool:feed'))).toBe('PERMISSION_DENIED');
  expect(await ask(await mint('PetShop', ...right, ...grant('pets:tom')))).toBe('PERMISSION_DENIED');
  expect(await ask(await mint('PetShop', ...right, ...grant('pets:rex')))).toBe('"a good dog"');
  server.close();
});

test('with a token for the registry it registers itself, beats, and is found by its name', async () => {
  const [, port = 0] = ports;
  const tokenFile = join(workspace.folder, 'token');
  const rights = 'registry:register:PetHome,registry:provide:db:pets:read';
  writeFileSync(tokenFile, await mint('RegistryServer', '--sub', 'default.pets', '--capability', rights), {
    mode: 0o600,
  });
  await startServer('PetHome', port, tokenFile);
  const output = await eventually(
    () => found('--audience', 'PetHome'),
    (text) => text.includes('PetHome'),
  );
  expect(output).toMatch(new RegExp(`PetHome +127\\.0\\.0\\.1:${port} .* SERVING`));
});
