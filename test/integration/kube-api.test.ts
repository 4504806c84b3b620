/** The operator's API client on a real API server: what it repeats and what not, deadlines, credentials that change. */
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { systemClock } from '#lib/clock.ts';
import { createKubeApi, type KubeApi } from '#lib/kube/api.ts';
import { createTokenConnection, type KubeConnection, readInClusterConnection } from '#lib/kube/credentials.ts';
import { readKubeconfigConnection } from '#lib/kube/kubeconfig.ts';
import { CONFIG_MAPS, type KubeObject, type ResourceType } from '#lib/kube/object.ts';
import { ManualClock } from '#lib/manual-clock.ts';
import { eventually } from '../harness/eventually.ts';
import { type FaultProxy, startFaultProxy } from '../harness/fault-proxy.ts';
import { KubeClient } from '../harness/kube-client.ts';
import type { KubeEndpoint } from '../harness/kube-endpoint.ts';
import { createNamespace, serviceAccountToken } from '../harness/kube-setup.ts';
import { kubeconfigText } from '../harness/kubeconfig.ts';
import { connectOperatorApi, type OperatorApi } from '../harness/operator-api.ts';
import { createWorkspace } from '../harness/processes.ts';
import { sharedKubeApiserver } from '../harness/shared-kube-apiserver.ts';

interface ConfigMap extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

interface SelfSubjectReview extends KubeObject {
  readonly status: { readonly userInfo: { readonly username: string } };
}

const REVIEWS: ResourceType = {
  group: 'authentication.k8s.io',
  version: 'v1',
  plural: 'selfsubjectreviews',
  kind: 'SelfSubjectReview',
  isNamespaced: false,
};

let target: KubeEndpoint;
let proxy: FaultProxy;
let direct: KubeClient;
let operator: OperatorApi;
let api: KubeApi;
let namespace: string;

beforeAll(async () => {
  target = await sharedKubeApiserver();
  direct = new KubeClient(target.admin);
  namespace = await createNamespace(direct, 'api');
  proxy = await startFaultProxy({ target });
  operator = await connectOperatorApi(proxy.admin);
  api = operator.api;
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

const configMap = (name: string, data: Record<string, string> = {}): ConfigMap => ({
  metadata: { namespace, name },
  data,
});
const tries = (name?: string) => proxy.requests({ resource: 'configmaps', ...(name === undefined ? {} : { name }) });

async function whoAmI(one: KubeApi): Promise<string> {
  const review = { metadata: { name: '' } } as SelfSubjectReview;
  return (await one.create<SelfSubjectReview>(REVIEWS, review)).status.userInfo.username;
}

test('an object is created, read, patched, applied, listed and deleted', async () => {
  const name = { namespace, name: 'whole' };
  expect((await api.create(CONFIG_MAPS, configMap('whole', { a: '1' }))).data).toEqual({ a: '1' });
  expect((await api.mergePatch<ConfigMap>(CONFIG_MAPS, name, { data: { b: '2' } })).data).toEqual({ a: '1', b: '2' });
  const applied = { fieldManager: 'test', force: true };
  await api.serverSideApply(CONFIG_MAPS, configMap('whole', { c: '3' }), applied);
  expect((await api.get<ConfigMap>(CONFIG_MAPS, name)).data).toEqual({ a: '1', b: '2', c: '3' });
  const page = await api.list<ConfigMap>(CONFIG_MAPS, { namespace, fieldSelector: 'metadata.name=whole' });
  expect(page.items.length).toBe(1);
  expect(await api.delete(CONFIG_MAPS, name)).toBe(true);
  expect(await api.delete(CONFIG_MAPS, name)).toBe(false);
});

test('an error carries the code, the reason and the sentence of the API server', async () => {
  await expect(api.get(CONFIG_MAPS, { namespace, name: 'missing' })).rejects.toMatchObject({
    name: 'KubeApiError',
    code: 404,
    reason: 'NotFound',
    message: 'configmaps "missing" not found',
  });
  await expect(api.create(CONFIG_MAPS, configMap('Not_A_Name'))).rejects.toMatchObject({
    code: 422,
    reason: 'Invalid',
  });
  expect(tries().length).toBe(2);
});

test.each([
  { kind: 'status', code: 500 } as const,
  { kind: 'status', code: 503 } as const,
  { kind: 'status', code: 504 } as const,
  { kind: 'cut' } as const,
  { kind: 'lose-reply' } as const,
  { kind: 'truncate-body' } as const,
])('a patch that meets %o is repeated', async (fault) => {
  await direct.apply({ apiVersion: 'v1', kind: 'ConfigMap', ...configMap('patched') });
  const injected = proxy.inject({ match: { verb: 'patch' }, fault, times: 2 });
  const value = String(Math.random());
  const result = await api.mergePatch<ConfigMap>(CONFIG_MAPS, { namespace, name: 'patched' }, { data: { value } });
  expect(result.data?.value).toBe(value);
  expect(injected.hits).toBe(2);
});

test('a create whose reply was lost is not repeated: nobody could tell our own object from another', async () => {
  proxy.inject({ match: { verb: 'create', resource: 'configmaps' }, fault: { kind: 'lose-reply' } });
  await expect(api.create(CONFIG_MAPS, configMap('once'))).rejects.toMatchObject({ code: 0, reason: 'Unreachable' });
  expect(tries().length).toBe(1);
  expect(
    await direct.find({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace, name: 'once' } }),
  ).toBeDefined();
});

test('a create that was refused for being too many is repeated, after the time the server asked for', async () => {
  const fault = { kind: 'status', code: 429, retryAfterSeconds: 1 } as const;
  proxy.inject({ match: { verb: 'create', resource: 'configmaps' }, fault, times: 1 });
  await api.create(CONFIG_MAPS, configMap('patient'));
  const [first, second] = tries();
  expect((second?.atMs ?? 0) - (first?.atMs ?? 0)).toBeGreaterThanOrEqual(990);
});

test('a Retry-After beyond the deadline ends the call at once and tells the caller', async () => {
  proxy.inject({ fault: { kind: 'status', code: 429, retryAfterSeconds: 30 } });
  const startedMs = performance.now();
  const call = api.get(CONFIG_MAPS, { namespace, name: 'any' });
  await expect(call).rejects.toMatchObject({ code: 429, retryAfterMs: 30_000 });
  expect(performance.now() - startedMs).toBeLessThan(1000);
});

test('repeats are bounded by a number and by the deadline', async () => {
  proxy.inject({ fault: { kind: 'status', code: 500 } });
  await expect(api.get(CONFIG_MAPS, { namespace, name: 'any' })).rejects.toMatchObject({ code: 500 });
  expect(tries('any').length).toBe(4);
  await expect(api.get(CONFIG_MAPS, { namespace, name: 'one' }, { maxAttempts: 1 })).rejects.toMatchObject({
    code: 500,
  });
  expect(tries('one').length).toBe(1);
});

test('a call that hangs ends with its deadline, and the next one works', async () => {
  const injected = proxy.inject({ fault: { kind: 'hang' }, times: 1 });
  const startedMs = performance.now();
  const call = api.get(CONFIG_MAPS, { namespace, name: 'any' }, { deadlineMs: 300 });
  await expect(call).rejects.toMatchObject({ code: 0, reason: 'DeadlineExceeded' });
  expect(performance.now() - startedMs).toBeLessThan(2000);
  expect(injected.hits).toBe(1);
  await expect(api.get(CONFIG_MAPS, { namespace, name: 'any' })).rejects.toMatchObject({ code: 404 });
});

test("a caller's signal ends a call with the caller's reason, also while it waits to repeat", async () => {
  for (const fault of [{ kind: 'hang' }, { kind: 'status', code: 429, retryAfterSeconds: 5 }] as const) {
    const injected = proxy.inject({ fault });
    const stop = new AbortController();
    const call = api.get(CONFIG_MAPS, { namespace, name: 'any' }, { signal: stop.signal });
    const ended = expect(call).rejects.toThrow('shutting down');
    await eventually(
      () => injected.hits,
      (hits) => hits === 1,
    );
    stop.abort(new Error('shutting down'));
    await ended;
    injected.clear();
  }
});

test('an API server that cannot be reached is an error without an answer', async () => {
  await using nowhere = await connectOperatorApi({ ...proxy.admin, url: 'https://127.0.0.1:1' });
  await expect(nowhere.api.probe(AbortSignal.timeout(5000))).rejects.toMatchObject({ code: 0, isUnsent: true });
  await expect(api.probe(AbortSignal.timeout(5000))).resolves.toBeUndefined();
});

test('calls beyond the allowed connections wait for a free one, and a watch does not wait behind them', async () => {
  await using small = await connectOperatorApi(proxy.admin, { maxCallConnections: 2 });
  const injected = proxy.inject({ match: { verb: 'get' }, fault: { kind: 'hang' } });
  const stop = new AbortController();
  const options = { signal: stop.signal, maxAttempts: 1 };
  const calls = ['a', 'b', 'c', 'd'].map((name) =>
    small.api.get(CONFIG_MAPS, { namespace, name }, options).catch((error: unknown) => error),
  );
  await eventually(
    () => injected.hits,
    (hits) => hits === 2,
  );
  const { resourceVersion } = await api.list(CONFIG_MAPS, { namespace });
  const query = { namespace, resourceVersion, timeoutSeconds: 60, idleTimeoutMs: 10_000 };
  const watch = small.api.watch(CONFIG_MAPS, query, stop.signal)[Symbol.asyncIterator]();
  const next = watch.next();
  await direct.apply({ apiVersion: 'v1', kind: 'ConfigMap', ...configMap('seen') });
  expect((await next).value).toMatchObject({ type: 'ADDED', object: { metadata: { name: 'seen' } } });
  expect(injected.hits).toBe(2);
  stop.abort(new Error('enough'));
  await Promise.all(calls);
  await expect(watch.next()).rejects.toThrow('enough');
});

test('a rotated token is used within a minute', async () => {
  const clock = new ManualClock();
  const tokenFile = join(createWorkspace('rotation').folder, 'token');
  const [one, two] = await Promise.all(['one', 'two'].map((name) => serviceAccountToken(direct, { namespace, name })));
  const connection = createTokenConnection({
    server: proxy.admin.url,
    namespace,
    tokenFile,
    caFile: operator.caFile,
    clock,
  });
  const write = (token: string | undefined) => writeFile(tokenFile, token ?? '');
  await using rotating = disposable(connection);
  await write(one);
  expect(await whoAmI(rotating.api)).toBe(`system:serviceaccount:${namespace}:one`);
  await write(two);
  await clock.advance(59_000);
  expect(await whoAmI(rotating.api)).toBe(`system:serviceaccount:${namespace}:one`);
  await clock.advance(1_000);
  expect(await whoAmI(rotating.api)).toBe(`system:serviceaccount:${namespace}:two`);
  await write('');
  await clock.advance(60_000);
  expect(await whoAmI(rotating.api)).toBe(`system:serviceaccount:${namespace}:two`);
});

test('a token that the server refuses is read again at once', async () => {
  await using refused = await connectOperatorApi({ ...proxy.admin, credentials: { token: 'revoked' } });
  await expect(refused.api.list(CONFIG_MAPS, { namespace })).rejects.toMatchObject({ code: 401 });
  await writeFile(refused.tokenFile, 'token' in proxy.admin.credentials ? proxy.admin.credentials.token : '');
  expect((await refused.api.list(CONFIG_MAPS, { namespace })).resourceVersion).toMatch(/^\d+$/);
});

test('a replaced CA is used for the next connection', async () => {
  await using other = await connectOperatorApi({ ...proxy.admin, authority: target.admin.authority });
  await expect(other.api.list(CONFIG_MAPS, { namespace })).rejects.toMatchObject({ code: 0, reason: 'Unreachable' });
  await writeFile(other.caFile, proxy.admin.authority);
  expect((await other.api.list(CONFIG_MAPS, { namespace })).resourceVersion).toMatch(/^\d+$/);
});

test('inside a pod the ServiceAccount files are all it needs', async () => {
  const directory = join(createWorkspace('pod').folder, 'serviceaccount');
  await mkdir(directory);
  const token = await serviceAccountToken(direct, { namespace, name: 'pod' });
  const files = { token, 'ca.crt': target.admin.authority, namespace };
  await Promise.all(Object.entries(files).map(([name, text]) => writeFile(join(directory, name), text)));
  const { hostname: host, port } = new URL(target.admin.url);
  const connection = await readInClusterConnection({ host, port, clock: systemClock, directory });
  if (connection === undefined) throw new Error('not recognised');
  expect(connection.namespace).toBe(namespace);
  await using inside = disposable(connection);
  expect(await whoAmI(inside.api)).toBe(`system:serviceaccount:${namespace}:pod`);
  expect(await readInClusterConnection({ host: undefined, port, clock: systemClock })).toBeUndefined();
});

test('a kubeconfig with a token, a client certificate or a plugin works', async () => {
  const { folder } = createWorkspace('kubeconfig');
  const token = await serviceAccountToken(direct, { namespace, name: 'plugin' });
  const plugin = join(folder, 'plugin.sh');
  const credential = { apiVersion: 'client.authentication.k8s.io/v1', kind: 'ExecCredential', status: { token } };
  await writeFile(plugin, `#!/bin/sh\ncat <<'EOF'\n${JSON.stringify(credential)}\nEOF\n`);
  await chmod(plugin, 0o700);
  const config = JSON.parse(kubeconfigText(target.admin));
  const exec = { apiVersion: credential.apiVersion, command: plugin, interactiveMode: 'Never' };
  const withPlugin = join(folder, 'plugin.kubeconfig');
  await writeFile(withPlugin, JSON.stringify({ ...config, users: [{ name: 'test', user: { exec } }] }));
  const users: string[] = [];
  for (const file of [target.adminKubeconfig, await target.kubeconfigFor({ user: 'carol' }), withPlugin]) {
    await using outside = disposable(await readKubeconfigConnection({ file, clock: systemClock }));
    users.push(await whoAmI(outside.api));
  }
  expect(users).toEqual(['admin', 'carol', `system:serviceaccount:${namespace}:plugin`]);
});

test('a kubeconfig whose context names no cluster says what to change', async () => {
  const file = join(createWorkspace('kubeconfig').folder, 'bad.kubeconfig');
  await writeFile(file, JSON.stringify({ ...JSON.parse(kubeconfigText(target.admin)), clusters: [] }));
  await expect(readKubeconfigConnection({ file, clock: systemClock })).rejects.toThrow('names no cluster');
});

function disposable(connection: KubeConnection): AsyncDisposable & { readonly api: KubeApi } {
  const one = createKubeApi({ connection, clock: systemClock, random: Math.random, userAgent: 'mcp2-test' });
  return { api: one, [Symbol.asyncDispose]: () => one.close() };
}
