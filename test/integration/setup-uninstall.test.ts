/** `setup uninstall` on a real API server, with exactly the rights that the chart gives it. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../harness/eventually.ts';
import { type KubeApiserver, startKubeApiserver } from '../harness/kube-apiserver.ts';
import { KubeClient } from '../harness/kube-client.ts';
import { applyCrds, createNamespace } from '../harness/kube-setup.ts';
import { UNINSTALL_RULE } from '../harness/setup-access.ts';
import { createSetupRelease, type LogLine, type SetupRelease } from '../harness/setup-release.ts';

const OURS = 'mcp2.dev/deregister';
const THEIRS = 'example.org/theirs';
const LABELS = { app: 'mcp2-operator' };

let apiserver: KubeApiserver;
let client: KubeClient;

beforeAll(async () => {
  apiserver = await startKubeApiserver();
  client = new KubeClient(apiserver.admin);
  await applyCrds(client);
});

afterAll(async () => {
  await client?.[Symbol.asyncDispose]();
  await apiserver?.[Symbol.asyncDispose]();
});

test('our finalizer goes from every resource, other finalizers and the resources stay', async () => {
  const release = await createSetupRelease(apiserver, client);
  const elsewhere = await createNamespace(client);
  const [held, shared, free] = [
    await createServer(elsewhere, 'held', [OURS]),
    await createServer(release.namespace, 'shared', [THEIRS, OURS]),
    await createServer(elsewhere, 'free', []),
  ];
  expect((await release.run('uninstall')).problem).toBe('');
  expect((await client.get(held)).metadata.finalizers ?? []).toEqual([]);
  expect((await client.get(shared)).metadata.finalizers).toEqual([THEIRS]);
  expect((await client.get(free)).metadata.finalizers ?? []).toEqual([]);
});

test('an operator of some namespaces leaves the finalizers of others where they are, and needs no right there', async () => {
  const release = await createSetupRelease(apiserver, client);
  const [shop, elsewhere] = [await createNamespace(client), await createNamespace(client)];
  const [held, foreign] = [await createServer(shop, 'held', [OURS]), await createServer(elsewhere, 'foreign', [OURS])];
  const rbac = 'rbac.authorization.k8s.io';
  const name = `mcp2-uninstall:${release.namespace}`;
  await client.patch({ apiVersion: `${rbac}/v1`, kind: 'ClusterRole', metadata: { name } }, { rules: [] });
  const roleRef = { apiGroup: rbac, kind: 'Role', name: 'uninstall' };
  const metadata = { name: 'uninstall', namespace: shop };
  const subjects = [{ kind: 'ServiceAccount', name: 'mcp2-uninstall', namespace: release.namespace }];
  const objects = [
    { apiVersion: `${rbac}/v1`, kind: 'Role', metadata, rules: [UNINSTALL_RULE] },
    { apiVersion: `${rbac}/v1`, kind: 'RoleBinding', metadata, roleRef, subjects },
  ];
  for (const object of objects) await client.apply(object);
  const env = { MCP2_SETUP_OPERATOR_NAMESPACES: shop };
  expect((await release.run('uninstall', { env })).problem).toBe('');
  expect((await client.get(held)).metadata.finalizers ?? []).toEqual([]);
  expect((await client.get(foreign)).metadata.finalizers).toEqual([OURS]);
});

test('a resource whose deletion waited for us is gone afterwards', async () => {
  const release = await createSetupRelease(apiserver, client);
  const resource = await createServer(release.namespace, 'leaving', [OURS]);
  await client.delete(resource);
  expect(await client.find(resource)).toBeDefined();
  expect((await release.run('uninstall')).problem).toBe('');
  expect(await client.find(resource)).toBeUndefined();
});

test('the operator is stopped, and its finalizer removed only when its last pod has ended', async () => {
  const release = await createSetupRelease(apiserver, client);
  const deployment = await createOperator(release);
  const pod = await createPod(release.namespace, 'operator-pod', LABELS);
  await createPod(release.namespace, 'registry-pod', { app: 'mcp2-registry' });
  const resource = await createServer(release.namespace, 'held', [OURS]);
  const waiting = Promise.withResolvers<LogLine>();
  const onLine = (line: LogLine) => {
    if (line.message.startsWith('waiting until')) waiting.resolve(line);
  };
  const running = release.run('uninstall', { onLine });
  expect((await waiting.promise).fields.pods).toEqual(['operator-pod']);
  expect((await client.get(deployment)).spec.replicas).toBe(0);
  expect((await client.get(resource)).metadata.finalizers).toEqual([OURS]);
  await removePod(pod);
  expect((await running).problem).toBe('');
  await eventually(
    () => client.get(resource),
    ({ metadata }) => (metadata.finalizers ?? []).length === 0,
  );
});

test('an operator that does not end stops the job in time', async () => {
  const release = await createSetupRelease(apiserver, client);
  await createOperator(release);
  await createPod(release.namespace, 'operator-pod', LABELS);
  const { isDone, problem } = await release.run('uninstall', { env: { MCP2_SETUP_TIMEOUT: '1s' } });
  expect(isDone).toBe(false);
  expect(problem).toContain('uninstall was not done within 1 s');
});

test('many resources in many pages are all released', async () => {
  const release = await createSetupRelease(apiserver, client);
  const namespace = await createNamespace(client);
  await Promise.all(Array.from({ length: 60 }, (_unused, i) => createServer(namespace, `server-${i}`, [OURS])));
  expect((await release.run('uninstall')).problem).toBe('');
  const left = await client.list({ apiVersion: 'mcp2.dev/v1alpha1', kind: 'Mcp2Server', namespace });
  expect(left.filter(({ metadata }) => metadata.finalizers?.includes(OURS))).toEqual([]);
  expect(left).toHaveLength(60);
});

test('a right that is missing is named', async () => {
  const release = await createSetupRelease(apiserver, client);
  const name = `mcp2-uninstall:${release.namespace}`;
  await client.patch(
    { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name } },
    { rules: [] },
  );
  const { isDone, problem } = await release.run('uninstall');
  expect(isDone).toBe(false);
  expect(problem).toContain('allow it "list" on mcp2servers in the cluster');
});

test('a resource that cannot be released is named, with what to do', async () => {
  const release = await createSetupRelease(apiserver, client);
  const name = `mcp2-uninstall:${release.namespace}`;
  await createServer(release.namespace, 'stuck', [OURS]);
  await client.patch(
    { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name } },
    { rules: [{ apiGroups: ['mcp2.dev'], resources: ['mcp2servers'], verbs: ['get', 'list'] }] },
  );
  const { isDone, problem } = await release.run('uninstall');
  expect(isDone).toBe(false);
  expect(problem).toContain(`${release.namespace}/stuck`);
  expect(problem).toContain('kubectl patch m2s');
});

test('without the definition of the kind there is nothing to release', async () => {
  await using bare = await startKubeApiserver();
  await using admin = new KubeClient(bare.admin);
  const release = await createSetupRelease(bare, admin);
  expect((await release.run('uninstall')).problem).toBe('');
});

async function createServer(namespace: string, name: string, finalizers: readonly string[]) {
  return client.create({
    apiVersion: 'mcp2.dev/v1alpha1',
    kind: 'Mcp2Server',
    metadata: { name, namespace, finalizers },
    spec: {
      serverName: `Db_${namespace}_${name}`.slice(0, 60),
      source: { service: { name: 'db', port: 'grpc' } },
      capabilities: [{ name: 'db:inventory:read' }],
    },
  } as never);
}

async function createOperator({ namespace }: SetupRelease) {
  const template = { metadata: { labels: LABELS }, spec: { containers: [{ name: 'operator', image: 'operator' }] } };
  return client.create({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'mcp2-operator', namespace },
    spec: { replicas: 2, selector: { matchLabels: LABELS }, template },
  } as never);
}

async function createPod(namespace: string, name: string, labels: Readonly<Record<string, string>>) {
  const spec = { containers: [{ name: 'main', image: 'main' }], terminationGracePeriodSeconds: 0 };
  return client.create({ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace, labels }, spec } as never);
}

/** Nobody runs it, so it is gone at once. */
async function removePod(pod: Awaited<ReturnType<typeof createPod>>): Promise<void> {
  await client.delete(pod);
  await eventually(
    () => client.find(pod),
    (found) => found === undefined,
  );
}
