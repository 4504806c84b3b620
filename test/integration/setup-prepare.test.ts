/** `setup prepare` and `setup rotate` on a real API server, with exactly the rights that the chart gives them. */
import { X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseKeySet } from '#lib/token/key-set.ts';
import { importSigningKey } from '#lib/token/signing-key.ts';
import { KubeClient } from '../harness/kube-client.ts';
import type { KubeEndpoint } from '../harness/kube-endpoint.ts';
import { createNamespace } from '../harness/kube-setup.ts';
import { createSetupRelease, type SetupRelease } from '../harness/setup-release.ts';
import { sharedKubeApiserver } from '../harness/shared-kube-apiserver.ts';

const DAY_MS = 24 * 3_600_000;
const OURS = { 'app.kubernetes.io/managed-by': 'mcp2-setup' };

let endpoint: KubeEndpoint;
let client: KubeClient;

beforeAll(async () => {
  endpoint = await sharedKubeApiserver();
  client = new KubeClient(endpoint.admin);
});

afterAll(() => client?.[Symbol.asyncDispose]());

test('a first run makes everything that pods of the release mount', async () => {
  const release = await prepared();
  const versions = await release.versions();
  expect(Object.keys(versions).sort()).toEqual([
    'mcp2-ca',
    'mcp2-etcd-ca',
    'mcp2-etcd-tls',
    'mcp2-jwks',
    'mcp2-operator-etcd-tls',
    'mcp2-operator-tls',
    'mcp2-registry-etcd-tls',
    'mcp2-registry-tls',
    'mcp2-sample-tls',
    'mcp2-setup-etcd-tls',
    'mcp2-signing-key',
    'mcp2-trust',
  ]);
  const key = await release.secret('mcp2-signing-key');
  const { kid } = await importSigningKey(JSON.parse(key['key.jwk'] ?? ''));
  const jwks = await release.configMap('mcp2-jwks');
  expect([...(await parseKeySet(jwks['jwks.json'] ?? '')).keys.keys()]).toEqual([kid]);
  const { metadata } = await client.get({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'kube-system' } });
  expect(key.issuer).toBe(`mcp2:${metadata.uid}`);
  expect(await release.configMap('mcp2-trust')).toEqual({
    'ca.crt': (await release.secret('mcp2-ca'))['ca.crt'],
    'jwks.json': jwks['jwks.json'],
    issuer: key.issuer,
    registry: `mcp2-registry.${release.namespace}.svc:50050`,
  });
});

test('certificates name their Services and are signed by the authority they belong to', async () => {
  const release = await prepared();
  const { namespace } = release;
  const registry = await certificateOf(release, 'mcp2-registry-tls');
  for (const name of ['mcp2-registry', `mcp2-registry.${namespace}.svc`, 'localhost']) {
    expect(registry.checkHost(name)).toBe(name);
  }
  expect(registry.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
  expect(await isSignedBy(release, 'mcp2-registry-tls', 'mcp2-ca')).toBe(true);
  const etcd = await certificateOf(release, 'mcp2-etcd-tls');
  expect(etcd.checkHost(`mcp2-etcd-0.mcp2-etcd-peers.${namespace}.svc.cluster.local`)).toBeDefined();
  expect(etcd.checkIP('127.0.0.1')).toBe('127.0.0.1');
  expect(etcd.subject).toBe('O=mcp2');
  expect(await isSignedBy(release, 'mcp2-etcd-tls', 'mcp2-etcd-ca')).toBe(true);
  expect(await isSignedBy(release, 'mcp2-etcd-tls', 'mcp2-ca')).toBe(false);
  const root = await certificateOf(release, 'mcp2-setup-etcd-tls');
  expect(root.subject).toContain('CN=root');
});

test('a second run writes nothing', async () => {
  const release = await prepared();
  const before = await release.versions();
  expect((await release.run('rotate')).isDone).toBe(true);
  expect(await release.versions()).toEqual(before);
});

test('certificates are renewed 30 days before they end; authorities and the signing key stay', async () => {
  const release = await prepared();
  const before = await release.versions();
  await release.run('rotate', { nowMs: Date.now() + 59 * DAY_MS });
  expect(await release.versions()).toEqual(before);
  await release.run('rotate', { nowMs: Date.now() + 61 * DAY_MS });
  expectCertificatesChanged(before, await release.versions());
  expect(await isSignedBy(release, 'mcp2-registry-tls', 'mcp2-ca')).toBe(true);
});

test('an authority near its end is announced first, signs 30 days later and stays trusted until it ends', async () => {
  const release = await prepared();
  const { 'ca.crt': first = '', 'ca.key': firstKey } = await release.secret('mcp2-ca');
  const nearEndMs = Date.now() + (3650 - 364) * DAY_MS;
  expect((await release.run('rotate', { nowMs: nearEndMs })).problem).toBe('');
  const announced = await release.secret('mcp2-ca');
  expect(announced['ca.key']).toBe(firstKey);
  const bundle = announced['ca.crt'] ?? '';
  expect(bundle.startsWith(first)).toBe(true);
  expect((await release.configMap('mcp2-trust'))['ca.crt']).toBe(bundle);
  expect((await release.secret('mcp2-registry-tls'))['ca.crt']).toBe(bundle);
  expect(await isSignedBy(release, 'mcp2-registry-tls', 'mcp2-ca')).toBe(true);

  await release.run('rotate', { nowMs: nearEndMs + 31 * DAY_MS });
  const promoted = await release.secret('mcp2-ca');
  expect(promoted['ca.key']).not.toBe(firstKey);
  expect(promoted['next.key']).toBeUndefined();
  expect(promoted['ca.crt']).toBe(bundle);
  expect(await isSignedBy(release, 'mcp2-registry-tls', 'mcp2-ca')).toBe(true);

  await release.run('rotate', { nowMs: nearEndMs + 95 * DAY_MS });
  expect(await isSignedBy(release, 'mcp2-registry-tls', 'mcp2-ca')).toBe(false);
  await release.run('rotate', { nowMs: nearEndMs + 400 * DAY_MS });
  const pruned = (await release.secret('mcp2-ca'))['ca.crt'] ?? '';
  expect(bundle).toBe(`${first}${pruned}`);
  expect((await release.configMap('mcp2-trust'))['ca.crt']).toBe(pruned);
  expect(await isSignedBy(release, 'mcp2-registry-tls', 'mcp2-ca')).toBe(true);
});

test('asked for, all certificates are renewed now and nothing else', async () => {
  const release = await prepared();
  const before = await release.versions();
  await release.run('rotate', { env: { MCP2_SETUP_FORCE_ROTATE: 'true' } });
  expectCertificatesChanged(before, await release.versions());
});

test('another cluster domain gives new certificates to those that carry it', async () => {
  const release = await prepared();
  const before = await release.versions();
  await release.run('prepare', { env: { MCP2_SETUP_CLUSTER_DOMAIN: 'example.internal' } });
  const after = await release.versions();
  const changed = Object.keys(after).filter((name) => after[name] !== before[name]);
  expect(changed.sort()).toEqual(['mcp2-etcd-tls', 'mcp2-registry-tls', 'mcp2-sample-tls']);
  const registry = await certificateOf(release, 'mcp2-registry-tls');
  expect(registry.checkHost(`mcp2-registry.${release.namespace}.svc.example.internal`)).toBeDefined();
});

test('jobs that run at once agree on one key and one authority', async () => {
  const release = await createSetupRelease(endpoint, client);
  const runs = await Promise.all(Array.from({ length: 4 }, () => release.run('prepare')));
  expect(runs.map(({ problem }) => problem)).toEqual(['', '', '', '']);
  const { kid } = await importSigningKey(JSON.parse((await release.secret('mcp2-signing-key'))['key.jwk'] ?? ''));
  const { keys } = await parseKeySet((await release.configMap('mcp2-trust'))['jwks.json'] ?? '');
  expect([...keys.keys()]).toEqual([kid]);
  const secrets = Object.keys(await release.versions()).filter((name) => name.endsWith('-tls'));
  for (const secret of secrets) {
    const authority = secret.includes('etcd') ? 'mcp2-etcd-ca' : 'mcp2-ca';
    expect([secret, await isSignedBy(release, secret, authority)]).toEqual([secret, true]);
  }
  const settled = await release.versions();
  await release.run('prepare');
  expect(await release.versions()).toEqual(settled);
});

test('a key that an administrator put there is used, and the one before stays public', async () => {
  const release = await prepared();
  const old = JSON.parse((await release.configMap('mcp2-jwks'))['jwks.json'] ?? '').keys[0].kid;
  const other = await prepared();
  const { 'key.jwk': replacement = '' } = await other.secret('mcp2-signing-key');
  const secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'mcp2-signing-key', namespace: release.namespace },
  };
  await client.patch(secret, { data: { 'key.jwk': Buffer.from(replacement).toString('base64') } });
  expect((await release.run('rotate')).problem).toBe('');
  expect((await release.secret('mcp2-signing-key'))['key.jwk']).toBe(replacement);
  const { keys } = await parseKeySet((await release.configMap('mcp2-trust'))['jwks.json'] ?? '');
  expect([...keys.keys()]).toEqual([JSON.parse(replacement).kid, old]);
});

test('trust goes to the listed namespaces; one that does not exist is a warning until it does', async () => {
  const listed = await createNamespace(client, 'agents');
  const missing = `${listed}-later`;
  const release = await createSetupRelease(endpoint, client, { MCP2_SETUP_TRUST_NAMESPACES: `${listed},${missing}` });
  const { isDone, lines } = await release.run('prepare');
  expect(isDone).toBe(true);
  const warning = lines.find(({ level }) => level === 'warn')?.fields.problem;
  expect(warning).toContain(`namespace ${missing} does not exist: create it`);
  expect(await release.configMap('mcp2-trust', listed)).toEqual(await release.configMap('mcp2-trust'));
  await client.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: missing } });
  expect((await release.run('rotate')).lines.filter(({ level }) => level === 'warn')).toEqual([]);
  expect(await release.configMap('mcp2-trust', missing)).toEqual(await release.configMap('mcp2-trust'));
});

test('where the event bus answers is published while there is one', async () => {
  const eventBus = 'mcp2-event-bus.mcp2-system.svc:50052';
  const release = await prepared();
  const published = async (env: Readonly<Record<string, string>>) => {
    expect((await release.run('rotate', { env })).problem).toBe('');
    return release.configMap('mcp2-trust');
  };
  const without = await published({});
  expect(await published({ MCP2_SETUP_EVENT_BUS: eventBus })).toEqual({ ...without, eventBus });
  // A chart without one says nothing of it, and where it is not installed the variable is empty.
  expect(await published({ MCP2_SETUP_EVENT_BUS: '' })).toEqual(without);
  const first = await createSetupRelease(endpoint, client, { MCP2_SETUP_EVENT_BUS: eventBus });
  expect((await first.run('prepare')).problem).toBe('');
  expect(await first.configMap('mcp2-trust')).toMatchObject({ eventBus });
});

test('two control planes do not fight over one namespace', async () => {
  const listed = await createNamespace(client, 'agents');
  const env = { MCP2_SETUP_TRUST_NAMESPACES: listed };
  const [first, second] = [
    await createSetupRelease(endpoint, client, env),
    await createSetupRelease(endpoint, client, env),
  ];
  await first.run('prepare');
  const { isDone, lines } = await second.run('prepare');
  expect(isDone).toBe(true);
  const warning = lines.find(({ level }) => level === 'warn')?.fields.problem;
  expect(warning).toContain(`belongs to the control plane in namespace ${first.namespace}`);
  expect(await first.configMap('mcp2-trust', listed)).toEqual(await first.configMap('mcp2-trust'));
});

test('with certificates of others their authority is published once it is there', async () => {
  const release = await createSetupRelease(endpoint, client, { MCP2_SETUP_TLS_MODE: 'certManager' });
  expect((await release.run('prepare')).problem).toBe('');
  expect(Object.keys(await release.versions()).sort()).toEqual(['mcp2-jwks', 'mcp2-signing-key', 'mcp2-trust']);
  expect(Object.keys(await release.configMap('mcp2-trust')).sort()).toEqual(['issuer', 'jwks.json', 'registry']);
  const { 'ca.crt': authority = '' } = await (await prepared()).secret('mcp2-ca');
  await createSecret(release, 'mcp2-registry-tls', { 'ca.crt': authority });
  expect((await release.run('rotate')).problem).toBe('');
  expect((await release.configMap('mcp2-trust'))['ca.crt']).toBe(authority);
});

test('an authority that comes while the job after the install runs is published by that job', async () => {
  const env = { MCP2_SETUP_TLS_MODE: 'certManager', MCP2_SETUP_BUNDLED_ETCD: 'false' };
  const release = await createSetupRelease(endpoint, client, env);
  const { 'ca.crt': authority = '' } = await (await prepared()).secret('mcp2-ca');
  let coming: Promise<unknown> | undefined;
  const { problem } = await release.run('store', {
    onLine({ level }) {
      if (level === 'warn') coming ??= createSecret(release, 'mcp2-registry-tls', { 'ca.crt': authority });
    },
  });
  await coming;
  expect(problem).toBe('');
  expect((await release.configMap('mcp2-trust'))['ca.crt']).toBe(authority);
});

test.each([
  {
    what: 'a signing key that is garbage',
    name: 'mcp2-signing-key',
    data: { 'key.jwk': 'hunter2-garbage', issuer: 'mcp2:x' },
    sentence: 'Secret mcp2-signing-key: key.jwk is no private JWK',
  },
  {
    what: 'an authority that is garbage',
    name: 'mcp2-ca',
    data: { 'ca.crt': 'hunter2-garbage', 'ca.key': 'hunter2-garbage' },
    sentence: 'Secret mcp2-ca holds no usable authority',
  },
  {
    what: 'a certificate that somebody else put there',
    name: 'mcp2-registry-tls',
    data: { 'tls.crt': 'hunter2-garbage', 'tls.key': 'hunter2-garbage' },
    sentence: 'mcp2-registry-tls must be changed but was not made by the setup job',
  },
  {
    what: 'a certificate Secret of another type',
    name: 'mcp2-registry-tls',
    data: { 'ssh-privatekey': 'hunter2-garbage' },
    type: 'kubernetes.io/ssh-auth',
    sentence: 'is of type kubernetes.io/ssh-auth',
  },
])('$what stops the job with a sentence, is left as it is and not shown', async ({ name, data, type, sentence }) => {
  const release = await createSetupRelease(endpoint, client);
  await createSecret(release, name, data, type);
  const before = await release.secret(name);
  const { isDone, problem, lines } = await release.run('prepare');
  expect(isDone).toBe(false);
  expect(problem).toContain(sentence);
  expect(await release.secret(name)).toEqual(before);
  expect(JSON.stringify(lines)).not.toContain('hunter2');
});

test('a certificate of ours that was damaged is issued anew', async () => {
  const release = await prepared();
  const metadata = { name: 'mcp2-registry-tls', namespace: release.namespace };
  await client.patch({ apiVersion: 'v1', kind: 'Secret', metadata }, { data: { 'tls.key': 'Z2FyYmFnZQ==' } });
  expect((await release.run('rotate')).problem).toBe('');
  expect(await isSignedBy(release, 'mcp2-registry-tls', 'mcp2-ca')).toBe(true);
  expect((await release.secret('mcp2-registry-tls'))['tls.key']).toContain('PRIVATE KEY');
});

test('an immutable ConfigMap that would have to change stops the job with a sentence', async () => {
  const release = await createSetupRelease(endpoint, client);
  await client.create({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'mcp2-trust', namespace: release.namespace, labels: OURS },
    immutable: true,
  } as never);
  const { isDone, problem } = await release.run('prepare');
  expect(isDone).toBe(false);
  expect(problem).toContain('mcp2-trust must be changed but is immutable: delete it and run this again');
});

test('a right that is missing is named', async () => {
  const release = await createSetupRelease(endpoint, client);
  const role = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role' };
  await client.patch({ ...role, metadata: { name: 'mcp2-setup', namespace: release.namespace } }, { rules: [] });
  const { isDone, problem } = await release.run('prepare');
  expect(isDone).toBe(false);
  expect(problem).toContain(`allow it "get" on secrets "mcp2-ca" in the namespace ${release.namespace}`);
});

test('no line of the log shows a secret', async () => {
  const release = await createSetupRelease(endpoint, client);
  const { lines } = await release.run('prepare');
  const text = JSON.stringify(lines);
  const { 'key.jwk': key = '' } = await release.secret('mcp2-signing-key');
  expect(text).not.toContain(JSON.parse(key).d);
  expect(text).not.toContain('PRIVATE KEY');
});

async function prepared(): Promise<SetupRelease> {
  const release = await createSetupRelease(endpoint, client);
  expect((await release.run('prepare')).problem).toBe('');
  return release;
}

async function certificateOf(release: SetupRelease, secret: string): Promise<X509Certificate> {
  return new X509Certificate((await release.secret(secret))['tls.crt'] ?? '');
}

async function isSignedBy(release: SetupRelease, secret: string, authority: string): Promise<boolean> {
  const certificate = await certificateOf(release, secret);
  const issuer = new X509Certificate((await release.secret(authority))['ca.crt'] ?? '');
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

async function createSecret(
  { namespace }: SetupRelease,
  name: string,
  data: Readonly<Record<string, string>>,
  type = 'Opaque',
): Promise<void> {
  await client.create({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace },
    type,
    stringData: data,
  } as never);
}

/** All certificates, and nothing else. */
function expectCertificatesChanged(before: Versions, after: Versions): void {
  const changed = Object.keys(after).filter((name) => after[name] !== before[name]);
  const certificates = Object.keys(before).filter((name) => name.endsWith('-tls'));
  expect(changed.sort()).toEqual(certificates.sort());
}

type Versions = Readonly<Record<string, unknown>>;
