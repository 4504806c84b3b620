/**
 * An inventory of two pods on PostgreSQL, with agents that read its context and call its tool all the time: a pod is killed, the
 * release is upgraded, the database goes away and comes back.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Cluster, startCluster } from '../cluster/cluster.ts';
import { ensureImageArchive, isForeignCluster } from '../cluster/images.ts';
import { eventually } from '../harness/eventually.ts';
import { KubeClient, type KubeObject } from '../harness/kube-client.ts';
import { serviceServer } from '../harness/mcp2-servers.ts';
import { createWorkspace } from '../harness/processes.ts';
import { startTraffic, type Traffic, type TrafficReport } from '../harness/traffic.ts';
import { isReady, killProcesses, podsOf, type Release, untilReady } from './faults/pods.ts';
import { ensureProductImage } from './product-image.ts';
import { CHART, getJson, helmRelease, mintToken, NAMESPACE, RELEASE, say, testValues, timed } from './release.ts';
import { servicesWithoutRow } from './services-in-table.ts';
import { DATABASE_NAME, databaseSecret, inventoryValues, MUCH_STOCK, stockDatabase } from './stock-database.ts';

const SERVER = 'InventoryDB_Primary';
const SHOP = 'shop';
const SERVICE = `${RELEASE}-inventory`;
/** Of a call of the agents: the client's own default. */
const DEADLINE_MS = 10_000;
const TOOL = { name: 'reserve_stock', arguments: { sku: 'prod_12345', warehouse: 'NY', quantity: 1 } };

/** Processes in pods are killed, which needs the nodes. */
const isForeign = isForeignCluster(process.env);
const { folder } = createWorkspace('context-tool');
const valuesFile = join(folder, 'values.json');

let cluster: Cluster;
let kube: KubeClient;
let release: Release;
let traffic: Traffic;

beforeAll(async () => {
  if (isForeign) return;
  const [product, etcd, postgres] = await Promise.all([
    ensureProductImage(),
    ensureImageArchive('localhost/etcd:1'),
    ensureImageArchive('localhost/postgres:1'),
  ]);
  cluster = await startCluster({ images: [product, etcd, postgres] });
  kube = new KubeClient(cluster.admin);
  release = { cluster, kube, namespace: NAMESPACE, fullname: RELEASE };
  await apply(await stockDatabase(SHOP, postgres.name));
  await cluster.kubectl('create', 'namespace', NAMESPACE);
  await apply([databaseSecret(NAMESPACE, SHOP)]);
  await writeFile(valuesFile, JSON.stringify(await inventoryValues(SHOP)));
  await cluster.kubectl('rollout', 'status', `deploy/${DATABASE_NAME}`, '-n', SHOP, '--timeout=120s');
  await timed('helm install', () => helmRelease(cluster, 'install', { args: ['--values', valuesFile] }));
  const source = { service: { name: SERVICE, port: 'grpc' } };
  const spec = { serverName: SERVER, source, capabilityMode: 'Discovered' };
  await apply([serviceServer(NAMESPACE, 'inventory', spec)]);
  await cluster.kubectl('wait', 'm2s/inventory', '-n', NAMESPACE, '--for=condition=Ready', '--timeout=60s');
  traffic = await timed('traffic', () =>
    startTraffic({ cluster, namespace: NAMESPACE, image: product.name, tool: TOOL }),
  );
}, 600_000);

beforeEach(({ skip }) => skip(isForeign, 'processes in pods are not killed on a cluster that is not our own'));

afterAll(async () => {
  await kube?.[Symbol.asyncDispose]();
  await cluster?.[Symbol.asyncDispose]();
});

test('a pod that is killed fails no read and no call of a tool with an idempotency key', async () => {
  const [pod] = await podsOf(release, 'inventory');
  if (pod === undefined) throw new Error('there is no pod of the inventory');
  await withoutFailedCall('pod killed', async () => {
    await killProcesses(release, pod);
    await eventually(
      async () => restartsOf(await podsOf(release, 'inventory')),
      (restarts) => restarts === 1,
      { timeoutMs: 60_000, intervalMs: 250, what: 'the restart' },
    );
    await untilReady(release, 'inventory', 2);
  });
});

test('an upgrade that changes its configuration replaces both pods and fails no call', async () => {
  const before = namesOf(await podsOf(release, 'inventory'));
  const changed = 'contextTool.servers.inventory.config.server.version=1.1.0';
  await withoutFailedCall('helm upgrade', async () => {
    await helmRelease(cluster, 'upgrade', { args: ['--values', valuesFile, '--set', changed] });
    await untilReady(release, 'inventory', 2);
  });
  const after = namesOf(await podsOf(release, 'inventory'));
  expect(after.filter((name) => before.includes(name))).toEqual([]);
});

test('a configuration that cannot be served stops the roll-out, and the pods before go on serving', async () => {
  const before = namesOf(await podsOf(release, 'inventory'));
  const broken = 'contextTool.servers.inventory.config.contexts[0].query.database=elsewhere';
  await withoutFailedCall('upgrade to a broken configuration', async () => {
    const args = ['--namespace', NAMESPACE, ...testValues(cluster), '--values', valuesFile, '--set', broken];
    await cluster.helm('upgrade', RELEASE, CHART, ...args);
    await eventually(
      () => podsOf(release, 'inventory'),
      (pods) => restartsOf(pods) >= 2,
      { timeoutMs: 60_000, intervalMs: 500, what: 'a new pod that does not start' },
    );
    expect(namesOf((await podsOf(release, 'inventory')).filter(isReady))).toEqual(before);
    await cluster.helm('rollback', RELEASE, '--namespace', NAMESPACE, '--wait', '--timeout', '3m');
  });
  await untilReady(release, 'inventory', 2);
});

test('without its database a server answers BACKEND_UNAVAILABLE in time, stays where it is, and serves when it is back', async () => {
  const before = await podsOf(release, 'inventory');
  const [database] = await kube.list({
    ...{ apiVersion: 'v1', kind: 'Pod', namespace: SHOP },
    labelSelector: `app=${DATABASE_NAME}`,
  });
  if (database === undefined) throw new Error('the database has no pod');
  const fromMs = traffic.nowMs();
  await killProcesses(release, database);
  await eventually(
    () => traffic.report(fromMs),
    ({ calls, tools }) => calls.failed > 3 && tools.failed > 3,
    { timeoutMs: 30_000, intervalMs: 250, what: 'calls without the database' },
  );
  expect(await readyAddresses()).toHaveLength(2);
  await untilDatabaseServes();
  const backMs = traffic.nowMs();
  await eventually(
    () => traffic.report(backMs + 1_000),
    ({ calls, tools }) => calls.count > 10 && tools.count > 10,
    { timeoutMs: 30_000, intervalMs: 500, what: 'calls after the database is back' },
  );
  const report = await traffic.report(fromMs);
  say(`database killed: ${told(report)}, back after ${((backMs - fromMs) / 1000).toFixed(1)} s`);
  expect(report.lookups.failed).toBe(0);
  expect(Object.keys(report.calls.outcomes)).toEqual(['UNAVAILABLE BACKEND_UNAVAILABLE']);
  // Of a change that was on its way nobody knows.
  const known = Object.keys(report.tools.outcomes).filter((outcome) => !outcome.endsWith(' OUTCOME_UNKNOWN'));
  expect(known).toEqual(['UNAVAILABLE BACKEND_UNAVAILABLE']);
  expect(Math.max(report.calls.slowestMs, report.tools.slowestMs)).toBeLessThan(DEADLINE_MS);
  const { failures } = await traffic.report(backMs);
  expect(failures.filter(({ startedMs }) => startedMs > backMs)).toEqual([]);
  const after = await podsOf(release, 'inventory');
  expect(namesOf(after)).toEqual(namesOf(before));
  expect(restartsOf(after)).toBe(restartsOf(before));
  expect(await readyAddresses()).toHaveLength(2);
});

test('whatever was repeated on the way, each key has taken one piece', async () => {
  const [taken, keys] = (
    await query(
      `SELECT ${MUCH_STOCK} - quantity, (SELECT count(*) FROM mcp2_idempotency) FROM stock WHERE sku = 'prod_12345' AND warehouse = 'NY'`,
    )
  ).split('|');
  expect(Number(taken)).toBeGreaterThan(100);
  expect(taken).toBe(keys);
});

test('mcp2 in its pod finds the registry and trusts it without being told', async () => {
  const token = await mintToken(cluster, [
    '--sub',
    `${NAMESPACE}.me`,
    '--aud',
    SERVER,
    '--capability',
    'db:inventory:read',
  ]);
  const words = ['exec', '--stdin', '-n', NAMESPACE, `deploy/${SERVICE}`, '--', 'mcp2', 'lookup', '--token-file', '-'];
  const said = await cluster.kubectlInput(token, ...words, 'db:inventory:read');
  expect(said).toMatch(/InventoryDB_Primary +[\d.]+:50061 +TLS +SERVING/);
});

test('a row of docs/network-policy.md allows every Service that is called here, the database’s too', async () => {
  expect(await servicesWithoutRow(cluster)).toEqual([]);
});

test('a Service that no row allows, and a database that a policy leaves out, would be noticed', async () => {
  const service = (namespace: string, selector: object, port: number) => ({
    ...{ apiVersion: 'v1', kind: 'Service', metadata: { name: 'unlisted', namespace } },
    spec: { selector, ports: [{ port }] },
  });
  const registry = { 'app.kubernetes.io/component': 'registry' };
  await apply([service(NAMESPACE, registry, 8443), service(SHOP, { app: DATABASE_NAME }, 5433)]);
  const missing = await eventually(
    () => servicesWithoutRow(cluster),
    (found) => found.length === 2,
    {
      ...{ timeoutMs: 60_000, intervalMs: 1_000, what: 'both Services' },
    },
  );
  expect([...missing].sort()).toEqual([`${NAMESPACE}/unlisted 8443`, `${SHOP}/unlisted 5433`]);
});

/** Neither a read nor a call of the tool may fail meanwhile, and the agents go on after it. */
async function withoutFailedCall(what: string, work: () => Promise<unknown>): Promise<void> {
  const fromMs = traffic.nowMs();
  await timed(what, work);
  await eventually(
    () => traffic.report(traffic.nowMs() - 2_000),
    ({ calls, tools }) => calls.count > 10 && tools.count > 10,
    { timeoutMs: 30_000, intervalMs: 1_000 },
  );
  const report = await traffic.report(fromMs);
  say(`${what}: ${told(report)}`);
  expect(report.calls.count).toBeGreaterThan(20);
  expect(report.tools.count).toBeGreaterThan(20);
  expect(report.calls.failed + report.tools.failed, JSON.stringify(report.failures.slice(0, 5))).toBe(0);
}

function told({ calls, tools }: TrafficReport): string {
  const one = (name: string, { count, failed, slowestMs, secondTries }: TrafficReport['calls']) =>
    `${failed} of ${count} ${name} failed (slowest ${slowestMs} ms, ${secondTries} second tries)`;
  return `${one('reads', calls)}, ${one('reservations', tools)}`;
}

function apply(objects: readonly object[]): Promise<string> {
  return cluster.kubectlInput(JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }), 'apply', '-f', '-');
}

function query(sql: string): Promise<string> {
  const psql = ['psql', '--host=/tmp', '--username=postgres', '--dbname=inventory', '--no-align', '--tuples-only'];
  return cluster.kubectl('exec', '-n', SHOP, `deploy/${DATABASE_NAME}`, '--', ...psql, '--command', sql);
}

async function untilDatabaseServes(): Promise<void> {
  await eventually(
    () => query('SELECT 1').catch(() => ''),
    (answer) => answer === '1',
    { timeoutMs: 60_000, intervalMs: 250, what: 'the database' },
  );
}

/** Of the pods that the Service sends calls to. */
async function readyAddresses(): Promise<readonly string[]> {
  const selector = `kubernetes.io/service-name=${SERVICE}`;
  const { items } = await getJson<{ items: KubeObject[] }>(cluster, 'endpointslices', '-n', NAMESPACE, '-l', selector);
  return items
    .flatMap(({ endpoints }) => endpoints as { addresses: string[]; conditions: { ready?: boolean } }[])
    .filter(({ conditions }) => conditions.ready === true)
    .flatMap(({ addresses }) => addresses);
}

function namesOf(pods: readonly KubeObject[]): readonly string[] {
  return pods.map(({ metadata }) => metadata.name).sort();
}

function restartsOf(pods: readonly KubeObject[]): number {
  const statuses = pods.flatMap(({ status }) => (status?.containerStatuses ?? []) as { restartCount: number }[]);
  return statuses.reduce((sum, { restartCount }) => sum + restartCount, 0);
}
