/** The operator's process when its settings are wrong: it ends with sentences, and they show nothing secret. */
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { writeKubeconfig } from '../harness/kubeconfig.ts';
import { createWorkspace } from '../harness/processes.ts';

const MAIN = join(import.meta.dirname, '../../operator/main.ts');

async function endOf(env: Readonly<Record<string, string>>): Promise<{ code: number; stderr: string }> {
  const options = { env, timeout: 20_000 };
  const ended = await promisify(execFile)(process.execPath, [MAIN], options).catch((error: unknown) => error);
  return ended as { code: number; stderr: string };
}

async function settings(): Promise<Record<string, string>> {
  const { folder } = createWorkspace('operator-process');
  const access = { url: 'https://127.0.0.1:1', authority: '', credentials: { token: 'unused' } };
  return {
    MCP2_ISSUER: 'mcp2:test',
    MCP2_ETCD_ENDPOINTS: 'http://127.0.0.1:1',
    MCP2_OPS_LISTEN: '127.0.0.1:0',
    MCP2_SIGNING_KEY_FILE: join(folder, 'key.jwk'),
    MCP2_OPERATOR_KUBECONFIG: await writeKubeconfig(join(folder, 'kubeconfig'), access),
  };
}

test('every missing setting is named at once', async () => {
  const { code, stderr } = await endOf({});
  expect(code).toBe(1);
  expect(stderr).toMatch(/^mcp2 operator: the configuration has 3 problems:\n/);
  for (const name of ['MCP2_ISSUER', 'MCP2_ETCD_ENDPOINTS', 'MCP2_SIGNING_KEY_FILE']) expect(stderr).toContain(name);
});

test('a kubeconfig that is none ends it with a sentence that shows nothing of it', async () => {
  const env = await settings();
  writeFileSync(env.MCP2_OPERATOR_KUBECONFIG ?? '', 'users: [{name: private-token');
  writeFileSync(env.MCP2_SIGNING_KEY_FILE ?? '', '{}');
  const { code, stderr } = await endOf(env);
  expect(code).toBe(1);
  expect(stderr).toBe(`mcp2 operator: ${env.MCP2_OPERATOR_KUBECONFIG} is no kubeconfig file\n`);
});

test('in a pod whose ServiceAccount is not mounted it says which setting mounts it', async () => {
  const { MCP2_OPERATOR_KUBECONFIG: _none, ...env } = await settings();
  writeFileSync(env.MCP2_SIGNING_KEY_FILE ?? '', '{}');
  const inPod = { KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: '1' };
  const { code, stderr } = await endOf({ ...env, ...inPod });
  expect(code).toBe(1);
  expect(stderr).toContain('automountServiceAccountToken');
  expect(stderr.trim().split('\n')).toHaveLength(1);
});

test.each([
  ['no JSON', 'private-key-text', 'it is no JSON'],
  ['no private key', '{"kid":"a","alg":"EdDSA","x":"private-key-text"}', 'not a private JWK'],
])('a signing key that is %s is refused without being shown', async (_title, content, sentence) => {
  const env = await settings();
  writeFileSync(env.MCP2_SIGNING_KEY_FILE ?? '', content);
  const { code, stderr } = await endOf(env);
  expect(code).toBe(1);
  expect(stderr).toContain('MCP2_SIGNING_KEY_FILE cannot be used');
  expect(stderr).toContain(sentence);
  expect(stderr).not.toContain('private-key');
  expect(stderr).not.toContain('    at ');
});
