/** The setup job as a process: its argument, its log and its exit code. */
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { KubeClient } from '../harness/kube-client.ts';
import type { KubeEndpoint } from '../harness/kube-endpoint.ts';
import { createNamespace } from '../harness/kube-setup.ts';
import { kubeconfigText } from '../harness/kubeconfig.ts';
import { freePort } from '../harness/ports.ts';
import { createWorkspace } from '../harness/processes.ts';
import { sharedKubeApiserver } from '../harness/shared-kube-apiserver.ts';

const MAIN = join(import.meta.dirname, '../../operator/setup/main.ts');

let endpoint: KubeEndpoint;
let client: KubeClient;

beforeAll(async () => {
  endpoint = await sharedKubeApiserver();
  client = new KubeClient(endpoint.admin);
});

afterAll(() => client?.[Symbol.asyncDispose]());

test('a task that succeeds ends with 0, its log is JSON lines, and nothing goes to stdout', async () => {
  const namespace = await createNamespace(client, 'setup');
  const { code, stdout, lines } = await run(['prepare'], await environment(namespace));
  expect(code).toBe(0);
  expect(stdout).toBe('');
  const said = lines.map((line) => JSON.parse(line));
  expect(said.at(0)).toMatchObject({
    level: 'info',
    service: 'setup',
    task: 'prepare',
    namespace,
    msg: 'setup begins',
  });
  expect(said.at(-1)).toMatchObject({ level: 'info', task: 'prepare', msg: 'setup is done' });
  expect(
    await client.find({ apiVersion: 'v1', kind: 'Secret', metadata: { namespace, name: 'mcp2-ca' } }),
  ).toBeDefined();
});

test('a task that fails ends with 1 and the reason in its last line', async () => {
  const namespace = await createNamespace(client, 'setup');
  const kubeconfig = await endpoint.kubeconfigFor({ user: 'nobody' });
  const { code, lines } = await run(['rotate'], {
    ...(await environment(namespace)),
    MCP2_SETUP_KUBECONFIG: kubeconfig,
  });
  expect(code).toBe(1);
  const last = JSON.parse(lines.at(-1) ?? '');
  expect(last).toMatchObject({ level: 'error', msg: 'setup failed' });
  expect(last.problem).toContain('allow it "get" on secrets "mcp2-ca"');
});

test('an API server that cannot be reached is named, with what most often keeps a job from it', async () => {
  const { folder } = createWorkspace('setup-away');
  const kubeconfig = join(folder, 'kubeconfig');
  const url = `https://127.0.0.1:${await freePort()}`;
  writeFileSync(kubeconfig, kubeconfigText({ ...endpoint.admin, url }), { mode: 0o600 });
  const { code, lines } = await run(['prepare'], {
    ...(await environment('default')),
    MCP2_SETUP_KUBECONFIG: kubeconfig,
  });
  expect(code).toBe(1);
  const { problem } = JSON.parse(lines.at(-1) ?? '');
  expect(problem).toContain(url);
  expect(problem).toContain('networkPolicy.apiServer');
});

test('outside a cluster it asks for a kubeconfig', async () => {
  const env = { POD_NAMESPACE: 'default', MCP2_SETUP_NAME: 'mcp2' };
  const { code, stderr } = await run(['prepare'], env);
  expect(code).toBe(1);
  expect(stderr).toContain('MCP2_SETUP_KUBECONFIG is required outside a cluster');
});

test('without a task, name and namespace the process says all three', async () => {
  const { code, stderr } = await run([], {});
  expect(code).toBe(1);
  expect(stderr).toContain('the first argument must be prepare, store, rotate, uninstall');
  expect(stderr).toContain('MCP2_SETUP_NAME is required');
  expect(stderr).toContain('POD_NAMESPACE is required');
});

async function environment(namespace: string): Promise<Record<string, string>> {
  return { POD_NAMESPACE: namespace, MCP2_SETUP_NAME: 'mcp2', MCP2_SETUP_KUBECONFIG: endpoint.adminKubeconfig };
}

async function run(args: readonly string[], env: Readonly<Record<string, string>>) {
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = Promise.withResolvers<number | null>();
  child.once('close', ended.resolve);
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), ended.promise]);
  return { code, stdout, stderr, lines: stderr.trim().split('\n') };
}
