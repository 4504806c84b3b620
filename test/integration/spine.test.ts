/**
 * The main job on real parts, as the README tells it: the example resource, applied to a real API server, is answered
 * by Lookup over gRPC to whoever holds a token; its endpoints come and go with it.
 */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { systemClock } from '#lib/clock.ts';
import { mintToken } from '#lib/token/mint.ts';
import { startEtcd } from '../harness/etcd.ts';
import { eventually } from '../harness/eventually.ts';
import { startKubeApiserver } from '../harness/kube-apiserver.ts';
import { KubeClient, type KubeObject } from '../harness/kube-client.ts';
import { applyCrds, createNamespace, readYaml } from '../harness/kube-setup.ts';
import {
  connectTestStore,
  createFixture,
  type Fixture,
  ISSUER,
  serviceObject,
  sliceObject,
  startOperator,
  startTestServer,
} from '../harness/operator-fixture.ts';
import { startRegistry } from '../harness/registry-fixture.ts';

const EXAMPLE = join(import.meta.dirname, '../../examples/kubernetes/mcp2server-service.yaml');
const SERVICE = 'inventory-db';
const SERVER_NAME = 'InventoryDB_Primary';

test('an applied resource is looked up over gRPC, follows its endpoints, and leaves nothing behind', async () => {
  await using parts = await startParts();
  const { kube, namespace, lookup, one, two } = parts;
  await kube.apply(serviceObject(namespace, SERVICE));
  await kube.apply(sliceObject({ namespace, service: SERVICE, addresses: [one.address, two.address] }));
  const example = (await readYaml(EXAMPLE)).find(({ kind }) => kind === 'Mcp2Server');
  if (!example) throw new Error(`${EXAMPLE} holds no Mcp2Server`);
  const resource = await kube.apply({ ...example, metadata: { ...example.metadata, namespace } });

  const ready = await eventually(() => kube.get(resource), isReady, { what: 'Ready=True', timeoutMs: 20_000 });
  expect(ready.status.serverName).toBe(SERVER_NAME);
  await eventually(lookup, (found) => found.length === 2, { what: 'both endpoints' });
  expect(await lookup()).toEqual([one.url, two.url]);
  expect(await lookup('elsewhere.agent')).toEqual([]);

  await kube.apply(sliceObject({ namespace, service: SERVICE, addresses: [two.address] }));
  await eventually(lookup, (found) => found.length === 1, { what: 'the endpoint to leave', timeoutMs: 1000 });
  expect(await lookup()).toEqual([two.url]);

  await kube.delete(resource);
  await eventually(
    () => kube.find(resource),
    (found) => found === undefined,
    { what: 'the finalizer to go' },
  );
  await eventually(lookup, (found) => found.length === 0, { what: 'Lookup to be empty', timeoutMs: 1000 });
});

/** API server, etcd, operator, registry, two servers with certificates, and a namespace that the example names. */
async function startParts() {
  await using stack = new AsyncDisposableStack();
  const apiserver = stack.use(await startKubeApiserver());
  const etcd = stack.use(await startEtcd());
  const kube = stack.use(new KubeClient(apiserver.admin));
  await applyCrds(kube);
  const fixture = await createFixture();
  const store = connectTestStore(etcd.url);
  stack.defer(() => store.close());
  const mint = (sub: string) => mintFor(fixture, sub);
  const tokens = { ...fixture, mint: () => mint('unused') };
  const registry = stack.use(await startRegistry({ store, tokens, env: { MCP2_ISSUER: ISSUER } }));
  stack.use(await startOperator({ fixture, kubeconfig: apiserver.adminKubeconfig, etcdUrl: etcd.url }));
  const namespace = await createNamespace(kube);
  const self = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } };
  await kube.patch(self, { metadata: { labels: { 'mcp2.dev/tenant': 'retail' } } });
  const server = { fixture, serverName: SERVER_NAME, dnsName: `${SERVICE}.${namespace}.svc` };
  const one = stack.use(await startTestServer({ ...server, address: '192.0.2.10' }));
  const two = stack.use(await startTestServer({ ...server, address: '192.0.2.11' }));
  const lookup = async (sub = `${namespace}.pricing-agent`) => {
    const request = { requester_token: await mint(sub), capability_filter: ['db:inventory:read'] };
    const { endpoints } = await registry.client.call('Lookup', request);
    return endpoints.map(({ grpc_url }) => grpc_url).sort();
  };
  const parts = stack.move();
  return { kube, namespace, lookup, one, two, [Symbol.asyncDispose]: () => parts.disposeAsync() };
}

function mintFor({ signingKey }: Fixture, sub: string): Promise<string> {
  const request = { iss: ISSUER, sub, aud: [SERVER_NAME], capabilities: ['db:inventory:read'] };
  return mintToken(signingKey, request, { clock: systemClock });
}

function isReady({ status }: KubeObject): boolean {
  const conditions: readonly { type: string; status: string }[] = status?.conditions ?? [];
  return conditions.some((condition) => condition.type === 'Ready' && condition.status === 'True');
}
