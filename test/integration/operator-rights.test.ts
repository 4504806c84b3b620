/** The operator works with the rights that the chart gives it, and uses every one of them. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ControlPlane, startControlPlane } from '../harness/control-plane.ts';
import { eventually } from '../harness/eventually.ts';
import { type FaultProxy, type RecordedRequest, startFaultProxy } from '../harness/fault-proxy.ts';
import type { KubeObject } from '../harness/kube-client.ts';
import { createNamespace } from '../harness/kube-setup.ts';
import { addressServer, conditionOf, serviceServer, untilCondition, untilGone } from '../harness/mcp2-servers.ts';
import { serviceObject, sliceObject, startTestServer } from '../harness/operator-fixture.ts';
import { OPERATOR_CLUSTER_RULES, OPERATOR_LEASE_RULES, operatorToken } from '../harness/operator-rbac.ts';

let plane: ControlPlane;
let api: FaultProxy;
let namespace: string;

beforeAll(async () => {
  plane = await startControlPlane();
  api = await startFaultProxy({ target: plane.apiserver });
  namespace = await createNamespace(plane.kube);
});

afterAll(async () => {
  await plane?.[Symbol.asyncDispose]();
  await api?.[Symbol.asyncDispose]();
});

test('with its own role the operator does all of its work, and nothing is refused', async () => {
  const { kube, fixture } = plane;
  const home = await createNamespace(kube, 'mcp2-system');
  const token = await operatorToken(kube, { namespace: home, name: 'mcp2-operator' });
  const kubeconfig = await api.kubeconfigFor({ token });
  const options = { kubeconfig, env: { POD_NAMESPACE: home }, reflectorTiming: { backoffCapMs: 500 } };
  await plane.startLeader(options);
  await plane.startOperator(options);
  const name = 'rightful';
  const dnsName = `${name}.${namespace}.svc`;
  await using server = await startTestServer({ fixture, serverName: name, address: '192.0.2.1', dnsName });
  const data = { 'ca.crt': fixture.authority.certificate };
  const bundle: KubeObject = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'mesh-ca', namespace }, data };
  await kube.apply(bundle);
  await kube.apply(serviceObject(namespace, name));
  await kube.apply(sliceObject({ namespace, service: name, addresses: [server.address] }));
  const tls = { caBundleRef: { kind: 'ConfigMap', name: 'mesh-ca', key: 'ca.crt' } };
  const resource = await kube.apply(serviceServer(namespace, name, { tls }));
  await untilCondition(kube, resource, { type: 'Ready', status: 'True' });
  await flap(name, server.address);
  await confirmWhatAListLost();
  await kube.delete(resource);
  await untilGone(kube, resource);

  expect(api.requests().filter(({ status }) => status === 401 || status === 403)).toEqual([]);
  expect(unusedRights()).toEqual([]);
});

test('what the operator may not read is said in the resource that refers to it', async () => {
  const { kube } = plane;
  api.inject({ match: { verb: 'get', resource: 'configmaps' }, fault: { kind: 'status', code: 403 } });
  const tls = { caBundleRef: { kind: 'ConfigMap', name: 'hidden', key: 'ca.crt' } };
  const resource = await kube.apply(addressServer(namespace, 'not-permitted', { tls }));
  const awaited = { type: 'ResolvedRefs', status: 'False', reason: 'RefNotPermitted' } as const;
  const refused = await untilCondition(kube, resource, awaited);
  expect(conditionOf(refused, 'ResolvedRefs')?.message).toContain('ConfigMap "hidden"');
  api.clear();
});

/** Twice the same news is one Event that counts. */
async function flap(name: string, address: string): Promise<void> {
  const server = serviceServer(namespace, name);
  for (let round = 0; round < 2; round += 1) {
    await plane.kube.apply(sliceObject({ namespace, service: name, addresses: [] }));
    await untilCondition(plane.kube, server, { type: 'Ready', status: 'False' });
    await plane.kube.apply(sliceObject({ namespace, service: name, addresses: [address] }));
    await untilCondition(plane.kube, server, { type: 'Ready', status: 'True' });
  }
}

/** An empty list of everything; the sweeper and the sources read one by one what it lacks. */
async function confirmWhatAListLost(): Promise<void> {
  api.inject({ match: { verb: 'list' }, fault: { kind: 'empty-list' } });
  const resources = ['services', 'endpointslices', 'namespaces', 'mcp2servers'];
  const unread = () => resources.slice(0, 3).filter((resource) => api.requests({ verb: 'get', resource }).length === 0);
  await relistUntil(unread, 'what the lists lack to be read');
  api.clear();
  const isWhole = ({ verb, fault }: RecordedRequest) => verb === 'list' && fault === undefined;
  const clearedMs = performance.now();
  const whole = (resource: string) => api.requests({ resource }).filter(isWhole);
  const unlisted = () => resources.filter((resource) => !whole(resource).some(({ atMs }) => atMs > clearedMs));
  await relistUntil(unlisted, 'everything to be listed again');
}

async function relistUntil(missing: () => readonly string[], what: string): Promise<void> {
  const relist = () => {
    api.sendErrorToStreams(410);
    return missing();
  };
  await eventually(relist, (left) => left.length === 0, { what, intervalMs: 300, timeoutMs: 20_000 });
}

/** "verb resource" of what is granted and was not used. */
function unusedRights(): string[] {
  const used = new Set(
    api
      .requests()
      .map(({ verb, resource, subresource }) => `${verb} ${[resource, subresource].filter(Boolean).join('/')}`),
  );
  const granted = [...OPERATOR_CLUSTER_RULES, ...OPERATOR_LEASE_RULES].flatMap(({ verbs, resources }) =>
    verbs.flatMap((verb) => resources.map((resource) => `${verb} ${resource}`)),
  );
  // Used only where an orphan or a conflict is confirmed, or a plugin demands it.
  const rare = ['get mcp2servers', 'patch mcp2servers/finalizers'];
  return [...new Set(granted)].filter((right) => !used.has(right) && !rare.includes(right));
}
