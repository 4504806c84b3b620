/** MCP2_TEST_KUBECONFIG, with a cluster of ours in the place of somebody's. */
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type Cluster, startCluster } from '../cluster/cluster.ts';
import { KubeClient } from '../harness/kube-client.ts';
import { applyCrds } from '../harness/kube-setup.ts';

let somebodys: Cluster;

beforeAll(async () => {
  somebodys = await startCluster();
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await somebodys?.[Symbol.asyncDispose]();
});

test('what will be created is said before, and removed at the end', async () => {
  vi.stubEnv('MCP2_TEST_KUBECONFIG', somebodys.kubeconfig);
  const before = await somebodys.kubectl('get', 'namespaces', '-o', 'name');
  const said: string[] = [];
  const cluster = await startCluster({ say: (line) => void said.push(line) });
  const namespace = await cluster.createNamespace('shop');
  await cluster.kubectl('create', 'namespace', 'mcp2-system');
  await using kube = new KubeClient(cluster.admin);
  await applyCrds(kube);
  expect(cluster.can).toEqual({ killNodes: false, stopComponents: false, loadImages: false });
  expect(said.join('\n')).toContain(namespace.replace(/shop$/, '*'));
  expect(said.join('\n')).toContain(somebodys.kubeconfig);
  await cluster[Symbol.asyncDispose]();
  expect(await somebodys.kubectl('get', 'namespaces', '-o', 'name')).toBe(before);
  expect(await somebodys.kubectl('get', 'crds', '-o', 'name')).toBe('');
});

test('a cluster with mcp2 on it is refused, and left alone', async () => {
  vi.stubEnv('MCP2_TEST_KUBECONFIG', somebodys.kubeconfig);
  await using kube = new KubeClient(somebodys.admin);
  await applyCrds(kube);
  await expect(startCluster({ say: () => {} })).rejects.toThrow('has mcp2 on it already');
  expect(await somebodys.kubectl('get', 'crds', '-o', 'name')).toContain('mcp2servers.mcp2.dev');
});

test('KUBECONFIG alone changes nothing', async () => {
  vi.stubEnv('MCP2_TEST_KUBECONFIG', '');
  vi.stubEnv('KUBECONFIG', '/no/such/file');
  expect(await somebodys.kubectl('get', 'nodes', '-o', 'name')).toBe('node/node-1');
  expect(JSON.parse(await somebodys.helm('list', '--output', 'json'))).toEqual([]);
});
