/**
 * F4: the store of Discovery is away while resources change. Nothing is lost, everybody is served within seconds of
 * its return, and nobody is told of an outage that was over before it mattered.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { startChurn } from '../harness/churn.ts';
import { type ControlPlane, startControlPlane } from '../harness/control-plane.ts';
import { eventually } from '../harness/eventually.ts';
import { type FaultProxy, startFaultProxy } from '../harness/fault-proxy.ts';
import type { KubeObject } from '../harness/kube-client.ts';
import { createNamespace } from '../harness/kube-setup.ts';
import { addressServer, conditionOf, eventsOf, MCP2_SERVER, untilCondition } from '../harness/mcp2-servers.ts';
import type { TestOperator } from '../harness/operator-fixture.ts';
import { type DiffInput, untilClean } from '../harness/registration-diff.ts';
import { startTcpProxy, type TcpProxy } from '../harness/tcp-proxy.ts';

const SERVERS = 100;
const OUTAGE_MS = 5_000;
const CONVERGED_WITHIN_MS = 5_000;
const INSTALLATION = 'one';
const STATUS_WRITES = { verb: 'patch', resource: 'mcp2servers', subresource: 'status' } as const;

let plane: ControlPlane;
let api: FaultProxy;
let etcdProxy: TcpProxy;
let namespace: string;
let oracle: DiffInput;
let operator: TestOperator;

beforeAll(async () => {
  plane = await startControlPlane();
  api = await startFaultProxy({ target: plane.apiserver });
  etcdProxy = await startTcpProxy({ targetPort: plane.etcd.port });
  namespace = await createNamespace(plane.kube);
  oracle = { kube: plane.kube, store: plane.store, installation: INSTALLATION };
  for (let number = 0; number < SERVERS; number += 1) await plane.kube.apply(server(number, 'first'));
});

afterEach(() => operator?.stop());

afterAll(async () => {
  plane?.etcd.resume();
  await plane?.[Symbol.asyncDispose]();
  await Promise.all([api?.[Symbol.asyncDispose](), etcdProxy?.[Symbol.asyncDispose]()]);
});

test.each<[string, () => void | Promise<void>, () => void | Promise<void>]>([
  ['is frozen', () => plane.etcd.pause(), () => plane.etcd.resume()],
  ['refuses connections', () => etcdProxy.refuse(), () => etcdProxy.pass()],
])(
  'an etcd that %s for 5 s is caught up with in 5 s, and no status or Event tells of it',
  async (_how, break_, heal) => {
    operator = await startWorkingOperator();
    const eventsBefore = await countEvents();
    const churn = startChurn((number) => plane.kube.apply(server(number % SERVERS, `churn-${number}`)), 20);
    await eventually(
      () => churn.count,
      (count) => count > 20,
    );
    await break_();
    await sleep(1_000);
    // What was on its way has ended by now.
    api.forgetRequests();
    const changesBefore = churn.count;
    await sleep(OUTAGE_MS - 1_000);
    expect(churn.count).toBeGreaterThan(changesBefore);
    const writesWhileAway = api.requests(STATUS_WRITES).length;
    await heal();
    await churn.stop();
    const convergedMs = await untilClean(oracle, 20_000);

    expect(writesWhileAway).toBe(0);
    expect(convergedMs).toBeLessThan(CONVERGED_WITHIN_MS);
    expect(await countEvents()).toBe(eventsBefore);
    expect(await resourcesThatSay('StoreUnavailable')).toEqual([]);
  },
);

test('after the patience of statuses only what waits for the store says so, slowly and with one Event', async () => {
  operator = await startWorkingOperator({ unavailableAfterMs: 2_000 });
  await etcdProxy.refuse();
  const awaySince = performance.now();
  const changed = Array.from({ length: 30 }, (_, number) => number);
  for (const number of changed) await plane.kube.apply(server(number, 'while-away'));
  await sleep(Math.max(0, 1_500 - (performance.now() - awaySince)));
  expect(await resourcesThatSay('StoreUnavailable')).toEqual([]);

  const all = changed.map(nameOf).sort();
  await eventually(
    () => resourcesThatSay('StoreUnavailable'),
    (names) => names.length === all.length,
    {
      what: 'every changed resource to say that the store is away',
      timeoutMs: 20_000,
    },
  );
  const away = api.requests(STATUS_WRITES).filter(({ atMs }) => atMs > awaySince);
  expect(mostWithinASecond(away.map(({ atMs }) => atMs))).toBeLessThanOrEqual(20);
  expect(await resourcesThatSay('StoreUnavailable')).toEqual(all);
  const one = await plane.kube.get(server(0, ''));
  expect(conditionOf(one, 'Ready')).toMatchObject({ status: 'Unknown', reason: 'StoreUnavailable' });
  expect(conditionOf(one, 'EndpointsReady')).toMatchObject({ status: 'True' });
  expect(one.status.endpoints.summary).toBe('1/1');

  await etcdProxy.pass();
  await untilClean(oracle, CONVERGED_WITHIN_MS);
  expect(await resourcesThatSay('StoreUnavailable')).toEqual([]);
  await untilCondition(plane.kube, one, { type: 'Ready', status: 'True' });
  const events = await eventsOf(plane.kube, one);
  expect(events.filter(({ reason }) => reason === 'StoreUnavailable')).toEqual([
    {
      type: 'Warning',
      reason: 'StoreUnavailable',
      note: expect.stringMatching(/^Registered is Unknown: /),
      count: 1,
    },
  ]);
});

/** It has taken the fence and caught up with everything. */
async function startWorkingOperator(options: { unavailableAfterMs?: number } = {}): Promise<TestOperator> {
  const etcdUrl = `http://127.0.0.1:${etcdProxy.port}`;
  const env = { MCP2_OPERATOR_INSTALLATION_ID: INSTALLATION };
  const started = await plane.startLeader({ kubeconfig: api.adminKubeconfig, etcdUrl, env, ...options });
  await untilClean(oracle, 60_000);
  return started;
}

/** Events are written one at a time, in the background. */
async function countEvents(): Promise<number> {
  const list = () => plane.kube.list({ apiVersion: 'events.k8s.io/v1', kind: 'Event', namespace });
  let before = -1;
  const quiet = await eventually(
    async () => (await list()).reduce((sum, { series }) => sum + (series?.count ?? 1), 0),
    (count) => {
      const isQuiet = count === before;
      before = count;
      return isQuiet;
    },
    { intervalMs: 300 },
  );
  return quiet;
}

async function resourcesThatSay(reason: string): Promise<string[]> {
  const resources: KubeObject[] = await plane.kube.list({ ...MCP2_SERVER, namespace });
  const say = resources.filter((resource) => conditionOf(resource, 'Registered')?.reason === reason);
  return say.map(({ metadata }) => metadata.name).sort();
}

function mostWithinASecond(timesMs: readonly number[]): number {
  return Math.max(0, ...timesMs.map((from) => timesMs.filter((at) => at >= from && at < from + 1_000).length));
}

function server(number: number, round: string): KubeObject {
  return addressServer(namespace, nameOf(number), { registration: { tags: { round } } });
}

function nameOf(number: number): string {
  return `outage-${number}`;
}
