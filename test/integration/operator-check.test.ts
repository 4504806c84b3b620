/** What `helm test` runs, on real parts: it passes when a server's whole way works, says where it ends, and cleans up. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '#lib/clock.ts';
import { createKubeApi, type KubeApi } from '#lib/kube/api.ts';
import { readKubeconfigConnection } from '#lib/kube/kubeconfig.ts';
import { createLogger } from '#lib/observe/logger.ts';
import { mintToken } from '#lib/token/mint.ts';
import { connect, type Mcp2Client } from '#sdk/client/index.ts';
import { CAPABILITY, runCheck } from '../../operator/check/check.ts';
import { startEtcd } from '../harness/etcd.ts';
import { eventually } from '../harness/eventually.ts';
import { startKubeApiserver } from '../harness/kube-apiserver.ts';
import { KubeClient } from '../harness/kube-client.ts';
import { applyCrds, createNamespace } from '../harness/kube-setup.ts';
import {
  connectTestStore,
  createFixture,
  type Fixture,
  ISSUER,
  serviceObject,
  sliceObject,
  startOperator,
} from '../harness/operator-fixture.ts';
import { freePorts } from '../harness/ports.ts';
import { createWorkspace, ManagedProcess } from '../harness/processes.ts';
import { startRegistry, type TestRegistry } from '../harness/registry-fixture.ts';

const NAME = 'mcp2-test';
const SERVER_NAME = 'SelfTest';
const TLS_NAME = 'registry.example.svc';
const POD = '192.0.2.10:55051';
const ROOT = join(import.meta.dirname, '../..');

const stack = new AsyncDisposableStack();
let kube: KubeClient;
let api: KubeApi;
let registry: TestRegistry;
let fixture: Fixture;
let mint: (sub: string) => Promise<string>;

beforeAll(async () => {
  const apiserver = stack.use(await startKubeApiserver());
  const etcd = stack.use(await startEtcd());
  kube = stack.use(new KubeClient(apiserver.admin));
  await applyCrds(kube);
  fixture = await createFixture();
  const store = connectTestStore(etcd.url);
  stack.defer(() => store.close());
  mint = (sub) => {
    const claims = { iss: ISSUER, sub, aud: [SERVER_NAME], capabilities: ['registry:lookup', CAPABILITY] };
    return mintToken(fixture.signingKey, claims, { clock: systemClock });
  };
  const tokens = { ...fixture, mint: () => mint('unused') };
  registry = stack.use(await startRegistry({ store, tokens, env: { MCP2_ISSUER: ISSUER } }));
  stack.use(await startOperator({ fixture, kubeconfig: apiserver.adminKubeconfig, etcdUrl: etcd.url }));
  stack.use(await startServer());
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
  const serverCaFile = fixture.authority.certificateFile;
  using client = await connect({ registry: registry.target, plaintext: true, serverCaFile, token });
  await runCheck(settings, { api, client: whoReachesPods(client), clock: systemClock, log });
}

/** The context-tool as the chart's pod of `helm test` runs it, with that pod's configuration. */
async function startServer(): Promise<ManagedProcess> {
  const workspace = createWorkspace('self-test');
  const [, block = ''] =
    /server\.yaml: \|\n((?: {4}.*\n)+)/.exec(
      readFileSync(join(ROOT, 'helm/mcp2/templates/tests/check.yaml'), 'utf8'),
    ) ?? [];
  const file = join(workspace.folder, 'server.yaml');
  writeFileSync(file, block.replace('{{ $server }}', SERVER_NAME).replace(/^ {4}/gm, ''));
  const { certificateFile, keyFile } = await fixture.authority.issue({ commonName: 'a', names: [`DNS:${TLS_NAME}`] });
  const [port = 0, opsPort] = await freePorts(2);
  fixture.routes.set(POD, port);
  const env = {
    MCP2_CONTEXT_TOOL_CONFIG: file,
    MCP2_LISTEN: `127.0.0.1:${port}`,
    MCP2_OPS_LISTEN: `127.0.0.1:${opsPort}`,
    MCP2_ISSUER: ISSUER,
    MCP2_JWKS_FILE: fixture.jwksFile,
    MCP2_TLS_CERT_FILE: certificateFile,
    MCP2_TLS_KEY_FILE: keyFile,
  };
  const ready = async () => (await fetch(`http://127.0.0.1:${opsPort}/readyz`)).ok;
  const args = [join(ROOT, 'image/entry.mjs'), 'context-tool'];
  const server = new ManagedProcess({ name: 'server', command: process.execPath, args, env, ready }, workspace);
  await server.start();
  return server;
}

/** The addresses of pods are made up; the operator is led to this machine's ports as well. */
function whoReachesPods(client: Mcp2Client): Pick<Mcp2Client, 'lookup' | 'call' | 'services'> {
  return {
    services: client.services,
    lookup: (request) => client.lookup(request),
    async call(service, method, request, { capability = [], server }) {
      const found = await client.endpoints({ capability, server });
      const endpoints = found.map((endpoint) => {
        const port = fixture.routes.get(endpoint.grpc_url);
        return { ...endpoint, grpc_url: `127.0.0.1:${port}` };
      });
      return client.call(service, method, request, { endpoints });
    },
  };
}

async function serversIn(namespace: string): Promise<readonly string[]> {
  const found = await kube.list({ apiVersion: 'mcp2.dev/v1alpha1', kind: 'Mcp2Server', namespace });
  return found.map(({ metadata }) => metadata.name);
}
