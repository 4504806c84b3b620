/** Deletions, restarts and hand-overs: what must stay, what must go, and that a quiet restart writes nothing. */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { createKeys } from '#lib/store/keys.ts';
import { type ControlPlane, startControlPlane, untilLeads } from '../harness/control-plane.ts';
import { eventually } from '../harness/eventually.ts';
import { type FaultProxy, startFaultProxy } from '../harness/fault-proxy.ts';
import type { KubeObject } from '../harness/kube-client.ts';
import { createNamespace } from '../harness/kube-setup.ts';
import {
  addressServer,
  conditionOf,
  readRecord,
  serviceServer,
  untilCondition,
  untilGone,
  untilRecord,
} from '../harness/mcp2-servers.ts';
import { serviceObject, sliceObject, startTestServer, type TestOperator } from '../harness/operator-fixture.ts';
import { leaseHolder, startOperatorProcess } from '../harness/operator-process.ts';
import { type DiffInput, untilClean } from '../harness/registration-diff.ts';
import { startTcpProxy, type TcpProxy } from '../harness/tcp-proxy.ts';

const INSTALLATION = 'one';
const FINALIZER = 'mcp2.dev/deregister';
const WRITES = ['create', 'update', 'patch', 'delete'] as const;

let plane: ControlPlane;
let api: FaultProxy;
let etcdProxy: TcpProxy;
let namespace: string;
let oracle: DiffInput;
let operator: TestOperator | undefined;

beforeAll(async () => {
  plane = await startControlPlane();
  api = await startFaultProxy({ target: plane.apiserver });
  etcdProxy = await startTcpProxy({ targetPort: plane.etcd.port });
  namespace = await createNamespace(plane.kube);
  oracle = { kube: plane.kube, store: plane.store, installation: INSTALLATION };
});

afterEach(async () => {
  await etcdProxy.pass();
  await operator?.stop();
  operator = undefined;
});

afterAll(async () => {
  await plane?.[Symbol.asyncDispose]();
  await Promise.all([api?.[Symbol.asyncDispose](), etcdProxy?.[Symbol.asyncDispose]()]);
});

test('a deletion waits for the store and is finished after it', async () => {
  operator = await startOperator();
  const resource = await register('patient');
  await etcdProxy.refuse();
  await plane.kube.delete(resource);
  const waiting = await untilCondition(plane.kube, resource, {
    type: 'Registered',
    status: 'False',
    timeoutMs: 30_000,
  });
  expect(conditionOf(waiting, 'Registered')).toMatchObject({ reason: 'Deleting' });
  expect(conditionOf(waiting, 'Registered')?.message).toContain('mcp2.dev/force-finalize');
  expect(waiting.metadata.finalizers).toEqual([FINALIZER]);
  expect(await readRecord(plane.store, 'patient')).toBeDefined();

  await etcdProxy.pass();
  await untilGone(plane.kube, resource, 5_000);
  expect(await readRecord(plane.store, 'patient')).toBeUndefined();
});

test.each([
  ['before the deletion', true],
  ['after it', false],
])(
  'force-finalize, written %s, lets a resource go while the store is away; the sweeper cleans up',
  async (when, first) => {
    operator = await startOperator({ MCP2_OPERATOR_SWEEP_INTERVAL: '1s' });
    const name = `forced-${when.split(' ')[0]}`;
    const resource = await register(name);
    await etcdProxy.refuse();
    const force = () =>
      plane.kube.patch(resource, { metadata: { annotations: { 'mcp2.dev/force-finalize': 'true' } } });
    if (first) await force();
    await plane.kube.delete(resource);
    if (!first) {
      // The gate before the store is closed by now: nothing is worked on.
      await untilCondition(plane.kube, resource, { type: 'Registered', status: 'False', timeoutMs: 30_000 });
      await force();
    }
    await untilGone(plane.kube, resource, 10_000);
    expect(await readRecord(plane.store, name)).toBeDefined();
    await etcdProxy.pass();
    await untilRecord(plane.store, name, (record) => record === undefined, 10_000);
  },
);

test('a resource that is deleted while it is being registered leaves nothing behind', async () => {
  operator = await startOperator();
  for (let round = 0; round < 20; round += 1) {
    const brief = server(`brief-${round}`);
    // Somebody else holds it back, so that it can be seen without our finalizer while it goes.
    const held: KubeObject = { ...brief, metadata: { ...brief.metadata, finalizers: ['example.com/hold'] } };
    await plane.kube.apply(held);
    await plane.kube.delete(brief);
    await plane.kube.apply(brief);
  }
  await untilClean(oracle, 10_000);
});

test('a restart that finds nothing changed writes nothing', async () => {
  const { kube, fixture } = plane;
  operator = await startOperator();
  for (let number = 0; number < 20; number += 1) await kube.apply(server(`quiet-${number}`));
  const dnsName = `proved.${namespace}.svc`;
  await using proved = await startTestServer({ fixture, serverName: 'proved', address: '192.0.2.1', dnsName });
  await kube.apply(serviceObject(namespace, 'proved'));
  await kube.apply(sliceObject({ namespace, service: 'proved', addresses: [proved.address] }));
  const probe = { probe: { intervalSeconds: 1, timeoutSeconds: 1 } };
  const resource = await kube.apply(serviceServer(namespace, 'proved', { readiness: probe }));
  await untilCondition(kube, resource, { type: 'Ready', status: 'True' });
  await untilClean(oracle, 20_000);
  await operator.stop();

  const before = await revisions();
  api.forgetRequests();
  operator = await startOperator({}, api.adminKubeconfig);
  // Every resource was looked at, and the handshake was made again.
  await eventually(
    async () => (await count('controller_runtime_reconcile_total')) ?? 0,
    (visits) => visits >= 21,
  );
  const verified = async () => count('mcp2_handshake_seconds');
  await eventually(verified, (handshakes) => (handshakes ?? 0) >= 2, { what: 'two more handshakes' });
  expect(await revisions()).toEqual(before);
  const writes = api.requests({ verb: WRITES }).filter((request) => request.resource !== 'leases');
  expect(writes).toEqual([]);
});

test('on SIGTERM the next operator leads within 3 s, and the old one ends with 0', async () => {
  const start = () => {
    const { fixture, apiserver, etcd } = plane;
    const env = { MCP2_OPERATOR_INSTALLATION_ID: INSTALLATION };
    return startOperatorProcess({ fixture, kubeconfig: apiserver.adminKubeconfig, etcdUrl: etcd.url, env });
  };
  await using first = await start();
  await untilLeads(plane.store, first.podName);
  await using second = await start();
  const toldMs = performance.now();
  const ended = first.process.stop();
  await untilLeads(plane.store, second.podName);
  expect(performance.now() - toldMs).toBeLessThan(3_000);
  expect((await ended).code).toBe(0);
  expect(await leaseHolder(plane.kube)).toContain(second.podName);
  await plane.kube.apply(server('after-hand-over'));
  await untilClean(oracle, 5_000);
  await second.process.stop();
});

test('while a leader stops, /readyz says no', async () => {
  const leader = await startOperator({}, api.adminKubeconfig);
  const readiness = () => fetch(`http://127.0.0.1:${leader.operator.opsPort}/readyz`);
  await eventually(readiness, ({ ok }) => ok);
  const slow = api.inject({ match: { resource: 'leases', verb: WRITES }, fault: { kind: 'delay', delayMs: 2_000 } });
  const stopping = leader.stop();
  const answer = await readiness();
  expect(answer.status).toBe(503);
  expect(await answer.text()).toContain('[-]shutdown failed: the operator is shutting down');
  slow.clear();
  await stopping;
});

test('an operator that stands by writes nothing to resources or Discovery', async () => {
  operator = await startOperator();
  const standby = await plane.startOperator({ kubeconfig: api.adminKubeconfig, env: environment() });
  api.forgetRequests();
  await register('elsewhere');
  await untilClean(oracle, 10_000);
  expect(standby.operator.isLeading()).toBe(false);
  expect(api.requests({ verb: WRITES })).toEqual([]);
  await standby.stop();
});

function environment(more: Readonly<Record<string, string>> = {}) {
  return { MCP2_OPERATOR_INSTALLATION_ID: INSTALLATION, ...more };
}

function startOperator(more: Readonly<Record<string, string>> = {}, kubeconfig?: string): Promise<TestOperator> {
  return plane.startLeader({
    etcdUrl: `http://127.0.0.1:${etcdProxy.port}`,
    env: environment(more),
    unavailableAfterMs: 1_000,
    ...(kubeconfig === undefined ? {} : { kubeconfig }),
  });
}

async function register(name: string): Promise<KubeObject> {
  const resource = await plane.kube.apply(server(name));
  return untilCondition(plane.kube, resource, { type: 'Ready', status: 'True' });
}

function server(name: string): KubeObject {
  return addressServer(namespace, name);
}

async function revisions(): Promise<(readonly [string, number])[]> {
  const { entries } = await plane.store.list(createKeys().servers);
  return entries.map(({ key, modRevision }) => [key, modRevision] as const);
}

/** Of a counter, or of the observations of a histogram. */
async function count(name: string): Promise<number | undefined> {
  const found = await operator?.metrics.getSingleMetric(name)?.get();
  const values = (found?.values ?? []) as readonly { metricName?: string; value: number }[];
  const counted = values.filter(({ metricName = name }) => metricName === name || metricName === `${name}_count`);
  return counted.reduce((sum, { value }) => sum + value, 0);
}
