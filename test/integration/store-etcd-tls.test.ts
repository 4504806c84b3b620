import { Etcd3, Permission } from 'etcd3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '#lib/clock.ts';
import { rangeEnd } from '#lib/store/etcd/codec.ts';
import { connectEtcdStore } from '#lib/store/etcd/connect.ts';
import type { Store } from '#lib/store/store.ts';
import { type Etcd, type EtcdTls, startEtcd } from '../harness/etcd.ts';
import { type Certificate, createCertificateAuthority } from '../harness/pki.ts';
import { createWorkspace } from '../harness/processes.ts';
import { WatchRecorder } from '../harness/watch-recorder.ts';

let etcd: Etcd;
let tls: EtcdTls;
const stores: Store[] = [];

beforeAll(async () => {
  etcd = await startEtcd({ tls: true });
  if (etcd.tls === undefined) throw new Error('started without TLS');
  tls = etcd.tls;
  await allowPrefix('mcp2-registry', '/mcp2/v1/');
});

afterAll(async () => {
  await Promise.all(stores.map((store) => store.close()));
  await etcd[Symbol.asyncDispose]();
});

/** Turns etcd's access control on: the user may read and write below the prefix, and nothing else. */
async function allowPrefix(userName: string, prefix: string): Promise<void> {
  const { certificate, key } = tls.root;
  const root = new Etcd3({
    hosts: etcd.url,
    credentials: {
      rootCertificate: Buffer.from(tls.authority.certificate),
      certChain: Buffer.from(certificate),
      privateKey: Buffer.from(key),
    },
  });
  for (const name of [userName, 'root']) await root.user(name).create('unused');
  const perm = { permType: Permission.Readwrite, key: Buffer.from(prefix), range_end: rangeEnd(prefix) };
  await root.auth.roleAdd({ name: userName });
  // The types want the enumerator's name in a spelling that is not the wire's; its number is.
  await root.auth.roleGrantPermission({ name: userName, perm: perm as never });
  await root.user(userName).addRole(userName);
  await root.role('root').create();
  await root.user('root').addRole('root');
  await root.auth.authEnable();
  root.close();
}

function connect(client: Certificate | undefined, authority = tls.authority.certificate): Store {
  const store = connectEtcdStore({
    endpoints: etcd.urls,
    tls: {
      ca: Buffer.from(authority),
      ...(client === undefined ? {} : { certificate: Buffer.from(client.certificate), key: Buffer.from(client.key) }),
    },
    clock: systemClock,
    random: Math.random,
    callTimeoutMs: 1_500,
    watchPatienceMs: 500,
  });
  stores.push(store);
  return store;
}

const writing = (key: string) => ({ compares: [], writes: [{ kind: 'put' as const, key, value: '1' }] });

test('the common name of the certificate is the user: its prefix can be read, written, watched and leased', async () => {
  const store = connect(await tls.clientCertificate('mcp2-registry'));
  const { revision } = await store.list('/mcp2/v1/');
  await using watch = new WatchRecorder(store, '/mcp2/v1/', revision + 1);
  const { id: leaseId } = await store.grantLease(60);
  await store.transact({ compares: [], writes: [{ kind: 'put', key: '/mcp2/v1/a', value: '1', leaseId }] });
  expect(await store.keepAlive(leaseId)).toBe(true);
  await store.revokeLease(leaseId);
  await watch.until(({ lines }) => lines.length === 2, 'the put and the deletion');
});

test('what the user has no right to is refused with the reason, and the connection goes on', async () => {
  const store = connect(await tls.clientCertificate('mcp2-registry'));
  const refused = expect.objectContaining({ reason: 'STORE_UNAVAILABLE', message: expect.stringContaining('role') });
  await expect(store.get('/other/a')).rejects.toEqual(refused);
  await expect(store.list('/other/')).rejects.toEqual(refused);
  await expect(store.transact(writing('/other/a'))).rejects.toEqual(refused);
  expect(await new WatchRecorder(store, '/other/', 2).ended()).toMatchObject({ reason: 'STORE_UNAVAILABLE' });
  expect((await store.transact(writing('/mcp2/v1/a'))).succeeded).toBe(true);
});

test('without a certificate, or with one of another authority, nothing is answered', async () => {
  await expect(connect(undefined).get('/mcp2/v1/a')).rejects.toMatchObject({ reason: 'STORE_UNAVAILABLE' });
  const stranger = await createCertificateAuthority(createWorkspace('stranger').folder);
  const impostor = connect(await stranger.issue({ commonName: 'mcp2-registry' }));
  await expect(impostor.get('/mcp2/v1/a')).rejects.toMatchObject({ reason: 'STORE_UNAVAILABLE' });
});

test('an etcd whose certificate we cannot check is not talked to', async () => {
  const stranger = await createCertificateAuthority(createWorkspace('stranger').folder);
  const store = connect(await tls.clientCertificate('mcp2-registry'), stranger.certificate);
  await expect(store.transact(writing('/mcp2/v1/a'))).rejects.toMatchObject({ reason: 'STORE_UNAVAILABLE' });
});
