import { Etcd3 } from 'etcd3';
import { systemClock } from '#lib/clock.ts';
import { connectEtcdStore } from '#lib/store/etcd/connect.ts';
import { startEtcd } from '../harness/etcd.ts';
import { describeStore } from './store-contract/contract.ts';

describeStore('etcd', async () => {
  const etcd = await startEtcd();
  const store = connectEtcdStore({ endpoints: etcd.urls, clock: systemClock, random: Math.random });
  return {
    store,
    async compact() {
      const client = new Etcd3({ hosts: etcd.url });
      const { header } = await client.kv.range({ key: Buffer.from('/') });
      await client.kv.compact({ revision: header.revision });
      client.close();
    },
    async dispose() {
      await store.close();
      await etcd[Symbol.asyncDispose]();
    },
  };
});
