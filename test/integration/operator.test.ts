/** The operator on a real API server and a real etcd: from a resource to a record and back. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createKeys } from '#lib/store/keys.ts';
import { decodeServerRecord, type ServerRecord } from '#lib/store/servers.ts';
import type { Store } from '#lib/store/store.ts';
import { type Etcd, startEtcd } from '../harness/etcd.ts';
import { eventually } from '../harness/eventually.ts';
import { type KubeApiserver, startKubeApiserver } from '../harness/kube-apiserver.ts';
import { KubeClient, type KubeObject } from '../harness/kube-client.ts';
import { applyCrds, createNamespace } from '../harness/kube-setup.ts';
import {
  connectTestStore,
  createFixture,
  type Fixture,
  serviceObject,
  sliceObject,
  startOperator,
  startTestServer,
  type TestOperator,
} from '../harness/operator-fixture.ts';

const keys = createKeys();
let apiserver: KubeApiserver;
let etcd: Etcd;
let kube: KubeClient;
let fixture: Fixture;
let store: Store;
let operator: TestOperator;

beforeAll(async () => {
  [apiserver, etcd, fixture] = await Promise.all([startKubeApiserver(), startEtcd(), createFixture()]);
  kube = new KubeClient(apiserver.admin);
  await applyCrds(kube);
  store = connectTestStore(etcd.url);
  operator = await startOperator({ fixture, kubeconfig: apiserver.adminKubeconfig, etcdUrl: etcd.url });
});

afterAll(async () => {
  await operator?.stop();
  await store?.close();
  await kube?.[Symbol.asyncDispose]();
  await Promise.all([apiserver?.[Symbol.asyncDispose](), etcd?.[Symbol.asyncDispose]()]);
});

test('a resource becomes a record, follows its endpoints and leaves nothing behind', async () => {
  const namespace = await createNamespace(kube);
  const dnsName = `inventory-db.${namespace}.svc`;
  const serverName = 'InventoryDB_Primary';
  await using one = await startTestServer({ fixture, serverName, address: '192.0.2.10', dnsName });
  await using two = await startTestServer({ fixture, serverName, address: '192.0.2.11', dnsName });
  await kube.apply(serviceObject(namespace, 'inventory-db'));
  await kube.apply(sliceObject({ namespace, service: 'inventory-db', addresses: [one.address, two.address] }));
  const resource = await kube.apply(mcp2Server(namespace, 'inventory-db', { serverName }));

  const ready = await condition(resource, 'Ready', 'True');
  expect(ready.status.endpoints).toEqual({ ready: 2, total: 2, summary: '2/2' });
  expect((ready.metadata as { finalizers?: string[] }).finalizers).toEqual(['mcp2.dev/deregister']);
  expect(ready.status.conditions.map(({ type }: { type: string }) => type)).toHaveLength(7);
  const registered = await record(serverName);
  expect(registered?.capabilities).toEqual(['db:inventory:read', 'tool:compute_pricing']);
  expect(registered?.endpoints.map(({ url, health }) => [url, health])).toEqual(
    expect.arrayContaining([
      [one.url, 'SERVING'],
      [two.url, 'SERVING'],
    ]),
  );

  const goneAtMs = performance.now();
  await kube.apply(sliceObject({ namespace, service: 'inventory-db', addresses: [two.address] }));
  await eventually(
    () => record(serverName),
    (now) => now?.endpoints.length === 1,
    { timeoutMs: 1000 },
  );
  expect(performance.now() - goneAtMs).toBeLessThan(1000);

  await kube.delete(resource);
  await eventually(
    () => kube.find(resource),
    (found) => found === undefined,
    { what: 'the finalizer to go' },
  );
  expect(await record(serverName)).toBeUndefined();
});

interface ServerSettings {
  readonly serverName?: string;
  readonly spec?: object;
}

function mcp2Server(namespace: string, name: string, { serverName, spec = {} }: ServerSettings): KubeObject {
  return {
    apiVersion: 'mcp2.dev/v1alpha1',
    kind: 'Mcp2Server',
    metadata: { name, namespace },
    spec: {
      ...(serverName === undefined ? {} : { serverName }),
      source: { service: { name, port: 'grpc' } },
      capabilities: [{ name: 'db:inventory:read' }, { name: 'tool:compute_pricing' }],
      ...spec,
    },
  };
}

async function condition(resource: KubeObject, type: string, status: string): Promise<KubeObject> {
  return eventually(
    () => kube.get(resource),
    (now) => conditionOf(now, type)?.status === status,
    { what: `${type}=${status}`, timeoutMs: 20_000 },
  );
}

function conditionOf(
  resource: KubeObject,
  type: string,
): { status: string; reason: string; message: string } | undefined {
  return resource.status?.conditions?.find((one: { type: string }) => one.type === type);
}

async function record(serverName: string): Promise<ServerRecord | undefined> {
  const { entry } = await store.get(keys.server(serverName));
  return entry && decodeServerRecord(entry.value);
}
