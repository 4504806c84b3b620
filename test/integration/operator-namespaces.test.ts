/**
 * An operator that works in some namespaces alone: it needs no right beyond them but to read namespaces' labels, it
 * follows all of them, and what is registered of others is none of its business.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ControlPlane, startControlPlane } from '../harness/control-plane.ts';
import { eventually } from '../harness/eventually.ts';
import { type FaultProxy, startFaultProxy } from '../harness/fault-proxy.ts';
import { createNamespace } from '../harness/kube-setup.ts';
import {
  addressServer,
  readRecord,
  serviceServer,
  untilCondition,
  untilGone,
  untilRecord,
} from '../harness/mcp2-servers.ts';
import { serviceObject, sliceObject } from '../harness/operator-fixture.ts';
import { namespacedOperatorToken } from '../harness/operator-rbac.ts';

const SCOPED = ['mcp2servers', 'services', 'endpointslices'];
const INSTALLATION = 'one';

let plane: ControlPlane;
let api: FaultProxy;
let [shop, billing, elsewhere] = ['', '', ''];

beforeAll(async () => {
  plane = await startControlPlane();
  api = await startFaultProxy({ target: plane.apiserver });
  const { kube } = plane;
  [shop, billing, elsewhere] = [await createNamespace(kube), await createNamespace(kube), await createNamespace(kube)];
  // Registered while the operator still looked everywhere.
  const first = await plane.startLeader({ env: { MCP2_OPERATOR_INSTALLATION_ID: INSTALLATION } });
  await kube.apply(addressServer(elsewhere, 'registered-before'));
  await untilCondition(kube, addressServer(elsewhere, 'registered-before'), { type: 'Ready', status: 'True' });
  await first.stop();

  const home = await createNamespace(kube, 'mcp2-system');
  const token = await namespacedOperatorToken(kube, { namespace: home, name: 'mcp2-operator' }, [shop, billing]);
  await plane.startLeader({
    kubeconfig: await api.kubeconfigFor({ token }),
    reflectorTiming: { backoffCapMs: 500, vanishedRelistMs: 200 },
    env: {
      POD_NAMESPACE: home,
      MCP2_OPERATOR_INSTALLATION_ID: INSTALLATION,
      MCP2_OPERATOR_NAMESPACES: `${shop},${billing}`,
      MCP2_OPERATOR_SWEEP_INTERVAL: '1s',
    },
  });
});

afterAll(async () => {
  await plane?.[Symbol.asyncDispose]();
  await api?.[Symbol.asyncDispose]();
});

async function applyService(namespace: string, name: string): Promise<void> {
  await plane.kube.apply(serviceObject(namespace, name));
  await plane.kube.apply(sliceObject({ namespace, service: name, addresses: ['192.0.2.1'] }));
  await plane.kube.apply(serviceServer(namespace, name, { readiness: { gates: ['Endpoints'] } }));
}

test('resources, Services and endpoints of each named namespace are followed, through lists that begin anew too', async () => {
  const { kube, store } = plane;
  for (const [namespace, name] of [
    [shop, 'in-shop'],
    [billing, 'in-billing'],
  ] as const) {
    await applyService(namespace, name);
    await untilCondition(kube, serviceServer(namespace, name), { type: 'Ready', status: 'True' });
  }
  const listed = () => SCOPED.map((resource) => api.requests({ verb: 'list', resource }).length);
  const before = listed();
  await eventually(
    () => {
      api.sendErrorToStreams(410);
      return listed();
    },
    (lists) => lists.every((count, index) => count >= (before[index] ?? 0) + 2),
    { what: 'both namespaces to be listed again', intervalMs: 200 },
  );
  for (const [namespace, name] of [
    [shop, 'in-shop'],
    [billing, 'in-billing'],
  ] as const) {
    expect((await readRecord(store, name))?.endpoints).toHaveLength(1);
    await kube.apply(sliceObject({ namespace, service: name, addresses: [] }));
    await untilRecord(store, name, (record) => record?.endpoints.length === 0);
    await kube.delete(serviceServer(namespace, name));
    await untilGone(kube, serviceServer(namespace, name));
    expect(await readRecord(store, name)).toBeUndefined();
  }
});

test('resources of other namespaces are left alone, and so is what is registered of them', async () => {
  const { kube, store } = plane;
  await kube.apply(addressServer(elsewhere, 'not-ours'));
  await kube.apply(addressServer(shop, 'ours'));
  await untilCondition(kube, addressServer(shop, 'ours'), { type: 'Ready', status: 'True' });
  // Gone without a word: the sweeper finds it, and in the same pass that the other one is not listed.
  await kube.patch(addressServer(shop, 'ours'), { metadata: { finalizers: null } });
  await kube.delete(addressServer(shop, 'ours'));
  await untilRecord(store, 'ours', (record) => record === undefined, 30_000);
  expect((await kube.get(addressServer(elsewhere, 'not-ours'))).status?.conditions).toBeUndefined();
  expect(await readRecord(store, 'registered-before')).toBeDefined();
});

test('nothing was refused, and nothing but namespaces was listed or watched across them', () => {
  expect(api.requests().filter(({ status }) => status === 401 || status === 403)).toEqual([]);
  const across = api
    .requests({ verb: ['list', 'watch'] })
    .filter(({ namespace, resource }) => namespace === undefined && resource !== 'namespaces');
  expect(across).toEqual([]);
});
