/** What `helm test` runs, on real parts: it passes when a server's whole way works, says where it ends, and cleans up. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '#lib/clock.ts';
import { createKubeApi, type KubeApi } from '#lib/kube/api.ts';
import { readKubeconfigConnection } from '#lib/kube/kubeconfig.ts';
import { createLogger } from '#lib/observe/logger.ts';
import { mintToken } from '#lib/token/mint.ts';
import { connect } from '#sdk/client/index.ts';
import { runCheck } from '../../operator/check/check.ts';
import { startEtcd } from '../harness/etcd.ts';
import { eventually } from '../harness/eventually.ts';
import { startKubeApiserver } from '../harness/kube-apiserver.ts';
import { KubeClient } from '../harness/kube-client.ts';
import { applyCrds, createNamespace } from '../harness/kube-setup.ts';
import {
  connectTestStore,
  createFixture,
  ISSUER,
  serviceObject,
  sliceObject,
  startOperator,
  startTestServer,
} from '../harness/operator-fixture.ts';
import { startRegistry, type TestRegistry } from '../harness/registry-fixture.ts';

const NAME = 'mcp2-test';
const SERVER_NAME = 'SelfTest';
const TLS_NAME = 'registry.example.svc';

const stack = new AsyncDisposableStack();
let kube: KubeClient;
let api: KubeApi;
let registry: TestRegistry;
let mint: (sub: string) => Promise<string>;

beforeAll(async () => {
  const apiserver = stack.use(await startKubeApiserver());
  const etcd = stack.use(await startEtcd());
  kube = stack.use(new KubeClient(apiserver.admin));
  await applyCrds(kube);
  const fixture = await createFixture();
  const store = connectTestStore(etcd.url);
  stack.defer(() => store.close());
  mint = (sub) => {
    const claims = { iss: ISSUER, sub, aud: [SERVER_NAME], capabilities: ['registry:lookup'] };
    return mintToken(fixture.signingKey, claims, { clock: systemClock });
  };
  const tokens = { ...fixture, mint: () => mint('unused') };
  registry = stack.use(await startRegistry({ store, tokens, env: { MCP2_ISSUER: ISSUER } }));
  stack.use(await startOperator({ fixture, kubeconfig: apiserver.adminKubeconfig, etcdUrl: etcd.url }));
  stack.use(await startTestServer({ fixture, serverName: SERVER_NAME, dnsName: TLS_NAME, address: '192.0.2.10' }));
  const connection = await readKubeconfigConnection({ file: apiserver.adminKubeconfig, clock: systemClock });
  api = createKubeApi({ connection, clock: systemClock, random: Math.random, userAgent: 'test' });
  stack.defer(() => api.close());
});

afterAll(() => stack.disposeAsync());

test('a server that answers passes, and nothing of it stays', async () => {
  const namespace = await createNamespace(kube);
  await kube.apply(serviceObject(namespace, NAME));
  await kube.apply(sliceObject({ namespace, service: NAME, addresses: ['192.0.2.10'] }));
  await check(namespace, 60_000);
  expect(await serversIn(namespace)).toEqual([]);
});

test('a server that cannot be reached fails with the reason of its condition, and nothing of it stays', async () => {
  const namespace = await createNamespace(kube);
  // Twice: what the first leaves behind does not stand in the way of the second.
  for (const _ of [1, 2]) {
    await expect(check(namespace, 5_000)).rejects.toThrow(
      /^waited for Mcp2Server mcp2-test to be Ready; at last: .*Service/,
    );
  }
  await eventually(
    () => serversIn(namespace),
    (names) => names.length === 0,
    { what: 'the finalizer to go' },
  );
});

test('a registry that refuses the token fails before anything is made', async () => {
  const namespace = await createNamespace(kube);
  await expect(check(namespace, 1_000, async () => 'no token')).rejects.toThrow(
    'waited for the registry to answer a Lookup; at last: ',
  );
  expect(await serversIn(namespace)).toEqual([]);
});

async function check(namespace: string, timeoutMs: number, token = () => mint(`${namespace}.${NAME}`)): Promise<void> {
  const settings = { namespace, name: NAME, serverName: SERVER_NAME, tlsServerName: TLS_NAME, timeoutMs };
  const log = createLogger({ service: 'check', level: 'silent' });
  using client = await connect({ registry: registry.target, plaintext: true, token });
  await runCheck(settings, { api, client, clock: systemClock, log });
}

async function serversIn(namespace: string): Promise<readonly string[]> {
  const found = await kube.list({ apiVersion: 'mcp2.dev/v1alpha1', kind: 'Mcp2Server', namespace });
  return found.map(({ metadata }) => metadata.name);
}
