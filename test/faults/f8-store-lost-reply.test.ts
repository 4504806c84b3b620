/**
 * F8: a write that was applied and whose reply was lost is not taken for a conflict: 0 of 1,000.
 */
import { Etcd3 } from 'etcd3';
import { expect, test } from 'vitest';
import { Backoff } from '#lib/backoff.ts';
import { systemClock } from '#lib/clock.ts';
import type { Revision, Store } from '#lib/store/store.ts';
import { type GuardedWrite, type WriteThroughResult, writeThrough } from '#lib/store/write-through.ts';
import { type EtcdBehindProxy, startEtcdBehindProxy } from '../harness/etcd-behind-proxy.ts';
import { eventually } from '../harness/eventually.ts';
import { WatchRecorder } from '../harness/watch-recorder.ts';

const PREFIX = '/faults/';
const WRITERS = 50;
const ROUNDS = 20;

function write(store: Pick<Store, 'transact'>, guarded: GuardedWrite): Promise<WriteThroughResult> {
  const backoff = new Backoff({ baseMs: 50, capMs: 1_000, random: Math.random });
  return writeThrough({ store, clock: systemClock, backoff }, guarded);
}

/** One write of every writer, all of whose replies are lost. */
async function lostRound(
  { proxy, store, direct }: EtcdBehindProxy,
  writer: Pick<Store, 'transact'>,
  writes: readonly GuardedWrite[],
): Promise<WriteThroughResult[]> {
  // The connection is up, so that the requests still pass.
  const { revision } = await store.get(`${PREFIX}none`);
  proxy.dropReplies();
  const results = writes.map((guarded) => write(writer, guarded));
  await eventually(
    () => direct.get(`${PREFIX}none`),
    (seen) => seen.revision >= revision + writes.length,
    { what: 'all writes are applied', intervalMs: 5 },
  );
  await proxy.pass();
  return Promise.all(results);
}

test('of 1,000 applied writes whose replies were lost, none is a conflict and none is applied twice', async () => {
  await using under = await startEtcdBehindProxy();
  const { direct } = under;
  let attempts = 0;
  const counting: Pick<Store, 'transact'> = {
    transact: (transaction) => {
      attempts += 1;
      return under.store.transact(transaction);
    },
  };
  await using watch = new WatchRecorder(direct, PREFIX, (await direct.list(PREFIX)).revision + 1);
  const keys = Array.from({ length: WRITERS }, (_, i) => `${PREFIX}${i}`);
  const seen = new Map<string, Revision>();
  const outcomes: WriteThroughResult[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const deletes = round % 4 === 3;
    const writes = keys.map((key): GuardedWrite => {
      const compares = [{ key, modRevision: seen.get(key) ?? 0 }];
      return { compares, writes: [deletes ? { kind: 'delete', key } : { kind: 'put', key, value: `${key} ${round}` }] };
    });
    const results = await lostRound(under, counting, writes);
    for (const [i, key] of keys.entries()) {
      const { kind, revision } = results[i] as WriteThroughResult;
      if (deletes) seen.delete(key);
      else if (kind === 'written') seen.set(key, revision);
    }
    outcomes.push(...results);
  }
  expect(outcomes.filter(({ kind }) => kind === 'written').length).toBe(WRITERS * ROUNDS);
  // Every one of them had to ask a second time.
  expect(attempts).toBeGreaterThanOrEqual(2 * WRITERS * ROUNDS);
  await watch.until(({ events }) => events.length >= WRITERS * ROUNDS, 'every write was seen');
  expect(watch.events.length).toBe(WRITERS * ROUNDS);
});

test("a real conflict is still one when our reply was lost too: the other's value stays", async () => {
  await using under = await startEtcdBehindProxy();
  const { proxy, store, direct } = under;
  const key = `${PREFIX}contested`;
  await store.get(key);
  proxy.dropReplies();
  const ours = write(store, { compares: [{ key, modRevision: 0 }], writes: [{ kind: 'put', key, value: 'ours' }] });
  const { entry } = await eventually(
    () => direct.get(key),
    (seen) => seen.entry !== undefined,
  );
  const compares = [{ key, modRevision: entry?.modRevision ?? 0 }];
  await direct.transact({ compares, writes: [{ kind: 'put', key, value: 'theirs' }] });
  await proxy.pass();
  const result = await ours;
  expect(result.kind === 'conflict' && result.current.get(key)?.value).toBe('theirs');
  expect((await direct.get(key)).entry?.value).toBe('theirs');
});

test('a bare transaction whose reply was lost says that it does not know, and reading back tells', async () => {
  await using under = await startEtcdBehindProxy();
  const { proxy, store, direct } = under;
  const key = `${PREFIX}bare`;
  await store.get(key);
  proxy.dropReplies();
  const write = store.transact({ compares: [{ key, modRevision: 0 }], writes: [{ kind: 'put', key, value: 'ours' }] });
  const failed = expect(write).rejects.toMatchObject({ reason: 'STORE_UNAVAILABLE' });
  await eventually(
    () => direct.get(key),
    (seen) => seen.entry !== undefined,
  );
  await proxy.pass();
  await failed;
  expect((await store.get(key)).entry?.value).toBe('ours');
});

test('a lease grant and a revocation whose replies were lost come out right, and no second lease is left', async () => {
  await using under = await startEtcdBehindProxy();
  const { etcd, proxy, store, direct } = under;
  await store.get(`${PREFIX}none`);
  proxy.dropReplies();
  const granting = store.grantLease(60);
  await eventually(
    () => leaseIds(etcd.url),
    (ids) => ids.length === 1,
  );
  await proxy.pass();
  const { id, ttlSeconds } = await granting;
  expect(ttlSeconds).toBe(60);
  expect(await leaseIds(etcd.url)).toEqual([id]);
  await direct.transact({ compares: [], writes: [{ kind: 'put', key: `${PREFIX}leased`, value: '', leaseId: id }] });
  proxy.dropReplies();
  const revoking = store.revokeLease(id);
  await eventually(
    () => direct.get(`${PREFIX}leased`),
    (seen) => seen.entry === undefined,
  );
  await proxy.pass();
  await revoking;
  expect(await store.keepAlive(id)).toBe(false);
});

async function leaseIds(url: string): Promise<string[]> {
  const client = new Etcd3({ hosts: url });
  try {
    const { leases } = await client.leaseClient.leaseLeases();
    return leases.map(({ ID }) => ID);
  } finally {
    client.close();
  }
}

test('keep-alives whose connection is cut are sent again on the next', async () => {
  await using under = await startEtcdBehindProxy();
  const { proxy, store } = under;
  const leases = await Promise.all(Array.from({ length: 20 }, () => store.grantLease(60)));
  for (let cuts = 0; cuts < 10; cuts++) {
    const answers = leases.map(({ id }) => store.keepAlive(id));
    proxy.cut();
    expect(await Promise.all(answers)).toEqual(leases.map(() => true));
  }
});
