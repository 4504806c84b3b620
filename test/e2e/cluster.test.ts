/** The test cluster itself: what the other end-to-end tests rely on. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Cluster, startCluster } from '../cluster/cluster.ts';
import { ensureImageArchive, type ImageArchive } from '../cluster/images.ts';
import { KubeClient } from '../harness/kube-client.ts';

let cluster: Cluster;
let nodeImage: ImageArchive;
let namespace: string;

beforeAll(async () => {
  nodeImage = await ensureImageArchive('localhost/node:24');
  cluster = await startCluster({ nodes: 2, images: [nodeImage] });
  namespace = await cluster.createNamespace('pods', { 'pod-security.kubernetes.io/enforce': 'restricted' });
}, 600_000);

afterAll(() => cluster?.[Symbol.asyncDispose]());

test('every node is Ready, for kubectl, Helm and a client of the host', async () => {
  await using kube = new KubeClient(cluster.admin);
  const nodes = await kube.list({ apiVersion: 'v1', kind: 'Node' });
  expect(nodes.map(({ metadata }) => metadata.name).sort()).toEqual(['node-1', 'node-2']);
  expect(await cluster.kubectl('wait', 'nodes', '--all', '--for=condition=Ready', '--timeout=10s')).toContain('node-2');
  expect(JSON.parse(await cluster.helm('list', '--all-namespaces', '--output', 'json'))).toEqual([]);
});

test('restricted pods run on both nodes, and a Service of one name reaches all of them', async () => {
  await cluster.kubectlInput(JSON.stringify(greeter()), 'apply', '--namespace', namespace, '-f', '-');
  await cluster.kubectl('rollout', 'status', 'deployment/greeter', '--namespace', namespace, '--timeout=60s');
  const placed = await cluster.kubectl('get', 'pods', '-n', namespace, '-o', 'jsonpath={.items[*].spec.nodeName}');
  expect(placed.split(' ').sort()).toEqual(['node-1', 'node-2']);
  const askOften = `
    const seen = new Set();
    for (let i = 0; i < 200 && seen.size < 2; i++)
      seen.add(await (await fetch('http://greeter.${namespace}.svc.cluster.local', { headers: { connection: 'close' } })).text());
    console.log([...seen].sort().join(' '));`;
  for (const pod of (await podNames()).split(' ')) {
    const answer = await cluster.kubectl(
      'exec',
      '-n',
      namespace,
      pod,
      '--',
      'node',
      '--input-type=module',
      '-e',
      askOften,
    );
    expect(answer).toBe((await podNames()).split(' ').sort().join(' '));
  }
});

test('logs, exec and port-forward work from the host, and the root file system is read-only', async () => {
  const [pod = ''] = (await podNames()).split(' ');
  expect(await cluster.kubectl('logs', '-n', namespace, pod)).toContain('listening');
  expect(await cluster.logs(namespace, 'app=greeter')).toContain(`[pod/${pod}/greeter] listening`);
  await expect(cluster.kubectl('exec', '-n', namespace, pod, '--', 'touch', '/file')).rejects.toThrow('Read-only');
  await using forward = await cluster.portForward('service/greeter', 80, namespace);
  expect(await (await fetch(`http://127.0.0.1:${forward.port}`)).text()).toMatch(/^greeter-/);
});

async function podNames(): Promise<string> {
  return cluster.kubectl(
    'get',
    'pods',
    '-n',
    namespace,
    '-l',
    'app=greeter',
    '-o',
    'jsonpath={.items[*].metadata.name}',
  );
}

/** Two pods that say their names, on different nodes, with everything that Pod Security "restricted" wants. */
function greeter(): object {
  const labels = { app: 'greeter' };
  const program =
    "require('http').createServer((q, s) => s.end(require('os').hostname())).listen(8080, () => console.log('listening'))";
  const container = {
    name: 'greeter',
    image: nodeImage.name,
    command: ['node', '-e', program],
    ports: [{ containerPort: 8080 }],
    readinessProbe: { httpGet: { path: '/', port: 8080 }, periodSeconds: 1 },
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
  };
  const apart = {
    maxSkew: 1,
    topologyKey: 'kubernetes.io/hostname',
    whenUnsatisfiable: 'DoNotSchedule',
    labelSelector: { matchLabels: labels },
  };
  const spec = {
    terminationGracePeriodSeconds: 1,
    securityContext: { runAsNonRoot: true, runAsUser: 65532, seccompProfile: { type: 'RuntimeDefault' } },
    topologySpreadConstraints: [apart],
    containers: [container],
  };
  const deployment = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'greeter' },
    spec: { replicas: 2, selector: { matchLabels: labels }, template: { metadata: { labels }, spec } },
  };
  const service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'greeter' },
    spec: { selector: labels, ports: [{ port: 80, targetPort: 8080 }] },
  };
  return { apiVersion: 'v1', kind: 'List', items: [deployment, service] };
}
