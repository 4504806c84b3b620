/**
 * An etcd with a fault proxy before it, a store that goes through the proxy, and one that does not: what the second
 * sees is the truth that the first must reach.
 */
import { Etcd3 } from 'etcd3';
import { systemClock } from '#lib/clock.ts';
import { connectEtcdStore, type EtcdStoreOptions } from '#lib/store/etcd/connect.ts';
import type { Revision, Store } from '#lib/store/store.ts';
import { type Etcd, startEtcd } from './etcd.ts';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts';

export interface EtcdBehindProxy extends AsyncDisposable {
  readonly etcd: Etcd;
  readonly proxy: TcpProxy;
  /** Through the proxy. */
  readonly store: Store;
  /** Past the proxy. */
  readonly direct: Store;
  /** Another store through the proxy; the caller closes it. */
  connect(options?: Partial<EtcdStoreOptions>): Store;
  /** Compacts everything before the current revision. */
  compact(): Promise<void>;
}

export async function startEtcdBehindProxy(options: Partial<EtcdStoreOptions> = {}): Promise<EtcdBehindProxy> {
  const etcd = await startEtcd();
  const proxy = await startTcpProxy({ targetPort: etcd.port });
  const connect = (more: Partial<EtcdStoreOptions> = {}) =>
    connectEtcdStore({
      endpoints: [`http://127.0.0.1:${proxy.port}`],
      clock: systemClock,
      random: Math.random,
      ...options,
      ...more,
    });
  const store = connect();
  const direct = connect({ endpoints: [etcd.url] });
  return {
    etcd,
    proxy,
    store,
    direct,
    connect,
    compact: async () => void (await compactEtcd(etcd.url)),
    async [Symbol.asyncDispose]() {
      await Promise.all([store.close(), direct.close()]);
      await proxy[Symbol.asyncDispose]();
      await etcd[Symbol.asyncDispose]();
    },
  };
}

/** @returns the revision before which nothing can be watched any more. */
export async function compactEtcd(url: string): Promise<Revision> {
  const client = new Etcd3({ hosts: url });
  try {
    const { header } = await client.kv.range({ key: Buffer.from('/') });
    await client.kv.compact({ revision: header.revision });
    return Number(header.revision);
  } finally {
    client.close();
  }
}
