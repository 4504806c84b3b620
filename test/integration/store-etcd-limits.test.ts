import { expect, test } from 'vitest';
import { systemClock } from '#lib/clock.ts';
import { connectEtcdStore, type EtcdStoreOptions } from '#lib/store/etcd/connect.ts';
import { startEtcd } from '../harness/etcd.ts';

const defaults = { clock: systemClock, random: () => 0 };

test('a listing beyond the size of one gRPC message is read in smaller pages', async () => {
  await using etcd = await startEtcd();
  const store = connectEtcdStore({ endpoints: etcd.urls, ...defaults });
  const keys = Array.from({ length: 70 }, (_, i) => `/large/${String(i).padStart(2, '0')}`);
  const value = 'x'.repeat(1_000_000);
  for (const key of keys) await store.transact({ compares: [], writes: [{ kind: 'put', key, value }] });
  const { entries } = await store.list('/large/');
  expect(entries.map(({ key }) => key)).toEqual(keys);
  expect(entries.every(({ value: read }) => read === value)).toBe(true);
  await store.close();
});

test('connecting and closing work while nothing listens, and calls fail within their time', async () => {
  const store = connectEtcdStore({ endpoints: ['http://127.0.0.1:9'], ...defaults, callTimeoutMs: 500 });
  const startedMs = performance.now();
  await expect(store.get('/a')).rejects.toMatchObject({ reason: 'STORE_UNAVAILABLE' });
  await expect(store.transact({ compares: [], writes: [] })).rejects.toMatchObject({ reason: 'STORE_UNAVAILABLE' });
  expect(performance.now() - startedMs).toBeLessThan(2_000);
  await store.close();
});

test.each<[string, Pick<EtcdStoreOptions, 'endpoints' | 'tls'>]>([
  ['no endpoint', { endpoints: [] }],
  ['no scheme', { endpoints: ['etcd-0:2379'] }],
  ['no port', { endpoints: ['https://etcd-0'] }],
  ['a path', { endpoints: ['https://etcd-0:2379/v3'] }],
  ['http and https mixed', { endpoints: ['https://etcd-0:2379', 'http://etcd-1:2379'] }],
  ['TLS settings for http', { endpoints: ['http://etcd-0:2379'], tls: { ca: Buffer.from('') } }],
  [
    'a certificate without its key',
    { endpoints: ['https://etcd-0:2379'], tls: { ca: Buffer.from(''), certificate: Buffer.from('') } },
  ],
])('endpoints with %s are refused before anything is connected', (_title, options) => {
  expect(() => connectEtcdStore({ ...options, ...defaults })).toThrow(
    expect.objectContaining({ reason: 'ARGUMENT_INVALID' }),
  );
});
