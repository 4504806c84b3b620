/**
 * `setup store` on a real etcd that asks for client certificates, with the certificates that `setup prepare` made; and
 * what each component can do afterwards with its own: all that it must, and no more.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '#lib/clock.ts';
import { connectEtcdAccess, isAccessRefused } from '#lib/store/etcd/access.ts';
import { connectEtcdStore } from '#lib/store/etcd/connect.ts';
import type { EtcdTls } from '#lib/store/etcd/members.ts';
import { createKeys } from '#lib/store/keys.ts';
import type { Store } from '#lib/store/store.ts';
import { issueCertificate } from '../../operator/setup/issue-certificate.ts';
import { type Etcd, startEtcd } from '../harness/etcd.ts';
import { eventually } from '../harness/eventually.ts';
import { type KubeApiserver, startKubeApiserver } from '../harness/kube-apiserver.ts';
import { KubeClient, type KubeObjectReference } from '../harness/kube-client.ts';
import { applyCrds } from '../harness/kube-setup.ts';
import {
  createFixture,
  type Fixture,
  serviceObject,
  sliceObject,
  startOperator,
  startTestServer,
} from '../harness/operator-fixture.ts';
import { RegistryCalls } from '../harness/registry-calls.ts';
import { createTokens, startRegistry } from '../harness/registry-fixture.ts';
import { createSetupRelease, type LogLine, type SetupRelease } from '../harness/setup-release.ts';

const keys = createKeys();
const INSTALLATION = 'test-installation';
/** etcd answered, and said no. */
const REFUSED = expect.objectContaining({
  reason: 'STORE_UNAVAILABLE',
  message: expect.stringContaining('the store refuses this component'),
});

const MEMBERS = [1, 3] as const;

interface ReleaseStore {
  readonly release: SetupRelease;
  readonly etcd: Etcd;
}

let apiserver: KubeApiserver;
let client: KubeClient;
const releases = new Map<number, ReleaseStore>();
const stores: Store[] = [];

beforeAll(async () => {
  apiserver = await startKubeApiserver();
  client = new KubeClient(apiserver.admin);
  await applyCrds(client);
  for (const members of MEMBERS) {
    const release = await createSetupRelease(apiserver, client, { MCP2_SETUP_INSTALLATION_ID: INSTALLATION });
    expect((await release.run('prepare')).problem).toBe('');
    const etcd = await startReleaseEtcd(release, members);
    releases.set(members, { release, etcd });
    expect((await setUp(release, etcd)).problem).toBe('');
  }
});

afterAll(async () => {
  await Promise.all(stores.map((store) => store.close()));
  await Promise.all([...releases.values()].map(({ etcd }) => etcd[Symbol.asyncDispose]()));
  await client?.[Symbol.asyncDispose]();
  await apiserver?.[Symbol.asyncDispose]();
});

test.each(MEMBERS)('a second run changes nothing (members: %i)', async (members) => {
  const { release, etcd } = on(members);
  const { isDone, lines } = await setUp(release, etcd);
  expect(isDone).toBe(true);
  expect(changesIn(lines)).toEqual([]);
});

test.each(MEMBERS)(
  'the registry registers, keeps, finds and removes with its certificate (members: %i)',
  async (members) => {
    const { release, etcd } = on(members);
    await using registry = await registryOf({ release, etcd });
    const { calls } = registry;
    const found = () => calls.urlsOf('Db_Self');
    const registered = await calls.register({ server_name: 'Db_Self' });
    const { instance_id, lease_token } = registered;
    await eventually(found, (urls) => urls.length === 1);
    const [beat] = await calls.beat({ server_name: 'Db_Self', instance_id, lease_token, load_permille: 7 });
    expect(beat?.ttl_seconds).toBe(registered.ttl_seconds);
    await calls.deregister({ server_name: 'Db_Self', instance_id, lease_token });
    await eventually(found, (urls) => urls.length === 0);
  },
);

test.each(MEMBERS)('the operator registers and removes with its certificate (members: %i)', async (members) => {
  const { release, etcd } = on(members);
  const { namespace } = release;
  const fixture = await createFixture();
  await using operator = await operatorOf({ release, etcd }, fixture);
  await using registry = await registryOf({ release, etcd });
  const serverName = `Db_${namespace}`;
  const dnsName = `db.${namespace}.svc`;
  await using server = await startTestServer({ fixture, serverName, address: '192.0.2.10', dnsName });
  await client.apply(serviceObject(namespace, 'db'));
  await client.apply(sliceObject({ namespace, service: 'db', addresses: [server.address] }));
  const resource = mcp2Server(namespace, serverName);
  await client.apply(resource);
  const found = () => registry.calls.urlsOf(serverName);
  await eventually(found, (urls) => urls.includes(server.url), { timeoutMs: 20_000, what: 'endpoint in Lookup' });
  await client.delete(resource);
  await eventually(found, (urls) => urls.length === 0, { timeoutMs: 20_000, what: 'endpoint gone' });
  expect(operator.operator.isLeading()).toBe(true);
});

test.each([
  ['the registry cannot move the operator’s fence', 'mcp2-registry-etcd-tls', keys.epoch(INSTALLATION)],
  ['the registry cannot write beside its records', 'mcp2-registry-etcd-tls', '/mcp2/v1/other/a'],
  ['the registry cannot write outside the prefix', 'mcp2-registry-etcd-tls', '/other/a'],
  ['the operator cannot write instances', 'mcp2-operator-etcd-tls', keys.instance('Db_A', 'a')],
  ['the operator cannot move another installation’s fence', 'mcp2-operator-etcd-tls', keys.epoch('another')],
  ['the operator cannot write outside the prefix', 'mcp2-operator-etcd-tls', '/other/a'],
])('%s', async (_title, secret, key) => {
  const { release, etcd } = on(3);
  const store = open(etcd, await mounted(release, secret));
  await expect(store.transact(writing(key))).rejects.toEqual(REFUSED);
  expect((await store.transact(writing(keys.server('Db_Written')))).succeeded).toBe(true);
});

test.each(['mcp2-registry-etcd-tls', 'mcp2-operator-etcd-tls'])(
  '%s reads nothing outside the prefix',
  async (secret) => {
    const { release, etcd } = on(3);
    const store = open(etcd, await mounted(release, secret));
    await expect(store.list('/other/')).rejects.toEqual(REFUSED);
    expect((await store.list(keys.root)).revision).toBeGreaterThan(0);
  },
);

test.each(['mcp2-registry-etcd-tls', 'mcp2-operator-etcd-tls'])('%s gives nobody rights', async (secret) => {
  const { release, etcd } = on(3);
  const tls = await mounted(release, secret);
  const access = connectEtcdAccess({ endpoints: etcd.urls, tls, clock: systemClock, random: Math.random });
  const wide = [{ kind: 'write', key: '/', isPrefix: true } as const];
  const refusal = await access.apply([{ name: 'mcp2-registry', rights: wide }], 'root').catch((error) => error);
  expect(isAccessRefused(refusal)).toBe(true);
  access.close();
});

test.each(MEMBERS)('a common name that is no user gets nothing (members: %i)', async (members) => {
  const { release, etcd } = on(members);
  const { 'ca.crt': certificate = '', 'ca.key': key = '' } = await release.secret('mcp2-etcd-ca');
  const request = { commonName: 'mcp2-stranger', names: [], purposes: ['client'], durationMs: 3_600_000 } as const;
  const stranger = await issueCertificate({ certificate, key }, request, Date.now());
  const store = open(etcd, {
    ca: Buffer.from(certificate),
    certificate: Buffer.from(stranger.certificate),
    key: Buffer.from(stranger.key),
  });
  await expect(store.get(keys.server('Db_A'))).rejects.toEqual(REFUSED);
  await expect(store.transact(writing(keys.server('Db_A')))).rejects.toEqual(REFUSED);
});

test.each(MEMBERS)(
  'without a certificate, or with one of the gRPC authority, there is no connection (members: %i)',
  async (members) => {
    const { release, etcd } = on(members);
    const { ca } = await mounted(release, 'mcp2-etcd-tls');
    for (const tls of [{ ...(await mounted(release, 'mcp2-operator-tls')), ca }, { ca }]) {
      const store = open(etcd, tls);
      await expect(store.get(keys.server('Db_A'))).rejects.toMatchObject({ reason: 'STORE_UNAVAILABLE' });
    }
  },
);

test.each(MEMBERS)(
  'rights that were widened by hand are taken back, and those that are missing given (members: %i)',
  async (members) => {
    const { release, etcd } = on(members);
    const access = connectEtcdAccess({
      endpoints: etcd.urls,
      tls: await mounted(release, 'mcp2-setup-etcd-tls'),
      clock: systemClock,
      random: Math.random,
    });
    const wide = [{ kind: 'write', key: '/', isPrefix: true } as const];
    await access.apply([{ name: 'mcp2-registry', rights: wide }], 'root');
    access.close();
    const { lines } = await setUp(release, etcd);
    expect(changesIn(lines).sort()).toEqual([
      'role mcp2-registry: read /mcp2/v1/… was granted',
      'role mcp2-registry: write /mcp2/v1/instances/… was granted',
      'role mcp2-registry: write /mcp2/v1/servers/… was granted',
      'role mcp2-registry: write /… was revoked',
    ]);
    const store = open(etcd, await mounted(release, 'mcp2-registry-etcd-tls'));
    await expect(store.transact(writing('/other/a'))).rejects.toEqual(REFUSED);
  },
);

test.each(MEMBERS)('jobs that run at once both succeed (members: %i)', async (members) => {
  const { release, etcd } = on(members);
  const results = await Promise.all([setUp(release, etcd), setUp(release, etcd)]);
  expect(results.map(({ problem }) => problem)).toEqual(['', '']);
});

test.each(MEMBERS)(
  'a job with another certificate than root’s says what is wrong with it (members: %i)',
  async (members) => {
    const { release, etcd } = on(members);
    const folder = await release.mount('mcp2-registry-etcd-tls');
    const { isDone, problem } = await setUp(release, etcd, { folder });
    expect(isDone).toBe(false);
    expect(problem).toContain("etcd refuses this job's certificate: its common name must be root");
  },
);

test('an etcd that comes late is waited for, and every wait is a line', async () => {
  const release = await createSetupRelease(apiserver, client, { MCP2_SETUP_INSTALLATION_ID: INSTALLATION });
  await release.run('prepare');
  await using etcd = await startReleaseEtcd(release, 1);
  await etcd.stop();
  const waited = Promise.withResolvers<void>();
  const onLine = ({ message }: LogLine) => {
    if (message === 'waiting for etcd to answer') waited.resolve();
  };
  const running = setUp(release, etcd, { onLine });
  await waited.promise;
  await etcd.restart();
  expect((await running).problem).toBe('');
});

test('an etcd that never comes ends the job in time', async () => {
  const release = await createSetupRelease(apiserver, client, { MCP2_SETUP_INSTALLATION_ID: INSTALLATION });
  await release.run('prepare');
  await using etcd = await startReleaseEtcd(release, 1);
  await etcd.stop();
  const { isDone, problem } = await setUp(release, etcd, { env: { MCP2_SETUP_TIMEOUT: '1s' } });
  expect(isDone).toBe(false);
  expect(problem).toContain('store was not done within 1 s');
});

test('with an etcd of somebody else only trust is looked after', async () => {
  const env = { MCP2_SETUP_BUNDLED_ETCD: 'false', MCP2_SETUP_INSTALLATION_ID: INSTALLATION };
  const release = await createSetupRelease(apiserver, client, env);
  await release.run('prepare');
  const metadata = { name: 'mcp2-trust', namespace: release.namespace };
  await client.delete({ apiVersion: 'v1', kind: 'ConfigMap', metadata });
  expect((await release.run('store')).problem).toBe('');
  expect((await release.configMap('mcp2-trust'))['ca.crt']).toBe((await release.secret('mcp2-ca'))['ca.crt']);
});

/** With the members' certificate and the authority that `prepare` made. */
async function startReleaseEtcd(release: SetupRelease, members: number): Promise<Etcd> {
  const folder = await release.mount('mcp2-etcd-tls');
  const args = [
    `--cert-file=${join(folder, 'tls.crt')}`,
    `--key-file=${join(folder, 'tls.key')}`,
    `--trusted-ca-file=${join(folder, 'ca.crt')}`,
  ];
  return startEtcd({ tls: true, members, args });
}

interface SetUpOptions {
  /** Of the job's certificate. Default: root's. */
  readonly folder?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly onLine?: (line: LogLine) => void;
}

async function setUp(release: SetupRelease, etcd: Etcd, { folder, env = {}, onLine = () => {} }: SetUpOptions = {}) {
  const mount = folder ?? (await release.mount('mcp2-setup-etcd-tls'));
  const files = {
    MCP2_ETCD_ENDPOINTS: etcd.urls.join(','),
    MCP2_ETCD_CA_FILE: join(mount, 'ca.crt'),
    MCP2_ETCD_CERT_FILE: join(mount, 'tls.crt'),
    MCP2_ETCD_KEY_FILE: join(mount, 'tls.key'),
  };
  return release.run('store', { env: { ...files, ...env }, onLine });
}

function changesIn(lines: readonly LogLine[]): string[] {
  return lines.filter(({ message }) => message === 'access to etcd changed').map(({ fields }) => fields.change);
}

function writing(key: string) {
  return { compares: [], writes: [{ kind: 'put' as const, key, value: '1' }] };
}

function on(members: number): ReleaseStore {
  const found = releases.get(members);
  if (found === undefined) throw new Error(`no etcd of ${members} members`);
  return found;
}

async function mounted(release: SetupRelease, secret: string): Promise<EtcdTls> {
  const folder = await release.mount(secret);
  const read = (name: string) => readFileSync(join(folder, name));
  return { ca: read('ca.crt'), certificate: read('tls.crt'), key: read('tls.key') };
}

function open(etcd: Etcd, tls: EtcdTls): Store {
  const store = connectEtcdStore({
    endpoints: etcd.urls,
    tls,
    clock: systemClock,
    random: Math.random,
    callTimeoutMs: 1_500,
  });
  stores.push(store);
  return store;
}

async function registryOf({ release, etcd }: ReleaseStore) {
  const tokens = await createTokens();
  const store = open(etcd, await mounted(release, 'mcp2-registry-etcd-tls'));
  const registry = await startRegistry({ store, tokens });
  await registry.running.ready;
  return Object.assign(registry, { calls: new RegistryCalls(registry, tokens) });
}

async function operatorOf({ release, etcd }: ReleaseStore, fixture: Fixture) {
  const store = open(etcd, await mounted(release, 'mcp2-operator-etcd-tls'));
  return startOperator({
    fixture,
    kubeconfig: apiserver.adminKubeconfig,
    etcdUrl: etcd.url,
    env: { POD_NAMESPACE: release.namespace, MCP2_OPERATOR_INSTALLATION_ID: INSTALLATION },
    wrapStore: (unused) => {
      void unused.close();
      return store;
    },
  });
}

function mcp2Server(namespace: string, serverName: string): KubeObjectReference {
  const spec = {
    serverName,
    source: { service: { name: 'db', port: 'grpc' } },
    capabilities: [{ name: 'db:inventory:read' }],
    registration: { visibility: { from: 'All' } },
  };
  const resource = { apiVersion: 'mcp2.dev/v1alpha1', kind: 'Mcp2Server', metadata: { name: 'db', namespace }, spec };
  return resource;
}
