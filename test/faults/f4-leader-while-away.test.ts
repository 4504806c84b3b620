/**
 * F4 and F3 together: an operator that begins or ends to lead while the store of Discovery is away. Who waits is told,
 * what its owner lets go goes, and a drained leader hands over as fast as otherwise.
 */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type ControlPlane, startControlPlane } from '../harness/control-plane.ts';
import { eventually } from '../harness/eventually.ts';
import type { KubeObject } from '../harness/kube-client.ts';
import { createNamespace } from '../harness/kube-setup.ts';
import {
  addressServer,
  conditionOf,
  eventsOf,
  MCP2_SERVER,
  untilCondition,
  untilGone,
} from '../harness/mcp2-servers.ts';
import type { OperatorOptions, TestOperator } from '../harness/operator-fixture.ts';
import { type DiffInput, untilClean } from '../harness/registration-diff.ts';
import { startTcpProxy, type TcpProxy } from '../harness/tcp-proxy.ts';

const HAND_OVER_WITHIN_MS = 3_000;
const INSTALLATION = 'one';

let plane: ControlPlane;
let etcdProxy: TcpProxy;
let namespace: string;
let oracle: DiffInput;
const operators: TestOperator[] = [];

beforeAll(async () => {
  plane = await startControlPlane();
  etcdProxy = await startTcpProxy({ targetPort: plane.etcd.port });
  namespace = await createNamespace(plane.kube);
  oracle = { kube: plane.kube, store: plane.store, installation: INSTALLATION };
});

afterEach(async () => {
  await etcdProxy.pass();
  await Promise.all(operators.splice(0).map((operator) => operator.stop()));
});

afterAll(async () => {
  await plane?.[Symbol.asyncDispose]();
  await etcdProxy?.[Symbol.asyncDispose]();
});

async function start(options: Partial<OperatorOptions> = {}): Promise<TestOperator> {
  const etcdUrl = `http://127.0.0.1:${etcdProxy.port}`;
  const env = { MCP2_OPERATOR_INSTALLATION_ID: INSTALLATION, MCP2_OPERATOR_SWEEP_INTERVAL: '2s' };
  const operator = await plane.startOperator({ etcdUrl, env, ...options });
  operators.push(operator);
  return operator;
}

const server = (name: string, round: string): KubeObject =>
  addressServer(namespace, name, { registration: { tags: { round } } });

test.each(['refuse', 'hang'] as const)(
  'a leader that is stopped while etcd is away (%s) hands over within 3 s, also in the middle of work',
  async (fault) => {
    const leader = await start();
    for (const name of ['a', 'b', 'c']) await plane.kube.apply(server(name, `before-${fault}`));
    await untilClean(oracle, 30_000);
    const standby = await start();
    await eventually(
      () => fetch(`http://127.0.0.1:${standby.operator.opsPort}/readyz`),
      ({ ok }) => ok,
      { what: 'the standby to be ready' },
    );
    await etcdProxy[fault]();
    for (const name of ['a', 'b', 'c']) await plane.kube.apply(server(name, `after-${fault}`));
    const inWork = leader.metrics.getSingleMetric('workqueue_depth');
    await eventually(
      async () => (await inWork?.get())?.values[0]?.value,
      (depth) => depth === 0,
      { what: 'the changes to be taken up' },
    );

    const toldMs = performance.now();
    const stopped = leader.stop();
    await eventually(
      () => standby.operator.isLeading(),
      (leads) => leads,
      { what: 'the standby to lead' },
    );
    expect(performance.now() - toldMs).toBeLessThan(HAND_OVER_WITHIN_MS);
    await etcdProxy.pass();
    await stopped;
    await untilClean(oracle, 15_000);
  },
);

test('a leader that starts while etcd is away says so where something waits for it, and only there', async () => {
  await start();
  await plane.kube.apply(server('settled', 'one'));
  await plane.kube.apply(server('changed', 'one'));
  await untilClean(oracle, 30_000);
  await operators.splice(0)[0]?.stop();
  await etcdProxy.refuse();
  await plane.kube.apply(server('changed', 'two'));
  await plane.kube.apply(server('fresh', 'one'));
  await start({ unavailableAfterMs: 1_000 });

  const away = { type: 'Registered', status: 'Unknown', reason: 'StoreUnavailable' } as const;
  const changed = await untilCondition(plane.kube, server('changed', ''), away);
  expect(conditionOf(changed, 'EndpointsReady')).toMatchObject({ status: 'True' });
  const fresh = await untilCondition(plane.kube, server('fresh', ''), away);
  expect(conditionOf(fresh, 'Accepted')).toMatchObject({ status: 'True' });
  expect(await resourcesThatSay('StoreUnavailable')).toEqual(['changed', 'fresh']);

  await etcdProxy.pass();
  await untilClean(oracle, 15_000);
  for (const resource of [changed, fresh])
    await untilCondition(plane.kube, resource, { type: 'Ready', status: 'True' });
  const told = (await eventsOf(plane.kube, changed)).filter(({ reason }) => reason === 'StoreUnavailable');
  expect(told).toMatchObject([{ type: 'Warning', count: 1 }]);
});

test('a leader that starts while etcd is away lets go what its owner does not want to wait for', async () => {
  await start();
  const doomed = await plane.kube.apply(server('doomed', 'one'));
  await untilCondition(plane.kube, doomed, { type: 'Ready', status: 'True' });
  await operators.splice(0)[0]?.stop();
  await etcdProxy.refuse();
  await start();
  await plane.kube.patch(doomed, { metadata: { annotations: { 'mcp2.dev/force-finalize': 'true' } } });
  await plane.kube.delete(doomed);
  await untilGone(plane.kube, doomed);
  await etcdProxy.pass();
  await untilClean(oracle, 20_000);
});

async function resourcesThatSay(reason: string): Promise<string[]> {
  const resources: KubeObject[] = await plane.kube.list({ ...MCP2_SERVER, namespace });
  const say = resources.filter((resource) => conditionOf(resource, 'Registered')?.reason === reason);
  return say.map(({ metadata }) => metadata.name).sort();
}
