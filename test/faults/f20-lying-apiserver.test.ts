/**
 * F20: an API server that lists nothing, half of it, or refuses to list. None of that may take a registration or an
 * endpoint out of Discovery: an empty answer is more often a confused server than an empty cluster.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { createKeys } from '#lib/store/keys.ts';
import { decodeServerRecord } from '#lib/store/servers.ts';
import { type ControlPlane, startControlPlane } from '../harness/control-plane.ts';
import { eventually } from '../harness/eventually.ts';
import { type FaultProxy, startFaultProxy } from '../harness/fault-proxy.ts';
import type { Fault } from '../harness/faults.ts';
import { createNamespace } from '../harness/kube-setup.ts';
import { addressServer, serviceServer, untilGone, untilRecord } from '../harness/mcp2-servers.ts';
import { serviceObject, sliceObject, type TestOperator } from '../harness/operator-fixture.ts';
import { type DiffInput, untilClean } from '../harness/registration-diff.ts';

/** One more is made that namespaces select. */
const ADDRESSES = 30;
const SERVICES = 10;
const SWEEP_MS = 1_000;
const INSTALLATION = 'one';
const LISTED = ['mcp2servers', 'services', 'endpointslices', 'namespaces'];

let plane: ControlPlane;
let api: FaultProxy;
let namespace: string;
let oracle: DiffInput;
let operator: TestOperator;

beforeAll(async () => {
  plane = await startControlPlane();
  api = await startFaultProxy({ target: plane.apiserver });
  namespace = await createNamespace(plane.kube);
  oracle = { kube: plane.kube, store: plane.store, installation: INSTALLATION };
  await createServers();
  operator = await plane.startOperator({
    kubeconfig: api.adminKubeconfig,
    // The same waits in small: this file breaks more watches in a minute than a cluster does in a month.
    reflectorTiming: { backoffCapMs: 500, healthyMs: 1_000 },
    env: { MCP2_OPERATOR_INSTALLATION_ID: INSTALLATION, MCP2_OPERATOR_SWEEP_INTERVAL: `${SWEEP_MS}ms` },
  });
  await untilClean(oracle, 60_000);
  await untilServing();
});

afterEach(async () => {
  api.clear();
  await relist();
  await untilClean(oracle, 20_000);
  await untilServing();
});

afterAll(async () => {
  await plane?.[Symbol.asyncDispose]();
  await api?.[Symbol.asyncDispose]();
});

test.each<[string, Fault]>([
  ['an empty list', { kind: 'empty-list' }],
  ['a list of the first three', { kind: 'partial-list', keepItems: 3 }],
])('%s deletes nothing, is noticed by the sweeper and forgotten once it is healed', async (_title, fault) => {
  const before = await recordRevisions();
  api.inject({ match: { verb: 'list' }, fault });
  await relist();
  await eventually(gcBlocked, (blocked) => blocked === 1, { what: 'mcp2_gc_blocked to be raised' });
  await sleep(2 * SWEEP_MS);
  expect(await recordRevisions()).toEqual(before);
  const warnings = await plane.kube.list({ apiVersion: 'events.k8s.io/v1', kind: 'Event', namespace: 'default' });
  expect(warnings.map(({ reason }) => reason)).toContain('MassDeleteBlocked');

  api.clear();
  await relist();
  await eventually(gcBlocked, (blocked) => blocked === 0, { what: 'mcp2_gc_blocked to be lowered' });
  expect(await recordRevisions()).toEqual(before);
});

test('a list that lacks a few is believed by nobody while they can be read one by one', async () => {
  const before = await recordRevisions();
  api.inject({
    match: { verb: 'list', resource: 'mcp2servers' },
    fault: { kind: 'partial-list', keepItems: ADDRESSES + SERVICES + 1 - 5 },
  });
  await relist();
  await sleep(2 * SWEEP_MS);
  expect(await gcBlocked()).toBe(0);
  expect(await recordRevisions()).toEqual(before);
});

test('a list that lacks a few deletes nothing either while reading them one by one is refused', async () => {
  const before = await recordRevisions();
  api.inject({
    match: { verb: 'list', resource: 'mcp2servers' },
    fault: { kind: 'partial-list', keepItems: ADDRESSES + SERVICES + 1 - 5 },
  });
  api.inject({ match: { verb: 'get', resource: 'mcp2servers' }, fault: { kind: 'status', code: 403 } });
  await relist();
  await sleep(2 * SWEEP_MS);
  expect(await recordRevisions()).toEqual(before);
});

test.each([403, 500])('lists that are answered with %i delete nothing', async (code) => {
  const before = await recordRevisions();
  api.forgetRequests();
  api.inject({ match: { verb: ['list', 'watch'] }, fault: { kind: 'status', code } });
  await eventually(
    () => {
      // Again and again: a watch that is just being opened is none yet.
      api.cutStreams();
      return LISTED.filter((resource) => !api.requests({ resource }).some(({ status }) => status === code));
    },
    (unanswered) => unanswered.length === 0,
    { what: 'every kind to be refused' },
  );
  await sleep(2 * SWEEP_MS);
  expect(await gcBlocked()).toBe(0);
  expect(await recordRevisions()).toEqual(before);
});

test.each(['services', 'endpointslices', 'namespaces'])(
  'an empty list of %s takes nothing out of Discovery',
  async (resource) => {
    const before = await recordRevisions();
    api.inject({ match: { verb: 'list', resource }, fault: { kind: 'empty-list' } });
    await relist();
    await sleep(2 * SWEEP_MS);
    expect(await recordRevisions()).toEqual(before);
  },
);

test('an endpoint that really went while its watch was blind leaves within seconds', async () => {
  const service = 'lying-service-0';
  const slice = sliceObject({ namespace, service, addresses: ['192.0.2.1'] });
  api.inject({ match: { verb: 'watch', resource: 'endpointslices' }, fault: { kind: 'hang' } });
  api.cutStreams({ resource: 'endpointslices' });
  await plane.kube.delete(slice);
  api.clear();
  await relist();
  await untilRecord(plane.store, service, (record) => record?.endpoints.length === 0, 3_000);
  await plane.kube.apply(slice);
  await untilRecord(plane.store, service, (record) => record?.endpoints[0]?.health === 'SERVING');
});

test('a resource that really went while its watch was blind is removed by the sweeper', async () => {
  const before = await recordRevisions();
  const doomed = addressServer(namespace, 'lying-0');
  api.inject({ match: { verb: 'watch' }, fault: { kind: 'hang' } });
  api.cutStreams();
  await plane.kube.patch(doomed, { metadata: { finalizers: null } });
  await plane.kube.delete(doomed);
  await untilGone(plane.kube, doomed);
  api.clear();
  await relist();
  await untilClean(oracle, 20_000);
  expect(await recordRevisions()).toEqual(before.filter(([key]) => !key.endsWith('/lying-0')));
});

/** Ends every watch with 410, so that everything is listed again. */
async function relist(): Promise<void> {
  const listed = () => LISTED.map((resource) => api.requests({ verb: 'list', resource }).length);
  const before = listed();
  const isRelisted = () => listed().every((count, index) => count > (before[index] ?? 0));
  const what = 'every kind to be listed again';
  await eventually(
    () => {
      if (!isRelisted()) api.sendErrorToStreams(410);
      return isRelisted();
    },
    (done) => done,
    { what, timeoutMs: 60_000, intervalMs: 200 },
  );
}

async function recordRevisions(): Promise<(readonly [string, number])[]> {
  const { entries } = await plane.store.list(createKeys().servers);
  return entries.map(({ key, modRevision }) => [key, modRevision] as const);
}

/** Endpoints count only after minReadySeconds; until then a record that changes proves nothing. */
async function untilServing(): Promise<void> {
  const healths = async () => {
    const { entries } = await plane.store.list(createKeys().servers);
    return entries.flatMap(({ value }) => decodeServerRecord(value)?.endpoints.map(({ health }) => health) ?? []);
  };
  await eventually(healths, (all) => all.every((health) => health === 'SERVING'), { what: 'every endpoint to serve' });
}

async function gcBlocked(): Promise<number | undefined> {
  const metric = await operator.metrics.getSingleMetric('mcp2_gc_blocked')?.get();
  return metric?.values[0]?.value;
}

async function createServers(): Promise<void> {
  const visibility = { from: 'Selector', selector: { matchLabels: { 'kubernetes.io/metadata.name': 'kube-system' } } };
  await plane.kube.apply(addressServer(namespace, 'seen-elsewhere', { registration: { visibility } }));
  for (let number = 0; number < ADDRESSES; number += 1) {
    await plane.kube.apply(addressServer(namespace, `lying-${number}`));
  }
  for (let number = 0; number < SERVICES; number += 1) {
    const service = `lying-service-${number}`;
    await plane.kube.apply(serviceObject(namespace, service));
    await plane.kube.apply(sliceObject({ namespace, service, addresses: [`192.0.2.${number + 1}`] }));
    await plane.kube.apply(serviceServer(namespace, service, { readiness: { gates: ['Endpoints'] } }));
  }
}
