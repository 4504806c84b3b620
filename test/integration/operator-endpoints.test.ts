/** From slices and addresses to the endpoints that Discovery gives to clients, as they come, settle, drain and go. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createDial, type Dial } from '#lib/net/dial.ts';
import { type ControlPlane, startControlPlane } from '../harness/control-plane.ts';
import { eventually } from '../harness/eventually.ts';
import type { KubeObject } from '../harness/kube-client.ts';
import { createNamespace } from '../harness/kube-setup.ts';
import {
  addressServer,
  conditionOf,
  readRecord,
  serviceServer,
  untilCondition,
  untilRecord,
} from '../harness/mcp2-servers.ts';
import { type SliceOptions, serviceObject, sliceObject, startTestServer } from '../harness/operator-fixture.ts';

/** No process has to answer. */
const UNPROVED = { readiness: { gates: ['Endpoints'], minReadySeconds: 0 } };
const REBOUND = 'rebound.example';

let plane: ControlPlane;
let namespace: string;

beforeAll(async () => {
  plane = await startControlPlane();
  const { routes } = plane.fixture;
  const guarded = createDial({ allowLoopback: false, lookup: async () => ['198.51.100.7', '127.0.0.1'] });
  const dial: Dial = (url, signal) =>
    url.startsWith(REBOUND) ? guarded(url, signal) : Promise.resolve(`127.0.0.1:${routes.get(url) ?? 1}`);
  await plane.startOperator({ dial });
  namespace = await createNamespace(plane.kube);
});

afterAll(() => plane?.[Symbol.asyncDispose]());

test('an endpoint that shuts down is DRAINING at once, and all of them make AllDraining', async () => {
  const name = 'draining';
  const resource = await applyServer(name, ['192.0.2.1', '192.0.2.2'], UNPROVED);
  await untilCondition(plane.kube, resource, { type: 'Ready', status: 'True' });
  const draining = { ready: false, serving: true, terminating: true };
  await plane.kube.apply(slice(name, ['192.0.2.2']));
  await plane.kube.apply(secondSlice(name, ['192.0.2.1'], draining));
  await untilHealth(name, ['DRAINING', 'SERVING']);
  // Ready was True before, so the condition does not say that the status has followed the record.
  const summaryOf = async () => (await plane.kube.get(resource)).status.endpoints.summary;
  await eventually(summaryOf, (summary) => summary === '1/2', { what: 'one ready endpoint of two in the status' });
  expect(conditionOf(await plane.kube.get(resource), 'Ready')?.status).toBe('True');

  await plane.kube.apply(slice(name, ['192.0.2.2'], draining));
  await untilHealth(name, ['DRAINING', 'DRAINING']);
  await untilCondition(plane.kube, resource, { type: 'Ready', status: 'False', reason: 'AllDraining' });
});

test('an endpoint counts once it has stayed ready for minReadySeconds', async () => {
  const name = 'settling';
  const spec = { readiness: { gates: ['Endpoints'], minReadySeconds: 2 } };
  const startedMs = performance.now();
  const resource = await applyServer(name, ['192.0.2.3'], spec);
  await untilHealth(name, ['UNKNOWN']);
  const early = await untilCondition(plane.kube, resource, { type: 'EndpointsReady', status: 'Unknown' });
  expect(conditionOf(early, 'Ready')?.status).toBe('Unknown');
  await untilHealth(name, ['SERVING']);
  expect(performance.now() - startedMs).toBeGreaterThan(2_000);
  await untilCondition(plane.kube, resource, { type: 'Ready', status: 'True', timeoutMs: 1_000 });
});

test('scaled to zero the record stays, with nobody in it', async () => {
  const name = 'scaled';
  const resource = await applyServer(name, ['192.0.2.4'], UNPROVED);
  await untilCondition(plane.kube, resource, { type: 'Ready', status: 'True' });
  await plane.kube.apply(slice(name, []));
  const empty = await untilCondition(plane.kube, resource, { type: 'Ready', status: 'False', reason: 'ScaledToZero' });
  expect(empty.status.endpoints).toEqual({ ready: 0, total: 0, summary: '0/0' });
  expect((await readRecord(plane.store, name))?.endpoints).toEqual([]);
  await plane.kube.apply(slice(name, ['192.0.2.4']));
  await untilCondition(plane.kube, resource, { type: 'Ready', status: 'True' });
});

test('too few and not ready ones are told apart', async () => {
  const name = 'minimum';
  const spec = { readiness: { gates: ['Endpoints'], minReadySeconds: 0, minReadyEndpoints: 2 } };
  const resource = await applyServer(name, ['192.0.2.5'], spec);
  await untilCondition(plane.kube, resource, { type: 'EndpointsReady', status: 'False', reason: 'BelowMinimum' });
  expect(await healthOf(name)).toEqual(['SERVING']);
  await plane.kube.apply(slice(name, ['192.0.2.5'], { ready: false }));
  await untilCondition(plane.kube, resource, { type: 'EndpointsReady', status: 'False', reason: 'NoReadyEndpoints' });
  expect(await healthOf(name)).toEqual([]);
});

test('of 1,200 endpoints 1,000 are registered, and the status says so', async () => {
  const name = 'crowd';
  const addresses = Array.from(
    { length: 1_200 },
    (_, index) => `198.18.${Math.floor(index / 250)}.${(index % 250) + 1}`,
  );
  const resource = await applyServer(name, addresses.slice(0, 600), UNPROVED);
  await plane.kube.apply(secondSlice(name, addresses.slice(600)));
  const crowded = { type: 'EndpointsReady', status: 'True', reason: 'TooManyEndpoints' } as const;
  const seen = await untilCondition(plane.kube, resource, crowded);
  expect((await readRecord(plane.store, name))?.endpoints).toHaveLength(1_000);
  expect(seen.status.endpoints.total).toBe(1_200);
  expect(seen.status.endpointSample).toHaveLength(8);
});

test('a server outside the cluster is dialled by its address and proved like any other', async () => {
  const { fixture, kube } = plane;
  const host = 'partner.example';
  const name = 'partner';
  await using server = await startTestServer({ fixture, serverName: name, address: host, port: 443, dnsName: host });
  const bundle: KubeObject = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'partner-ca', namespace },
    data: { 'ca.crt': fixture.authority.certificate },
  };
  await kube.apply(bundle);
  const tls = { caBundleRef: { kind: 'ConfigMap', name: 'partner-ca', key: 'ca.crt' } };
  const proved = { tls, readiness: { gates: ['Endpoints', 'Handshake'] } };
  const source = { address: `grpcs://${server.url}` };
  const resource = await kube.apply(addressServer(namespace, name, { source, ...proved }));
  await untilCondition(kube, resource, { type: 'Ready', status: 'True' });
  expect((await readRecord(plane.store, name))?.endpoints).toMatchObject([
    { url: 'partner.example:443', tlsServerName: host, transport: 'TLS', health: 'SERVING' },
  ]);
});

test('a name that leads to this machine is never dialled', async () => {
  const spec = { source: { address: `grpcs://${REBOUND}:443` }, readiness: { gates: ['Endpoints', 'Handshake'] } };
  const resource = await plane.kube.apply(addressServer(namespace, 'rebound', spec));
  const awaited = { type: 'HandshakeVerified', status: 'False', reason: 'Unreachable' } as const;
  const refused = await untilCondition(plane.kube, resource, awaited);
  expect(conditionOf(refused, 'HandshakeVerified')?.message).toMatch(/never connected to.*forbidden address/);
  expect(await healthOf('rebound')).toEqual(['NOT_SERVING']);
});

test('who may find a server follows the labels of namespaces', async () => {
  const { kube, store } = plane;
  const label = { 'mcp2.dev/tenant': 'retail' };
  const visibility = { from: 'Selector', selector: { matchLabels: label } };
  const spec = { registration: { visibility } };
  await kube.apply(addressServer(namespace, 'visible', spec));
  await untilRecord(store, 'visible', (record) => record?.visibility.visibleTo.join() === `${namespace}.*`);

  const [first, second] = [await createNamespace(kube, 'retail'), await createNamespace(kube, 'retail')];
  await kube.patch(namespaceObject(first), { metadata: { labels: label } });
  await untilRecord(store, 'visible', (record) => record?.visibility.visibleTo.join() === `${first}.*`, 2_000);
  await kube.patch(namespaceObject(second), { metadata: { labels: label } });
  const both = [first, second].map((one) => `${one}.*`).sort();
  await untilRecord(store, 'visible', (record) => record?.visibility.visibleTo.join() === both.join(), 2_000);
  await kube.patch(namespaceObject(first), { metadata: { labels: { 'mcp2.dev/tenant': null } } });
  await untilRecord(store, 'visible', (record) => record?.visibility.visibleTo.join() === `${second}.*`, 2_000);
});

async function applyServer(name: string, addresses: readonly string[], spec: object): Promise<KubeObject> {
  await plane.kube.apply(serviceObject(namespace, name));
  await plane.kube.apply(slice(name, addresses));
  return plane.kube.apply(serviceServer(namespace, name, spec));
}

function slice(service: string, addresses: readonly string[], conditions?: SliceOptions['conditions']) {
  return sliceObject({ namespace, service, addresses, ...(conditions ? { conditions } : {}) });
}

function secondSlice(service: string, addresses: readonly string[], conditions?: SliceOptions['conditions']) {
  const first = slice(service, addresses, conditions);
  return { ...first, metadata: { ...first.metadata, name: `${service}-2` } };
}

function namespaceObject(name: string): KubeObject {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
}

async function healthOf(serverName: string): Promise<readonly string[] | undefined> {
  return (await readRecord(plane.store, serverName))?.endpoints.map(({ health }) => health).sort();
}

async function untilHealth(serverName: string, health: readonly string[]): Promise<void> {
  const of = (record: Awaited<ReturnType<typeof readRecord>>) => record?.endpoints.map((endpoint) => endpoint.health);
  await untilRecord(plane.store, serverName, (record) => of(record)?.sort().join() === health.join());
}
