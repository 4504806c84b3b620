/** The registry while etcd is away, hangs, loses replies or forgets history. */
import { expect, test } from 'vitest';
import { systemClock } from '#lib/clock.ts';
import { connectEtcdStore } from '#lib/store/etcd/connect.ts';
import type { Store } from '#lib/store/store.ts';
import { startEtcd } from '../harness/etcd.ts';
import { type EtcdBehindProxy, startEtcdBehindProxy } from '../harness/etcd-behind-proxy.ts';
import { eventually } from '../harness/eventually.ts';
import { RegistryCalls } from '../harness/registry-calls.ts';
import { createTokens, refusalOf, startRegistry, type TestRegistry } from '../harness/registry-fixture.ts';

/** A tenth of the usual times: read every 500 ms, stale after 1.5 s. */
const QUICK = { MCP2_REGISTRY_READ_INTERVAL: '500ms', MCP2_REGISTRY_STALE_AFTER: '1500ms' };

interface Outage extends AsyncDisposable {
  readonly etcd: EtcdBehindProxy;
  readonly registry: TestRegistry;
  readonly calls: RegistryCalls;
}

async function startBehindProxy(): Promise<Outage> {
  const etcd = await startEtcdBehindProxy();
  const tokens = await createTokens();
  const registry = await startRegistry({ store: etcd.store, tokens, env: QUICK });
  await registry.running.ready;
  const calls = new RegistryCalls(registry, tokens);
  return {
    etcd,
    registry,
    calls,
    async [Symbol.asyncDispose]() {
      await registry[Symbol.asyncDispose]();
      await etcd[Symbol.asyncDispose]();
    },
  };
}

const turnsStale = { timeoutMs: 2_500, what: 'answers turn stale' };

test.concurrent.each(['refuse', 'hang'] as const)(
  'while etcd is away (%s) lookups go on and turn stale in time, writes fail, and all recovers',
  async (fault) => {
    await using outage = await startBehindProxy();
    const { calls, etcd } = outage;
    const { instance_id, lease_token, revision } = await calls.register({ server_name: 'Db_Kept', ttl_seconds: 300 });
    const fresh = await calls.lookup({ server_name: 'Db_Kept', min_revision: revision });
    expect(fresh).toMatchObject({ stale: false, endpoints: [{ server_name: 'Db_Kept' }] });

    const startedMs = performance.now();
    await etcd.proxy[fault]();
    const read = () => calls.lookup({ server_name: 'Db_Kept' });
    const stale = await eventually(read, (found) => found.stale, turnsStale);
    expect(performance.now() - startedMs).toBeGreaterThan(900);
    expect(stale.endpoints).toEqual([expect.objectContaining({ server_name: 'Db_Kept' })]);
    const refused = await Promise.all([
      refusalOf(calls.register({ server_name: 'Db_Late' })),
      refusalOf(calls.beat({ server_name: 'Db_Kept', instance_id, lease_token })),
      refusalOf(calls.deregister({ server_name: 'Db_Kept', instance_id, lease_token })),
    ]);
    expect(refused.map(({ reason }) => reason)).toEqual(Array(3).fill('STORE_UNAVAILABLE'));
    expect(await read()).toMatchObject({ stale: true, endpoints: [{ server_name: 'Db_Kept' }] });

    await etcd.proxy.pass();
    await eventually(read, (found) => !found.stale);
    const late = await calls.register({ server_name: 'Db_Late' });
    expect(await calls.urlsOf('Db_Late', late.revision)).toHaveLength(1);
    expect((await calls.beat({ server_name: 'Db_Kept', instance_id, lease_token }))[0]?.ttl_seconds).toBe(300);
  },
);

test.concurrent('a Register whose reply was lost succeeds once, and its lease token works', async () => {
  await using etcd = await startEtcdBehindProxy();
  const tokens = await createTokens();
  let attempts = 0;
  const transact: Store['transact'] = async (transaction) => {
    attempts += 1;
    return attempts === 1 ? loseReply(etcd, () => etcd.store.transact(transaction)) : etcd.store.transact(transaction);
  };
  await using registry = await startRegistry({ store: withTransact(etcd.store, transact), tokens });
  await registry.running.ready;
  const calls = new RegistryCalls(registry, tokens);
  const registered = await calls.register({ server_name: 'Db_Lost' });
  expect(attempts).toBe(2);
  expect(await calls.urlsOf('Db_Lost', registered.revision)).toHaveLength(1);
  const { instance_id, lease_token } = registered;
  expect(await calls.beat({ server_name: 'Db_Lost', instance_id, lease_token })).toHaveLength(1);
});

/** The request passes and is applied, its reply never comes. */
async function loseReply<T>({ proxy, store, direct }: EtcdBehindProxy, write: () => Promise<T>): Promise<T> {
  const { revision } = await store.get('/any');
  proxy.dropReplies();
  const answer = write();
  await eventually(
    () => direct.get('/any'),
    (seen) => seen.revision > revision,
  );
  await proxy.pass();
  return answer;
}

function withTransact(store: Store, transact: Store['transact']): Store {
  return {
    get: (key) => store.get(key),
    list: (prefix) => store.list(prefix),
    watch: (prefix, fromRevision, signal) => store.watch(prefix, fromRevision, signal),
    transact,
    grantLease: (ttlSeconds) => store.grantLease(ttlSeconds),
    keepAlive: (leaseId) => store.keepAlive(leaseId),
    revokeLease: (leaseId) => store.revokeLease(leaseId),
    close: () => store.close(),
  };
}

test.concurrent('a Register that failed although it was written leaves no instance behind', async () => {
  await using etcd = await startEtcdBehindProxy();
  const tokens = await createTokens();
  const transact: Store['transact'] = (transaction) => {
    etcd.proxy.dropReplies();
    return etcd.store.transact(transaction);
  };
  await using registry = await startRegistry({ store: withTransact(etcd.store, transact), tokens });
  await registry.running.ready;
  const calls = new RegistryCalls(registry, tokens);
  const { revision } = await etcd.direct.get('/any');
  const refusal = await refusalOf(calls.register({ server_name: 'Db_Orphan', ttl_seconds: 300 }));
  expect(refusal.reason).toBe('STORE_UNAVAILABLE');
  await etcd.proxy.pass();
  const listing = await eventually(
    () => etcd.direct.list('/mcp2/v1/instances/'),
    ({ entries }) => entries.length === 0,
  );
  expect(listing.revision, 'it was written').toBeGreaterThan(revision);
  const urls = await eventually(
    () => calls.urlsOf('Db_Orphan'),
    (found) => found.length === 0,
  );
  expect(urls).toEqual([]);
});

test.concurrent('changes that compaction swallowed while etcd was out of reach are there after it', async () => {
  await using outage = await startBehindProxy();
  const { calls, etcd } = outage;
  const { revision } = await calls.register({ server_name: 'Db_Old', ttl_seconds: 300 });
  expect(await calls.urlsOf('Db_Old', revision)).toHaveLength(1);
  await etcd.proxy.refuse();
  const { entries } = await etcd.direct.list('/mcp2/v1/instances/');
  const key = entries[0]?.key ?? '';
  await etcd.direct.transact({ compares: [], writes: [{ kind: 'delete', key }] });
  await etcd.compact();
  await etcd.proxy.pass();
  await eventually(
    () => calls.urlsOf('Db_Old'),
    (urls) => urls.length === 0,
  );
});

test.concurrent('started while etcd is away, it is not ready until the index is loaded', async () => {
  await using etcd = await startEtcd();
  await etcd.stop();
  const store = connectEtcdStore({ endpoints: etcd.urls, clock: systemClock, random: Math.random });
  const tokens = await createTokens();
  const env = { ...QUICK, MCP2_OPS_LISTEN: '127.0.0.1:0' };
  await using registry = await startRegistry({ store, tokens, env });
  const calls = new RegistryCalls(registry, tokens);
  const readyz = async () => (await fetch(`http://127.0.0.1:${registry.running.opsPort}/readyz`)).status;
  expect((await refusalOf(calls.lookup({}))).reason).toBe('STORE_UNAVAILABLE');
  expect(await readyz()).toBe(503);
  await etcd.restart();
  await registry.running.ready;
  expect(await readyz()).toBe(200);
  expect(await calls.lookup({})).toMatchObject({ stale: false, endpoints: [] });
  await etcd.stop();
  await eventually(
    () => calls.lookup({}),
    ({ stale }) => stale,
    turnsStale,
  );
  expect(await readyz()).toBe(200);
  await store.close();
});
