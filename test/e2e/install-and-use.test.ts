/** What a platform engineer does on the first day: install, make servers known, use them, break them, read what is said. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Cluster } from '../cluster/cluster.ts';
import { eventually } from '../harness/eventually.ts';
import { addressServer, serviceServer } from '../harness/mcp2-servers.ts';
import { readCommands } from '../harness/page.ts';
import { type CertificateAuthority, createCertificateAuthority } from '../harness/pki.ts';
import { createWorkspace } from '../harness/processes.ts';
import type { ClientReport } from './client/program.ts';
import { clientPod, type DemoServer, demoServer, GRPC_PORT, RESTRICTED } from './demo.ts';
import {
  CHART,
  getJson,
  lookup,
  mintToken,
  NAMESPACE,
  RELEASE,
  ROOT,
  removeRelease,
  say,
  shell,
  startReleaseCluster,
  testValues,
  timed,
} from './release.ts';
import { servicesWithoutRow } from './services-in-table.ts';

let cluster: Cluster;
let image = '';
let shop = '';
let outside = '';
let authority: CertificateAuthority;
const { folder } = createWorkspace('install-and-use');
/** What people read in a terminal, kept for whoever reads the run. */
const SNAPSHOTS = join(ROOT, 'test-logs/terminal');

beforeAll(async () => {
  ({
    cluster,
    images: [image = ''],
  } = await startReleaseCluster([undefined]));
  authority = await createCertificateAuthority(folder, 'shop-ca');
  await mkdir(SNAPSHOTS, { recursive: true });
}, 600_000);
afterAll(() => removeRelease(cluster));

async function snapshot(name: string, ...args: string[]): Promise<string> {
  const text = await cluster.kubectl(...args);
  await writeFile(join(SNAPSHOTS, `${name}.txt`), `$ kubectl ${args.join(' ')}\n${text}\n`);
  return text;
}

function apply(objects: readonly object[]): Promise<string> {
  return cluster.kubectlInput(JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }), 'apply', '-f', '-');
}

const ready = (namespace: string, name: string, value = 'True') =>
  cluster.kubectl('wait', `m2s/${name}`, '-n', namespace, `--for=condition=Ready=${value}`, '--timeout=60s');

/** Endpoints of a server that a Lookup answers, as addresses. */
async function found(token: string, serverName: string): Promise<readonly string[]> {
  const { endpoints } = await lookup(cluster, token, 'db:inventory:read', '--server-name', serverName);
  return endpoints.map(({ grpc_url }) => grpc_url);
}

const mint = (subject: string, audience: string) =>
  mintToken(cluster, ['--sub', subject, '--aud', audience, '--capability', 'db:inventory:read']);

test('the README’s commands lead from an empty cluster to a context and a tool, five at most', async () => {
  const commands = readCommands(await readFile(join(ROOT, 'README.md'), 'utf8'), 'On Kubernetes');
  expect(commands.length).toBeGreaterThan(2);
  expect(commands.length).toBeLessThanOrEqual(5);
  const startedMs = performance.now();
  const outputs: string[] = [];
  for (const command of commands) {
    const own = /^helm install /.test(command) ? `${command} ${testValues(cluster).join(' ')}` : command;
    const output = await timed(command.slice(0, 60), () => shell(cluster, own));
    outputs.push(output);
    await writeFile(join(SNAPSHOTS, `readme-${outputs.length}.txt`), `$ ${command}\n${output}\n`);
  }
  say(`from helm install to the first calls: ${((performance.now() - startedMs) / 1000).toFixed(1)} s`);
  const [stock, price] = outputs.slice(-2);
  expect(stock).toBe('42');
  expect(price).toMatch(/^recommended_price +95\.8$/m);
});

test('helm test goes through', async () => {
  const tested = await timed('helm test', () => cluster.helm('test', RELEASE, '--namespace', NAMESPACE, '--logs'));
  expect(tested).toMatch(/Phase: +Succeeded/);
});

test('a second release in the same namespace is refused before it changes anything', async () => {
  const second = cluster.helm('install', 'second', CHART, '--namespace', NAMESPACE);
  await expect(second).rejects.toThrow(`namespace ${NAMESPACE} holds the mcp2 release ${RELEASE} already`);
  expect(await cluster.helm('list', '--short', '--namespace', NAMESPACE)).toBe(RELEASE);
});

test('a Service of two pods in a restricted namespace becomes a server that is Ready', async () => {
  shop = await cluster.createNamespace('shop', RESTRICTED);
  outside = await cluster.createNamespace('outside', RESTRICTED);
  const trusting = ['--reuse-values', '--set', `trust.namespaces={${shop},${outside}}`, '--wait'];
  await timed('trust for two namespaces', () => cluster.helm('upgrade', RELEASE, CHART, '-n', NAMESPACE, ...trusting));
  const server: DemoServer = { namespace: shop, name: 'stock', serverName: 'StockDB', image, replicas: 2 };
  const resource = serviceServer(shop, 'stock', {
    serverName: 'StockDB',
    capabilities: [{ name: 'db:inventory:read' }],
    tls: { caBundleRef: { kind: 'ConfigMap', name: 'stock-ca', key: 'ca.crt' } },
  });
  await apply([...(await demoServer(server, authority)), resource]);
  await timed('wait for Ready', () => ready(shop, 'stock'));
  await cluster.kubectl('rollout', 'status', 'deploy/stock', '-n', shop, '--timeout=60s');
  const token = await mint(`${shop}.agent`, 'StockDB');
  await eventually(
    () => found(token, 'StockDB'),
    (all) => all.length === 2,
    { timeoutMs: 30_000, intervalMs: 500 },
  );
  expect(await snapshot('get-m2s', 'get', 'm2s', '-A')).toMatch(/stock +True +Serving +StockDB +2\/2/);
});

test('a server that is reached by its address becomes Ready as well', async () => {
  const server: DemoServer = { namespace: outside, name: 'partner', serverName: 'PartnerDB', image, replicas: 1 };
  const [ca, ...objects] = await demoServer(server, authority);
  const caBundle = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'partner-ca', namespace: shop } };
  const resource = addressServer(shop, 'partner', {
    serverName: 'PartnerDB',
    source: { address: `grpcs://partner.${outside}.svc.cluster.local:${GRPC_PORT}` },
    tls: { caBundleRef: { kind: 'ConfigMap', name: 'partner-ca', key: 'ca.crt' } },
    readiness: { minReadySeconds: 0, probe: { intervalSeconds: 5 } },
  });
  await apply([ca ?? {}, ...objects, { ...caBundle, data: { 'ca.crt': authority.certificate } }, resource]);
  await timed('wait for Ready', () => ready(shop, 'partner'));
  const token = await mint(`${shop}.agent`, 'PartnerDB');
  expect(await found(token, 'PartnerDB')).toEqual([`partner.${outside}.svc.cluster.local:${GRPC_PORT}`]);
});

async function runClient(name: string, args: readonly string[], serverAuthority = 'stock-ca'): Promise<ClientReport> {
  const token = await mint(`${shop}.agent`, 'StockDB');
  const program = await readFile(new URL('client/program.ts', import.meta.url), 'utf8');
  const { data } = await getJson<{ data: { registry: string } }>(cluster, 'configmap/mcp2-trust', '-n', shop);
  const pod = { namespace: shop, name, image, token, program, args: [data.registry, 'db:inventory:read', ...args] };
  await apply(clientPod({ ...pod, serverAuthority }));
  const done = ['wait', `pod/${name}`, '-n', shop, '--for=jsonpath={.status.phase}=Succeeded', '--timeout=60s'];
  await cluster.kubectl(...done).catch(async (error: Error) => {
    throw new Error(`${error.message}\n${await cluster.kubectl('logs', name, '-n', shop)}`);
  });
  return JSON.parse(await cluster.kubectl('logs', name, '-n', shop)) as ClientReport;
}

test('a pod finds the server over TLS and calls both of its pods, checking the certificate’s name', async () => {
  const { calls } = await timed('client pod', () => runClient('client', []));
  const said = { server: 'StockDB', certificateName: `stock.${shop}.svc`, outcome: 'OK', answer: '30' };
  expect(calls).toEqual([expect.objectContaining(said), expect.objectContaining(said)]);
  expect(new Set(calls.map(({ endpoint }) => endpoint)).size).toBe(2);
});

test('a server whose certificate carries another name, or is from another authority, is not called', async () => {
  const [wrongName, wrongAuthority] = await Promise.all([
    runClient('client-wrong-name', ['somebody-else.svc']),
    runClient('client-wrong-ca', [], 'mcp2-trust'),
  ]);
  for (const { calls } of [wrongName, wrongAuthority]) {
    expect(calls.map(({ outcome }) => outcome)).toEqual(['UNAVAILABLE', 'UNAVAILABLE']);
  }
});

test('READY and Lookup follow a Service that is scaled to nothing and back', async () => {
  const token = await mint(`${shop}.agent`, 'StockDB');
  await cluster.kubectl('scale', 'deploy/stock', '-n', shop, '--replicas=0');
  await timed('scaled to 0, not Ready', () => ready(shop, 'stock', 'False'));
  await eventually(
    () => found(token, 'StockDB'),
    (all) => all.length === 0,
    { timeoutMs: 20_000, intervalMs: 500 },
  );
  await eventually(
    () => readyCondition('stock'),
    (now) => now?.reason === 'ScaledToZero',
    { timeoutMs: 30_000, intervalMs: 250 },
  );
  await snapshot('scaled-to-zero', 'get', 'm2s/stock', '-n', shop);
  await cluster.kubectl('scale', 'deploy/stock', '-n', shop, '--replicas=2');
  await timed('scaled to 2, Ready', () => ready(shop, 'stock'));
  await eventually(
    () => found(token, 'StockDB'),
    (all) => all.length === 2,
    { timeoutMs: 30_000, intervalMs: 500 },
  );
});

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}

async function readyCondition(name: string): Promise<Condition | undefined> {
  const { status } = await getJson<{ status?: { conditions?: Condition[] } }>(cluster, `m2s/${name}`, '-n', shop);
  return status?.conditions?.find(({ type }) => type === 'Ready');
}

test.each([
  {
    what: 'a name that somebody else has',
    name: 'stock-copy',
    spec: { serverName: 'StockDB' },
    reason: 'NameConflict',
    says: (text: string) => expect(text).toContain('/stock'),
  },
  {
    what: 'a Service that is not there',
    name: 'missing',
    spec: { source: { service: { name: 'no-such-service', port: 'grpc' } } },
    reason: 'ServiceNotFound',
    says: (text: string) => expect(text).toContain('no-such-service'),
  },
  {
    what: 'a port that the Service does not have',
    name: 'wrong-port',
    spec: { source: { service: { name: 'stock', port: 'http' } } },
    reason: 'PortNotFound',
    says: (text: string) => expect(text).toMatch(/http.*grpc/s),
  },
  {
    what: 'a certificate of an authority that is not trusted',
    name: 'wrong-ca',
    spec: { source: { service: { name: 'stock', port: 'grpc' } }, readiness: { probe: { intervalSeconds: 3 } } },
    reason: 'TLSFailed',
    says: (text: string) => expect(text).toMatch(/caBundleRef|certificate/),
  },
])('$what reads well in get and describe', async ({ name, spec, reason, says }) => {
  await apply([serviceServer(shop, name, spec)]);
  const condition = await eventually(
    () => readyCondition(name),
    (now) => now?.reason === reason,
    {
      timeoutMs: 30_000,
      intervalMs: 250,
    },
  );
  expect(condition?.status).toBe('False');
  says(condition?.message ?? '');
  expect(await snapshot(`get-${name}`, 'get', `m2s/${name}`, '-n', shop)).toMatch(new RegExp(`False +${reason}`));
  const described = await snapshot(`describe-${name}`, 'describe', `m2s/${name}`, '-n', shop);
  expect(described).toContain(condition?.message ?? '-');
  // The Event of kubectl describe.
  expect(described.slice(described.indexOf('Events:'))).toContain(reason);
  await cluster.kubectl('delete', `m2s/${name}`, '-n', shop, '--timeout=30s');
});

test('a broken resource is refused with a sentence, not taken and left lying', async () => {
  const wrong = serviceServer(shop, 'broken', {
    source: { service: { name: 'stock', port: 'grpc' }, address: 'grpcs://a.example:1' },
  });
  await expect(apply([wrong])).rejects.toThrow(/write exactly one of service and address/);
});

test('a row of docs/network-policy.md allows every Service that is called here', async () => {
  expect(await servicesWithoutRow(cluster)).toEqual([]);
});

test('everything that is there can be seen at a glance', async () => {
  const table = await snapshot('get-m2s-all', 'get', 'm2s', '-A');
  // The sample's two, those of the shop, and the line above them.
  expect(table.split('\n')).toHaveLength(5);
  expect(table).not.toContain('False');
  await snapshot('describe-m2s', 'describe', 'm2s/stock', '-n', shop);
  await snapshot('get-all', 'get', 'all', '-n', NAMESPACE);
  const pods = await getJson<{ items: { status: { containerStatuses?: { restartCount: number }[] } }[] }>(
    cluster,
    'pods',
    '-n',
    NAMESPACE,
  );
  const restarts = pods.items
    .flatMap(({ status }) => status.containerStatuses ?? [])
    .map(({ restartCount }) => restartCount);
  expect(Math.max(...restarts)).toBe(0);
});
