/**
 * Certificates for etcd that are renewed while everything runs: a mounted Secret is swapped, as the kubelet does it,
 * and no call fails, no event is lost and no lease ends.
 */
import { writeFile } from 'node:fs/promises';
import { Etcd3, Permission } from 'etcd3';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { systemClock } from '#lib/clock.ts';
import { rangeEnd } from '#lib/store/etcd/codec.ts';
import { connectEtcd } from '#lib/store/etcd/connect-files.ts';
import type { Store } from '#lib/store/store.ts';
import { type Etcd, type EtcdTls, startEtcd } from '../harness/etcd.ts';
import { eventually } from '../harness/eventually.ts';
import { MountedVolume } from '../harness/mounted-volume.ts';
import { type Certificate, createCertificateAuthority } from '../harness/pki.ts';
import { createWorkspace } from '../harness/processes.ts';
import { WatchRecorder } from '../harness/watch-recorder.ts';

const PREFIX = '/mcp2/v1/';

interface Setup extends AsyncDisposable {
  readonly etcd: Etcd;
  readonly tls: EtcdTls;
  readonly secret: MountedVolume;
  connect(): Promise<Store>;
}

/** etcd with access control: users "before" and "after" may use the prefix, and "after" another one too. */
async function setUp(first: (tls: EtcdTls) => Promise<Certificate>): Promise<Setup> {
  const etcd = await startEtcd({ tls: true });
  const { tls } = etcd;
  if (tls === undefined) throw new Error('started without TLS');
  await allow(etcd, tls);
  const secret = await MountedVolume.create(secretOf(await first(tls), tls.authority.certificate));
  const stores: Store[] = [];
  return {
    etcd,
    tls,
    secret,
    async connect() {
      const path = (name: string) => secret.path(name);
      const files = { caFile: path('ca.crt'), certificateFile: path('tls.crt'), keyFile: path('tls.key') };
      const settings = { endpoints: etcd.urls, tls: files };
      const log = pino({ level: 'silent' });
      const store = await connectEtcd(settings, { clock: systemClock, random: Math.random, log, pollMs: 100 });
      stores.push(store);
      return store;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(stores.map((store) => store.close()));
      await etcd[Symbol.asyncDispose]();
    },
  };
}

async function allow(etcd: Etcd, { authority, root: own }: EtcdTls): Promise<void> {
  const pem = (text: string) => Buffer.from(text);
  const credentials = {
    rootCertificate: pem(authority.certificate),
    certChain: pem(own.certificate),
    privateKey: pem(own.key),
  };
  const root = new Etcd3({ hosts: etcd.url, credentials });
  const rights = { before: [PREFIX], after: [PREFIX, '/after/'] };
  for (const [name, prefixes] of Object.entries(rights)) {
    await root.user(name).create('unused');
    await root.auth.roleAdd({ name });
    for (const prefix of prefixes) {
      const perm = { permType: Permission.Readwrite, key: Buffer.from(prefix), range_end: rangeEnd(prefix) };
      await root.auth.roleGrantPermission({ name, perm: perm as never });
    }
    await root.user(name).addRole(name);
  }
  await root.user('root').create('unused');
  await root.role('root').create();
  await root.user('root').addRole('root');
  await root.auth.authEnable();
  root.close();
}

function secretOf({ certificate, key }: Certificate, ca: string) {
  return { 'tls.crt': certificate, 'tls.key': key, 'ca.crt': ca };
}

/** Reads, writes and keeps a lease alive without a pause; every failure is kept. */
class Traffic implements AsyncDisposable {
  readonly failures: unknown[] = [];
  /** What was written, in order. */
  readonly written: string[] = [];
  readonly #store: Store;
  readonly #leaseId: string;
  readonly #running: Promise<unknown>;
  #isOver = false;

  constructor(store: Store, leaseId: string) {
    this.#store = store;
    this.#leaseId = leaseId;
    this.#running = Promise.all([
      this.#repeat(() => this.#write()),
      this.#repeat(async () => void (await store.list(PREFIX))),
      this.#repeat(async () => expect(await store.keepAlive(this.#leaseId)).toBe(true)),
    ]);
  }

  async #write(): Promise<void> {
    const value = String(this.written.length);
    await this.#store.transact({ compares: [], writes: [{ kind: 'put', key: `${PREFIX}counter`, value }] });
    this.written.push(`put ${PREFIX}counter=${value}`);
  }

  async #repeat(act: () => Promise<void>): Promise<void> {
    while (!this.#isOver) await act().catch((error: unknown) => this.failures.push(error));
  }

  /** Resolves when so many more writes came through. */
  async more(count: number): Promise<void> {
    const wanted = this.written.length + count;
    await eventually(
      () => this.written.length,
      (written) => written >= wanted,
      { what: `${count} more writes` },
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    await this.#running;
  }
}

const refusalOf = (call: Promise<unknown>) =>
  call.then(
    () => undefined,
    (error: unknown) => error,
  );

test.concurrent('a renewed certificate is used by new connections, and no call, watch or lease of the old ones is lost', async () => {
  await using setup = await setUp((tls) => tls.clientCertificate('before'));
  const store = await setup.connect();
  expect(await refusalOf(store.get('/after/a'))).toMatchObject({ reason: 'STORE_UNAVAILABLE' });
  const { id: leaseId } = await store.grantLease(2);
  const leased = { kind: 'put' as const, key: `${PREFIX}leased`, value: '1', leaseId };
  const { revision } = await store.transact({ compares: [], writes: [leased] });
  await using watch = new WatchRecorder(store, PREFIX, revision + 1);
  await watch.established();
  await using traffic = new Traffic(store, leaseId);
  await traffic.more(20);

  await setup.secret.swap(secretOf(await setup.tls.clientCertificate('after'), setup.tls.authority.certificate));
  await eventually(
    () => store.get('/after/a'),
    () => true,
    { what: 'calls with the new certificate' },
  );
  // Long enough for the watch to leave its old connection.
  await watch.until(({ marks }) => marks >= 2, 'the watch stands again');
  await traffic.more(20);
  await traffic[Symbol.asyncDispose]();

  expect(traffic.failures).toEqual([]);
  await watch.until(({ lines }) => lines.length >= traffic.written.length, 'every write');
  expect(watch.lines).toEqual(traffic.written);
  expect((await store.get(`${PREFIX}leased`)).entry?.value).toBe('1');
});

test.concurrent('when the old certificate has expired and etcd was restarted, the renewed one serves', async () => {
  let old: Certificate | undefined;
  await using setup = await setUp(async ({ authority }) => {
    old = await authority.issue({ commonName: 'before', validSeconds: 6 });
    return old;
  });
  const store = await setup.connect();
  await store.get(`${PREFIX}a`);
  await setup.secret.swap(secretOf(await setup.tls.clientCertificate('after'), setup.tls.authority.certificate));
  await eventually(
    () => store.get('/after/a'),
    () => true,
    { what: 'calls with the new certificate' },
  );
  const { revision } = await store.list(PREFIX);
  await using watch = new WatchRecorder(store, PREFIX, revision + 1);
  await watch.established();

  const { certificate, key } = old as Certificate;
  const credentials = {
    rootCertificate: Buffer.from(setup.tls.authority.certificate),
    certChain: Buffer.from(certificate),
    privateKey: Buffer.from(key),
  };
  const isExpired = async () => {
    const client = new Etcd3({ hosts: setup.etcd.url, credentials });
    const refusal = await refusalOf(client.get(`${PREFIX}a`).exec());
    client.close();
    return refusal !== undefined;
  };
  await eventually(isExpired, (expired) => expired, { what: 'the end of the old certificate' });
  await setup.etcd.restart();
  const write = { kind: 'put' as const, key: `${PREFIX}a`, value: '2' };
  await eventually(
    () => store.transact({ compares: [], writes: [write] }),
    ({ succeeded }) => succeeded,
    { what: 'a write after the restart' },
  );
  await watch.until(({ lines }) => lines.at(-1) === `put ${PREFIX}a=2`, 'the write');
});

test.concurrent('files that etcd does not take change nothing, and the right ones after them do', async () => {
  await using setup = await setUp((tls) => tls.clientCertificate('before'));
  const stranger = await createCertificateAuthority(createWorkspace('stranger').folder);
  const store = await setup.connect();
  const { id: leaseId } = await store.grantLease(5);
  await using traffic = new Traffic(store, leaseId);
  await traffic.more(20);

  await setup.secret.swap(secretOf(await stranger.issue({ commonName: 'after' }), setup.tls.authority.certificate));
  await traffic.more(300);
  const right = await setup.tls.clientCertificate('after');
  await setup.secret.swap(secretOf({ ...right, key: 'no key' }, setup.tls.authority.certificate));
  await traffic.more(300);
  await setup.secret.swap(secretOf(right, setup.tls.authority.certificate));
  await eventually(
    () => store.get('/after/a'),
    () => true,
    { what: 'calls with the right certificate' },
  );
  await traffic[Symbol.asyncDispose]();
  expect(traffic.failures).toEqual([]);
});

test.concurrent('an authority is replaced by way of a bundle that holds both', async () => {
  await using setup = await setUp((tls) => tls.clientCertificate('before'));
  const { etcd, tls, secret } = setup;
  const newer = await createCertificateAuthority(createWorkspace('newer').folder, 'mcp2-newer-ca');
  const bundle = `${newer.certificate}${tls.authority.certificate}`;
  const store = await setup.connect();
  const { revision } = await store.list(PREFIX);
  await using watch = new WatchRecorder(store, PREFIX, revision + 1);
  await watch.established();
  const written: string[] = [];
  const write = async (value: string) => {
    await eventually(
      () => store.transact({ compares: [], writes: [{ kind: 'put', key: `${PREFIX}a`, value }] }),
      ({ succeeded }) => succeeded,
      { what: `the write of ${value}`, timeoutMs: 15_000 },
    );
    written.push(value);
  };
  const trust = async (ca: string) => {
    await writeFile(tls.authority.certificateFile, ca);
    await etcd.restart();
  };

  await secret.swap(secretOf(await tls.clientCertificate('before'), bundle));
  await trust(bundle);
  await write('both are trusted');
  const server = await newer.issue({ commonName: 'etcd' });
  await writeFile(tls.server.keyFile, server.key);
  await writeFile(tls.server.certificateFile, server.certificate);
  await secret.swap(secretOf(await newer.issue({ commonName: 'after' }), bundle));
  await eventually(
    () => store.get('/after/a'),
    () => true,
    { what: 'calls with a certificate of the newer authority' },
  );
  await write('both sides show the newer');
  await secret.swap(secretOf(await newer.issue({ commonName: 'after' }), newer.certificate));
  await trust(newer.certificate);
  await write('only the newer is trusted');
  const seen = () => new Set(watch.lines.map((line) => line.split('=')[1]));
  await watch.until(() => written.every((value) => seen().has(value)), 'every write');
});
