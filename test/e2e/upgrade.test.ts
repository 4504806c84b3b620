/** What happens to those who use a release while it is upgraded, rolled back, given new certificates, and removed. */
import { X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Cluster } from '../cluster/cluster.ts';
import { eventually } from '../harness/eventually.ts';
import { serviceServer } from '../harness/mcp2-servers.ts';
import { startTraffic, type Traffic } from '../harness/traffic.ts';
import {
  getJson,
  helmRelease,
  lookup,
  mintToken,
  NAMESPACE,
  RELEASE,
  ROOT,
  removeRelease,
  say,
  shell,
  startReleaseCluster,
  timed,
} from './release.ts';

/** The first chart that was packaged, kept as it was. */
const FIRST_CHART = join(import.meta.dirname, 'fixtures/mcp2-0.1.0.tgz');
const SERVER = 'InventoryDB_Primary';
/** The sample server is in the first chart's release for its certificate alone: what is called is a copy outside of the release. */
const FIRST_SAMPLE = ['--set', 'sample.enabled=true,sample.replicas=1'];
/** What took its place. */
const SAMPLE = ['--set', 'contextTool.sample=true,contextTool.servers.pricing.replicas=1'];
/** Stands for the servers of people, whose pods are not replaced because the control plane's are. */
const OUTSIDE = 'inventory';

let cluster: Cluster;
let traffic: Traffic;
let oldToken = '';

beforeAll(async () => {
  ({ cluster } = await startReleaseCluster(['0.1.0', 'next']));
}, 600_000);
afterAll(() => removeRelease(cluster));

interface Listed {
  readonly items: readonly {
    readonly metadata: { readonly name: string; readonly uid: string; readonly finalizers?: string[] };
  }[];
}

/** No call of the traffic may fail meanwhile, and no lookup find nothing. */
async function withoutFailedCall(what: string, work: () => Promise<unknown>): Promise<void> {
  const fromMs = traffic.nowMs();
  await timed(what, work);
  await eventually(
    () => traffic.report(traffic.nowMs() - 2_000),
    ({ lookups, calls }) => lookups.count > 10 && calls.count > 10,
    { timeoutMs: 30_000, intervalMs: 1_000 },
  );
  const { lookups, calls, failures } = await traffic.report(fromMs);
  const figures = [
    `${lookups.count} lookups (p99 ${lookups.p99Ms} ms, slowest ${lookups.slowestMs} ms, ${lookups.stale} stale, ${lookups.empty} empty)`,
    `${calls.count} calls (p99 ${calls.p99Ms} ms, slowest ${calls.slowestMs} ms, ${calls.secondTries} second tries)`,
  ];
  say(`${what}: ${figures.join(', ')}, ${lookups.failed + calls.failed} failed`);
  expect(lookups.count).toBeGreaterThan(20);
  expect(lookups.failed + calls.failed, JSON.stringify(failures.slice(0, 5))).toBe(0);
  expect(lookups.empty).toBe(0);
}

/** Old pods may still be shutting down when Helm calls the new ones ready. */
async function untilImage(component: string, image: string): Promise<void> {
  const isOnly = (images: readonly string[]) => images.length === 1 && images[0] === image;
  const what = `only ${image} in the pods of ${component}`;
  await eventually(() => imagesOf(component), isOnly, { timeoutMs: 60_000, intervalMs: 500, what });
}

/** Images of the containers that run, without doubles. */
async function imagesOf(component: string): Promise<readonly string[]> {
  const selector = `app.kubernetes.io/instance=${RELEASE},app.kubernetes.io/component=${component}`;
  const { items } = await getJson<{ items: { spec: { containers: { image: string }[] } }[] }>(
    cluster,
    ...['pods', '-n', NAMESPACE, '-l', selector, '--field-selector', 'status.phase=Running'],
  );
  return [...new Set(items.flatMap(({ spec }) => spec.containers.map(({ image }) => image)))];
}

interface Deployment {
  readonly spec: { readonly template: { readonly spec: object } };
}

/** Two pods like the sample's and a Service for them, which Helm knows nothing of. */
async function copyOfSample(): Promise<object> {
  const { spec } = await getJson<Deployment>(cluster, 'deploy/mcp2-sample', '-n', NAMESPACE);
  const metadata = { name: OUTSIDE, namespace: NAMESPACE };
  const labels = { app: OUTSIDE };
  const pod = { ...spec.template.spec, serviceAccount: 'default', serviceAccountName: 'default' };
  const template = { metadata: { labels }, spec: { ...pod, topologySpreadConstraints: [] } };
  const items = [
    { apiVersion: 'v1', kind: 'Service', metadata, spec: { selector: labels, ports: [{ name: 'grpc', port: 50061 }] } },
    {
      ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata },
      spec: { replicas: 2, selector: { matchLabels: labels }, template },
    },
  ];
  return { apiVersion: 'v1', kind: 'List', items };
}

test('the first packaged chart installs, and clients are served', async () => {
  expect(existsSync(FIRST_CHART)).toBe(true);
  await timed('helm install 0.1.0', () => helmRelease(cluster, 'install', { chart: FIRST_CHART, args: FIRST_SAMPLE }));
  await cluster.kubectlInput(JSON.stringify(await copyOfSample()), 'apply', '-f', '-');
  await cluster.kubectl('rollout', 'status', `deploy/${OUTSIDE}`, '-n', NAMESPACE, '--timeout=60s');
  const server = serviceServer(NAMESPACE, 'inventory-db', {
    serverName: SERVER,
    source: { service: { name: OUTSIDE, port: 'grpc' } },
    tls: { serverName: `mcp2-sample.${NAMESPACE}.svc` },
    registration: { visibility: { from: 'All' } },
  });
  await cluster.kubectlInput(JSON.stringify(server), 'apply', '-f', '-');
  await cluster.kubectl('wait', 'm2s/inventory-db', '-n', NAMESPACE, '--for=condition=Ready', '--timeout=60s');
  oldToken = await mintToken(cluster, ['--aud', SERVER, '--capability', 'db:inventory:read', '--ttl', '1h']);
  traffic = await timed('traffic', () =>
    startTraffic({ cluster, namespace: NAMESPACE, image: 'localhost/mcp2:0.1.0' }),
  );
});

test('an upgrade from it to this chart and another image fails no call', async () => {
  const args = [...SAMPLE, '--set', 'image.tag=next'];
  await withoutFailedCall('helm upgrade', () => helmRelease(cluster, 'upgrade', { args }));
  for (const component of ['operator', 'registry']) await untilImage(component, 'localhost/mcp2:next');
});

test('an upgrade with other values, etcd’s among them, fails no call', async () => {
  const changed = 'image.tag=next,registry.replicas=3,registry.logLevel=warn,etcd.logLevel=warn';
  const args = [...SAMPLE, '--set', changed];
  await withoutFailedCall('helm upgrade', () => helmRelease(cluster, 'upgrade', { args }));
  const { spec } = await getJson<{ spec: { replicas: number } }>(cluster, 'deploy/mcp2-registry', '-n', NAMESPACE);
  expect(spec.replicas).toBe(3);
});

test('a rollback to the first chart fails no call', async () => {
  const where = ['--namespace', NAMESPACE, '--wait', '--timeout', '3m'];
  await withoutFailedCall('helm rollback', () => cluster.helm('rollback', RELEASE, '1', ...where));
  await untilImage('registry', 'localhost/mcp2:0.1.0');
});

test.each([1, 2])('a server whose pods, %i of them, are replaced fails no call', async (replicas) => {
  const status = ['rollout', 'status', `deploy/${OUTSIDE}`, '-n', NAMESPACE, '--timeout=120s'];
  await cluster.kubectl('scale', `deploy/${OUTSIDE}`, '-n', NAMESPACE, `--replicas=${replicas}`);
  await cluster.kubectl(...status);
  await withoutFailedCall(`rollout of ${replicas} pods`, async () => {
    await cluster.kubectl('rollout', 'restart', `deploy/${OUTSIDE}`, '-n', NAMESPACE);
    await cluster.kubectl(...status);
    await eventually(
      () => read('pods', '-n', NAMESPACE, '-l', `app=${OUTSIDE}`),
      ({ items }) => items.length === replicas,
      { timeoutMs: 60_000, intervalMs: 500, what: 'the end of the old pods' },
    );
  });
});

/** Serial number of the certificate in a Secret. */
async function serialIn(secret: string): Promise<string> {
  const { data } = await getJson<{ data: Record<string, string> }>(cluster, `secret/${secret}`, '-n', NAMESPACE);
  return new X509Certificate(Buffer.from(data['tls.crt'] ?? '', 'base64')).serialNumber;
}

/** Serial number that a server shows, asked from the traffic's pod. */
async function serialShown(host: string, port: number): Promise<string> {
  const program = `const tls = require('node:tls');
    const socket = tls.connect({ host: process.argv[1], port: Number(process.argv[2]), rejectUnauthorized: false }, () => {
      process.stdout.write(socket.getPeerX509Certificate().serialNumber);
      socket.destroy();
    });`;
  const where = ['exec', '-n', NAMESPACE, 'traffic', '--'];
  return cluster.kubectl(...where, 'node', '-e', program, host, String(port));
}

test('certificates are renewed by the documented commands without a failed call, and are in use without a restart', async () => {
  const page = await readFile(join(ROOT, 'docs/runbooks/certificate-rotation.md'), 'utf8');
  const [, commands = ''] = /## Renew now[\s\S]*?^```sh\n([\s\S]*?)^```/m.exec(page) ?? [];
  expect(commands).toContain('MCP2_SETUP_FORCE_ROTATE=true');
  const before = await serialIn('mcp2-registry-tls');
  await withoutFailedCall('certificate rotation', async () => {
    await shell(cluster, `set -e\n${commands}`);
    const wanted = await serialIn('mcp2-registry-tls');
    expect(wanted).not.toBe(before);
    // The kubelet brings new files within two minutes; a change of the pod makes it look at once.
    const selector = `app.kubernetes.io/instance=${RELEASE}`;
    await cluster.kubectl('annotate', 'pods', '-n', NAMESPACE, '-l', selector, `look=${wanted}`, '--overwrite');
    for (const [component, port] of [
      ['registry', 50050],
      ['sample', 50061],
    ] as const) {
      const secret = await serialIn(`mcp2-${component}-tls`);
      await eventually(
        () => serialShown(`mcp2-${component}`, port),
        (shown) => shown === secret,
        { timeoutMs: 150_000, intervalMs: 1_000, what: `the new certificate of ${component}` },
      );
    }
  });
});

const named = ({ items }: Listed) => items.map(({ metadata }) => `${metadata.name} ${metadata.uid}`).sort();
const read = (...args: string[]) => getJson<Listed>(cluster, ...args);
const uninstall = () =>
  timed('helm uninstall', () => cluster.helm('uninstall', RELEASE, '-n', NAMESPACE, '--wait', '--timeout', '2m'));

test('helm uninstall leaves nothing stuck, says what it keeps, and a second install goes on with it', async () => {
  const shop = await cluster.createNamespace('leaving');
  await cluster.kubectlInput(JSON.stringify(serviceServer(shop, 'leaving')), 'apply', '-f', '-');
  await traffic[Symbol.asyncDispose]();
  const claims = named(await read('pvc', '-n', NAMESPACE));
  const keys = named(await read('secret/mcp2-signing-key', 'secret/mcp2-ca', '-n', NAMESPACE));
  // That of the event bus stays from before the rollback.
  expect(claims).toHaveLength(2);

  const notes = await cluster.helm('get', 'notes', RELEASE, '-n', NAMESPACE);
  expect(notes).toMatch(/keeps[\s\S]*crd[\s\S]*signing key[\s\S]*etcd/i);
  await uninstall();
  const pods = ['get', 'pods', '-n', NAMESPACE, '-l', `app.kubernetes.io/instance=${RELEASE}`, '-o', 'name'];
  await eventually(
    () => cluster.kubectl(...pods),
    (left) => left === '',
    { timeoutMs: 60_000, intervalMs: 500 },
  );
  const servers = await read('m2s', '-A');
  expect(servers.items.map(({ metadata }) => metadata.name).sort()).toEqual(['inventory-db', 'leaving']);
  expect(servers.items.flatMap(({ metadata }) => metadata.finalizers ?? [])).toEqual([]);
  await timed('a namespace with a server', () => cluster.kubectl('delete', 'namespace', shop, '--timeout=60s'));

  await timed('second helm install', () => helmRelease(cluster, 'install', { args: SAMPLE }));
  expect(named(await read('pvc', '-n', NAMESPACE))).toEqual(claims);
  expect(named(await read('secret/mcp2-signing-key', 'secret/mcp2-ca', '-n', NAMESPACE))).toEqual(keys);
  await cluster.kubectl('wait', 'm2s/inventory-db', '-n', NAMESPACE, '--for=condition=Ready', '--timeout=60s');
  const { endpoints } = await lookup(cluster, oldToken, 'db:inventory:read');
  expect(endpoints).toHaveLength(2);
});

test('a namespace that held the release, and everything in it, can be removed', async () => {
  await uninstall();
  await timed('kubectl delete namespace', () => cluster.kubectl('delete', 'namespace', NAMESPACE, '--timeout=90s'));
  await cluster.kubectl('delete', 'crd', 'mcp2servers.mcp2.dev', '--timeout=60s');
});
