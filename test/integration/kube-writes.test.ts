/** What the operator writes to the API server besides leases: status, finalizers and Events. */

import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { systemClock } from '#lib/clock.ts';
import type { EventToRecord } from '#lib/kube/event-series.ts';
import { EventRecorder } from '#lib/kube/events.ts';
import { addFinalizer, removeFinalizer } from '#lib/kube/finalizer.ts';
import { CONFIG_MAPS, type KubeObject, SERVICES } from '#lib/kube/object.ts';
import { type StatusFields, StatusWriter, type WithStatus } from '#lib/kube/status.ts';
import { silentLogger } from '#lib/logger.ts';
import { type FaultProxy, startFaultProxy } from '../harness/fault-proxy.ts';
import { KubeClient, type KubeObject as TestObject } from '../harness/kube-client.ts';
import { createNamespace } from '../harness/kube-setup.ts';
import { connectOperatorApi, type OperatorApi } from '../harness/operator-api.ts';
import { sharedKubeApiserver } from '../harness/shared-kube-apiserver.ts';

const { signal } = new AbortController();
const FINALIZER = 'mcp2.dev/test';

let proxy: FaultProxy;
let direct: KubeClient;
let operator: OperatorApi;
let namespace: string;

beforeAll(async () => {
  const target = await sharedKubeApiserver();
  direct = new KubeClient(target.admin);
  namespace = await createNamespace(direct, 'writes');
  proxy = await startFaultProxy({ target });
  operator = await connectOperatorApi(proxy.admin);
});

afterEach(() => {
  proxy.clear();
  proxy.forgetRequests();
});

afterAll(async () => {
  await operator[Symbol.asyncDispose]();
  await proxy[Symbol.asyncDispose]();
  await direct[Symbol.asyncDispose]();
});

const patches = (resource: string) => proxy.requests({ verb: 'patch', resource });

async function createService(name: string): Promise<WithStatus> {
  const spec = { type: 'LoadBalancer', ports: [{ port: 80 }] };
  const service = { apiVersion: 'v1', kind: 'Service', metadata: { namespace, name }, spec };
  return (await direct.create(service)) as unknown as WithStatus;
}

const reference = (name: string) => ({ apiVersion: 'v1', kind: 'Service', metadata: { namespace, name } });
const readService = async (name: string) => (await direct.get(reference(name))) as unknown as WithStatus;

const condition = (type: string, status: 'True' | 'False') => ({
  type,
  status,
  reason: 'Tested',
  message: `${type} is ${status}`,
  lastTransitionTime: '2026-01-01T00:00:00Z',
});

function statusWriter(): StatusWriter {
  return new StatusWriter({ api: operator.api, resource: SERVICES, fieldManager: 'mcp2-operator' });
}

function wanted(...conditions: readonly ReturnType<typeof condition>[]): StatusFields {
  return { conditions };
}

test('a status is written once, and again only when it changes', async () => {
  const writer = statusWriter();
  const created = await createService('once');
  const ready = condition('Ready', 'True');
  expect(await writer.write(created, wanted(ready), signal)).toBe('written');
  const stored = await readService('once');
  expect(await writer.write(stored, wanted(ready), signal)).toBe('unchanged');
  expect(patches('services').length).toBe(1);
  const failing = condition('Ready', 'False');
  expect(await writer.write(stored, wanted(failing), signal)).toBe('written');
  expect((await readService('once')).status?.conditions).toMatchObject([{ type: 'Ready', status: 'False' }]);
});

test('a copy that is older than our last write is not taken for a change', async () => {
  const writer = statusWriter();
  const stale = await createService('stale');
  const ready = condition('Ready', 'True');
  expect(await writer.write(stale, wanted(ready), signal)).toBe('written');
  expect(await writer.write(stale, wanted(ready), signal)).toBe('unchanged');
  expect(patches('services').length).toBe(1);
});

test("other owners' conditions and fields stay", async () => {
  const writer = statusWriter();
  const created = await createService('shared');
  const theirs = {
    ...reference('shared'),
    status: {
      conditions: [condition('Audited', 'True')],
      loadBalancer: { ingress: [{ ip: '192.0.2.1' }] },
    },
  };
  await direct.apply(theirs, { fieldManager: 'auditor', subresource: 'status' });
  await writer.write(created, wanted(condition('Ready', 'True')), signal);
  await writer.write(await readService('shared'), wanted(condition('Ready', 'False')), signal);
  const { status } = await readService('shared');
  expect(
    ((status?.conditions ?? []) as ReturnType<typeof condition>[])
      .map(({ type, status: value }) => `${type}=${value}`)
      .sort(),
  ).toEqual(['Audited=True', 'Ready=False']);
  expect(status?.loadBalancer).toMatchObject({ ingress: [{ ip: '192.0.2.1' }] });
  expect(await writer.write(await readService('shared'), { conditions: status?.conditions ?? [] }, signal)).toBe(
    'unchanged',
  );
});

test('the status of a resource that is gone is nothing to write, and not written to its successor', async () => {
  const writer = statusWriter();
  const old = await createService('gone');
  await direct.delete(reference('gone'));
  const status = wanted(condition('Ready', 'True'));
  expect(await writer.write(old, status, signal)).toBe('gone');
  const successor = await createService('gone');
  expect(await writer.write(old, status, signal)).toBe('gone');
  expect((await readService('gone')).metadata.uid).toBe(successor.metadata.uid);
  expect((await readService('gone')).status?.conditions).toBeUndefined();
});

async function createMap(name: string, finalizers: readonly string[] = []): Promise<KubeObject> {
  const map = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace, name, finalizers } };
  return (await direct.create(map)) as unknown as KubeObject;
}

const mapReference = (name: string) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace, name } });
const findMap = async (name: string) => (await direct.find(mapReference(name))) as KubeObject | undefined;
const finalizing = (object: KubeObject) => ({
  api: operator.api,
  resource: CONFIG_MAPS,
  object,
  finalizer: FINALIZER,
  signal,
});

test('a finalizer is added once and removed once, beside those of others', async () => {
  const created = await createMap('finalized', ['example.com/theirs']);
  const added = await addFinalizer(finalizing(created));
  expect(added?.metadata.finalizers).toEqual(['example.com/theirs', FINALIZER]);
  await addFinalizer(finalizing(added ?? created));
  expect(patches('configmaps').length).toBe(1);
  const removed = await removeFinalizer(finalizing(added ?? created));
  expect(removed?.metadata.finalizers).toEqual(['example.com/theirs']);
  await removeFinalizer(finalizing(removed ?? created));
  expect(patches('configmaps').length).toBe(2);
});

test.each([
  ['add', addFinalizer, ['example.com/new', FINALIZER]],
  ['remove', removeFinalizer, ['example.com/new']],
] as const)('%s from a stale copy keeps what others did meanwhile', async (title, change, expected) => {
  const stale = await createMap(
    `stale-${title}`,
    title === 'remove' ? ['example.com/old', FINALIZER] : ['example.com/old'],
  );
  const now = title === 'remove' ? ['example.com/new', FINALIZER] : ['example.com/new'];
  await direct.patch(mapReference(`stale-${title}`), { metadata: { finalizers: now } });
  await change(finalizing(stale));
  expect((await findMap(`stale-${title}`))?.metadata.finalizers).toEqual(expected);
});

test('a lost reply changes nothing about the result', async () => {
  const created = await createMap('lost');
  proxy.inject({ match: { verb: 'patch', resource: 'configmaps' }, fault: { kind: 'lose-reply' }, times: 1 });
  const added = await addFinalizer(finalizing(created));
  expect(added?.metadata.finalizers).toEqual([FINALIZER]);
  proxy.inject({ match: { verb: 'patch', resource: 'configmaps' }, fault: { kind: 'lose-reply' }, times: 1 });
  await removeFinalizer(finalizing(added ?? created));
  expect((await findMap('lost'))?.metadata.finalizers).toBeUndefined();
});

test('a deleted object gets no finalizer, and goes when ours is removed', async () => {
  const created = await createMap('deleted', [FINALIZER]);
  await direct.delete(mapReference('deleted'));
  const deleting = await findMap('deleted');
  expect(deleting?.metadata.deletionTimestamp).toBeDefined();
  await addFinalizer({ ...finalizing(deleting ?? created), finalizer: 'example.com/too-late' });
  expect(patches('configmaps').length).toBe(0);
  await removeFinalizer(finalizing(created));
  expect(await findMap('deleted')).toBeUndefined();
  expect(await removeFinalizer(finalizing(created))).toBeUndefined();
});

test('a successor of the same name is not touched', async () => {
  const old = await createMap('successor');
  await direct.delete(mapReference('successor'));
  await createMap('successor', ['example.com/theirs']);
  expect(await addFinalizer(finalizing(old))).toBeUndefined();
  expect((await findMap('successor'))?.metadata.finalizers).toEqual(['example.com/theirs']);
});

test('an add that starts before the deletion and is refused by it gives up in peace', async () => {
  const created = await createMap('racing', ['example.com/theirs']);
  await direct.delete(mapReference('racing'));
  const result = await addFinalizer(finalizing(created));
  expect(result?.metadata.deletionTimestamp).toBeDefined();
  expect((await findMap('racing'))?.metadata.finalizers).toEqual(['example.com/theirs']);
});

function recorder(onDropped = () => {}): EventRecorder {
  return new EventRecorder({
    api: operator.api,
    reportingController: 'mcp2.dev/operator',
    reportingInstance: 'operator-0',
    clock: systemClock,
    random: Math.random,
    log: silentLogger,
    onDropped,
  });
}

const event = (regarding: KubeObject, note: string): EventToRecord => ({
  regarding: { ...regarding, apiVersion: 'v1', kind: 'ConfigMap' },
  type: 'Warning',
  reason: 'HandshakeFailed',
  action: 'Probe',
  note,
});

async function eventsOf({ metadata }: KubeObject): Promise<readonly TestObject[]> {
  const events = await direct.list({ apiVersion: 'events.k8s.io/v1', kind: 'Event', namespace });
  return events.filter(({ regarding }) => regarding.uid === metadata.uid);
}

test('an event is written with everything the API server demands, and repeats count up in it', async () => {
  const subject = await createMap('talks');
  const events = recorder();
  events.record(event(subject, 'connection refused'));
  await events.flush();
  for (let i = 0; i < 4; i += 1) events.record(event(subject, 'connection refused'));
  await events.flush();
  const [only, ...others] = await eventsOf(subject);
  expect(others).toEqual([]);
  expect(only).toMatchObject({
    type: 'Warning',
    reason: 'HandshakeFailed',
    action: 'Probe',
    note: 'connection refused',
    reportingController: 'mcp2.dev/operator',
    reportingInstance: 'operator-0',
    eventTime: expect.stringMatching(/\.\d{6}Z$/),
    series: { count: 5, lastObservedTime: expect.stringMatching(/\.\d{6}Z$/) },
  });
});

test('many similar events become eleven', async () => {
  const subject = await createMap('floods');
  const events = recorder();
  for (let i = 0; i < 20; i += 1) events.record(event(subject, `port ${i} refused`));
  await events.flush();
  const found = await eventsOf(subject);
  expect(found.length).toBe(11);
  const combined = found.find(({ note }) => note.startsWith('(combined from similar events): '));
  expect(combined?.series.count).toBe(10);
});

test('an event that the API server has deleted is written anew when it happens again', async () => {
  const subject = await createMap('forgotten');
  const events = recorder();
  events.record(event(subject, 'refused'));
  await events.flush();
  for (const { metadata } of await eventsOf(subject)) {
    await direct.delete({ apiVersion: 'events.k8s.io/v1', kind: 'Event', metadata });
  }
  events.record(event(subject, 'refused'));
  await events.flush();
  expect((await eventsOf(subject)).length).toBe(1);
});

test.each([{ kind: 'status', code: 403 } as const, { kind: 'status', code: 500 } as const, { kind: 'cut' } as const])(
  'an API server that takes no events (%o) hurts nobody, and later events are written',
  async (fault) => {
    const subject = await createMap(`refused-${Math.random().toString(36).slice(2)}`);
    const dropped: number[] = [];
    const events = recorder(() => dropped.push(1));
    const injected = proxy.inject({ match: { resource: 'events' }, fault });
    events.record(event(subject, 'one'));
    await events.flush();
    expect(dropped.length).toBe(1);
    injected.clear();
    events.record(event(subject, 'two'));
    await events.flush();
    expect((await eventsOf(subject)).map(({ note }) => note)).toEqual(['two']);
  },
);

test('more events than can be written soon are dropped and counted', async () => {
  const dropped: number[] = [];
  const events = recorder(() => dropped.push(1));
  const injected = proxy.inject({ match: { resource: 'events' }, fault: { kind: 'hang' } });
  for (let i = 0; i < 600; i += 1) {
    events.record(event({ metadata: { namespace, name: `s${i}`, uid: `u${i}` } }, 'refused'));
  }
  // 500 wait, and one is being written.
  expect(dropped.length).toBe(99);
  injected.clear();
});
