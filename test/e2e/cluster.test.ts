/** The test cluster itself: what the other end-to-end tests rely on. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Cluster, type ClusterNode, startCluster } from '../cluster/cluster.ts';
import { CLUSTER_PREFIX, CLUSTERS_FOLDER } from '../cluster/cluster-plan.ts';
import { ensureImageArchive, type ImageArchive } from '../cluster/images.ts';
import { runCommand } from '../cluster/run-command.ts';
import { eventually } from '../harness/eventually.ts';
import { KubeClient } from '../harness/kube-client.ts';
import type { OwnedCluster } from './cluster-owner.ts';
import { findTraces, namespacesOf, processesIn, readMachineState } from './leftovers.ts';

let cluster: Cluster;
let nodeImage: ImageArchive;
let namespace: string;

beforeAll(async () => {
  nodeImage = await ensureImageArchive('localhost/node:24');
  cluster = await startCluster({ nodes: 2, images: [nodeImage], nodeMonitorGracePeriodSeconds: 10 });
  namespace = await cluster.createNamespace('pods', { 'pod-security.kubernetes.io/enforce': 'restricted' });
}, 600_000);

afterAll(() => cluster?.[Symbol.asyncDispose]());

test('every node is Ready, for kubectl, Helm and a client of the host', async () => {
  await using kube = new KubeClient(cluster.admin);
  const nodes = await kube.list({ apiVersion: 'v1', kind: 'Node' });
  expect(nodes.length).toBeGreaterThanOrEqual(2);
  const waited = await cluster.kubectl('wait', 'nodes', '--all', '--for=condition=Ready', '--timeout=10s');
  expect(waited.split('\n')).toHaveLength(nodes.length);
  expect(JSON.parse(await cluster.helm('list', '--all-namespaces', '--output', 'json'))).toEqual([]);
});

test('restricted pods run on both nodes, and a Service of one name reaches all of them', async () => {
  await cluster.kubectlInput(JSON.stringify(greeter()), 'apply', '--namespace', namespace, '-f', '-');
  await cluster.kubectl('rollout', 'status', 'deployment/greeter', '--namespace', namespace, '--timeout=60s');
  const placed = await cluster.kubectl('get', 'pods', '-n', namespace, '-o', 'jsonpath={.items[*].spec.nodeName}');
  expect(new Set(placed.split(' ')).size).toBe(2);
  const askOften = `
    const seen = new Set();
    for (let i = 0; i < 200 && seen.size < 2; i++)
      seen.add(await (await fetch('http://greeter.${namespace}.svc.cluster.local', { headers: { connection: 'close' } })).text());
    console.log([...seen].sort().join(' '));`;
  const names = (await podNames()).split(' ').sort();
  for (const pod of names) {
    const ask = ['exec', '-n', namespace, pod, '--', 'node', '--input-type=module', '-e', askOften];
    // Each node's kube-proxy hears of the endpoints a moment after the rollout is done.
    const answers = (text: string) => text === names.join(' ');
    await eventually(() => cluster.kubectl(...ask), answers, { what: `both pods answer ${pod}`, timeoutMs: 30_000 });
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

test('a volume takes what a pod of another user writes', async ({ skip }) => {
  skip(!cluster.can.killNodes, OWN_ONLY);
  await cluster.kubectlInput(JSON.stringify(keeper()), 'apply', '--namespace', namespace, '-f', '-');
  await untilKeeperWrote(1);
});

test('the API server can be away for a while, and Services answer meanwhile', async ({ skip }) => {
  skip(!cluster.can.killNodes, OWN_ONLY);
  const address = await cluster.kubectl(
    'get',
    'service',
    'greeter',
    '-n',
    namespace,
    '-o',
    'jsonpath={.spec.clusterIP}',
  );
  const ask = `fetch('http://${address}').then((answer) => answer.text()).then(console.log)`;
  await cluster.stopApiserver();
  await expect(cluster.kubectl('get', 'nodes', '--request-timeout=2s')).rejects.toThrow();
  expect(await cluster.nodes[0]?.exec(process.execPath, '-e', ask)).toMatch(/^greeter-/);
  await cluster.startApiserver();
  expect(await cluster.kubectl('get', 'nodes')).toContain('node-1');
});

test('a kubelet that stops answering makes its node NotReady, and Ready again when it goes on', async ({ skip }) => {
  skip(!cluster.can.killNodes, OWN_ONLY);
  await node(2).signal('kubelet', 'SIGSTOP');
  await untilNode2('False');
  await node(2).signal('kubelet', 'SIGCONT');
  await untilNode2('True');
});

test('a node that is lost leaves the others serving, and comes back with its volumes', async ({ skip }) => {
  skip(!cluster.can.killNodes, OWN_ONLY);
  await node(2).kill();
  await expect(node(2).exec('true')).rejects.toThrow('node-2 is down');
  await untilNode2('False');
  await eventually(
    () => cluster.kubectl('get', 'endpointslices', '-n', namespace, '-o', READY_NODES),
    (nodes) => nodes === 'node-1',
    { what: 'only the endpoint of node-1 is ready', timeoutMs: 20_000 },
  );
  await using forward = await cluster.portForward('service/greeter', 80, namespace);
  expect(await (await fetch(`http://127.0.0.1:${forward.port}`)).text()).toMatch(/^greeter-/);
  await node(2).boot();
  await untilKeeperWrote(2);
});

test("a cluster beside another one is separate, and its owner's SIGKILL leaves nothing behind", async ({ skip }) => {
  skip(!cluster.can.killNodes, OWN_ONLY);
  const before = await readMachineState();
  const owner = spawn(process.execPath, [join(import.meta.dirname, 'cluster-owner.ts')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(createInterface(owner.stdout), 'line')) as [string];
  const { folder, kubeconfig } = JSON.parse(line) as OwnedCluster;
  const name = basename(folder);
  const asked = ['--kubeconfig', kubeconfig, 'get', 'nodes', '-o', 'name'];
  expect(await runCommand(cluster.binaries.path('kubectl'), asked)).toBe('node/node-1');
  expect(await cluster.kubectl('get', 'nodes', '-o', 'name')).toBe('node/node-1\nnode/node-2');
  const namespaces = await namespacesOf(name);
  expect((await processesIn(namespaces)).length).toBeGreaterThan(8);
  owner.kill('SIGKILL');
  const traces = async () => [...(await findTraces(name)), ...(await processesIn(namespaces))];
  await eventually(traces, (found) => found.length === 0, { what: 'no trace of the cluster', timeoutMs: 30_000 });
  expect(existsSync(folder)).toBe(false);
  expect(await readMachineState()).toEqual(before);
  expect(await cluster.kubectl('get', 'nodes', '-o', 'name')).toBe('node/node-1\nnode/node-2');
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
    securityContext: RESTRICTED,
  };
  const apart = {
    maxSkew: 1,
    topologyKey: 'kubernetes.io/hostname',
    whenUnsatisfiable: 'DoNotSchedule',
    labelSelector: { matchLabels: labels },
  };
  const spec = {
    terminationGracePeriodSeconds: 1,
    securityContext: NOT_ROOT,
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

test('a cluster that does not start says why and leaves nothing behind', async ({ skip }) => {
  skip(!cluster.can.killNodes, OWN_ONLY);
  const clusters = async () =>
    (await readdir(CLUSTERS_FOLDER)).filter((name) => name.startsWith(`${CLUSTER_PREFIX}${process.pid}-`));
  const before = await clusters();
  const said: string[] = [];
  const images = [{ name: 'localhost/none:1', archive: '/no/such/archive.tar' }];
  await expect(startCluster({ images, say: (line) => void said.push(line) })).rejects.toThrow('/no/such/archive.tar');
  expect(await clusters()).toEqual(before);
  const logs = said.find((line) => line.startsWith('logs of its components: '))?.split(': ')[1] ?? '';
  expect(await readdir(join(logs, 'node-1', 'log'))).toContain('containerd.log');
  await rm(logs, { recursive: true });
  expect(await findTraces(basename(logs))).toEqual([]);
});

const OWN_ONLY = 'a foreign cluster keeps its nodes';
const READY_NODES = 'jsonpath={range .items[*].endpoints[?(@.conditions.ready==true)]}{.nodeName}{end}';

function node(number: number): ClusterNode {
  return cluster.nodes[number - 1] as ClusterNode;
}

async function untilNode2(ready: 'True' | 'False'): Promise<void> {
  const path = 'jsonpath={.status.conditions[?(@.type=="Ready")].status}';
  await eventually(
    () => cluster.kubectl('get', 'node', 'node-2', '-o', path),
    // A node that says nothing is Unknown.
    (status) => (ready === 'True') === (status === 'True'),
    { what: `node-2 Ready ${ready}`, timeoutMs: 40_000, intervalMs: 250 },
  );
}

/** The pod writes a line each time it starts. */
async function untilKeeperWrote(lines: number): Promise<void> {
  await eventually(
    () => cluster.kubectl('exec', '-n', namespace, 'keeper-0', '--', 'cat', '/data/starts'),
    (text) => text.split('\n').length === lines,
    { what: `${lines} starts in the volume`, timeoutMs: 60_000, intervalMs: 250 },
  );
}

/** A pod of node-2 with a volume. */
function keeper(): object {
  const labels = { app: 'keeper' };
  const metadata = { name: 'keeper' };
  const program = "require('fs').appendFileSync('/data/starts', 'started\\n'); setInterval(() => {}, 1e6)";
  const container = {
    name: 'keeper',
    image: nodeImage.name,
    command: ['node', '-e', program],
    volumeMounts: [{ name: 'data', mountPath: '/data' }],
    securityContext: RESTRICTED,
  };
  const spec = {
    terminationGracePeriodSeconds: 1,
    nodeSelector: { 'kubernetes.io/hostname': 'node-2' },
    securityContext: { ...NOT_ROOT, fsGroup: 65532 },
    containers: [container],
  };
  const claim = {
    metadata: { name: 'data' },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
  };
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata,
    spec: {
      serviceName: 'keeper',
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec },
      volumeClaimTemplates: [claim],
    },
  };
}

const RESTRICTED = { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } };
const NOT_ROOT = { runAsNonRoot: true, runAsUser: 65532, seccompProfile: { type: 'RuntimeDefault' } };
