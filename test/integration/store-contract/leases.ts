/** Part of the store contract: leases. */
import { expect } from 'vitest';
import { LeaseGoneError } from '#lib/store/store.ts';
import { eventually } from '../../harness/eventually.ts';
import { revisionOf, WatchRecorder } from '../../harness/watch-recorder.ts';
import { type ContractTests, ownPrefix, put, write } from './contract-test.ts';

export const leaseTests: ContractTests = {
  'the keys of a lease vanish together when nobody keeps it alive, as deletions of one revision': async ({ store }) => {
    const prefix = ownPrefix();
    const { id, ttlSeconds } = await store.grantLease(2);
    expect(ttlSeconds).toBeGreaterThanOrEqual(2);
    await using watch = new WatchRecorder(store, prefix, (await store.list(prefix)).revision + 1);
    await write(store, put(`${prefix}a`, '1', id), put(`${prefix}b`, '2', id), put(`${prefix}c`, 'stays'));
    expect((await store.get(`${prefix}a`)).entry?.leaseId).toBe(id);
    await watch.until(({ lines }) => lines.length >= 5, 'the deletions', (ttlSeconds + 4) * 1000);
    expect(watch.lines.slice(3).sort()).toEqual([`delete ${prefix}a`, `delete ${prefix}b`]);
    expect(new Set(watch.events.slice(3).map(revisionOf)).size).toBe(1);
    expect((await store.list(prefix)).entries.map(({ value }) => value)).toEqual(['stays']);
    expect(await store.keepAlive(id)).toBe(false);
  },

  'a lease that is kept alive outlives its time, and ends when that stops': async ({ store }) => {
    const key = `${ownPrefix()}a`;
    const { id, ttlSeconds } = await store.grantLease(2);
    await write(store, put(key, '1', id));
    const startedMs = performance.now();
    await eventually(
      async () => {
        expect(await store.keepAlive(id)).toBe(true);
        return performance.now() - startedMs;
      },
      (elapsedMs) => elapsedMs > ttlSeconds * 2_000,
      { intervalMs: 300, timeoutMs: ttlSeconds * 4_000 },
    );
    expect((await store.get(key)).entry?.value).toBe('1');
    await eventually(
      () => store.get(key),
      ({ entry }) => entry === undefined,
      { timeoutMs: (ttlSeconds + 4) * 1000 },
    );
  },

  'a revoked lease takes its keys at once; again, and keeping it alive, do no harm': async ({ store }) => {
    const key = `${ownPrefix()}a`;
    const { id } = await store.grantLease(60);
    await write(store, put(key, '1', id));
    await store.revokeLease(id);
    expect((await store.get(key)).entry).toBeUndefined();
    await store.revokeLease(id);
    expect(await store.keepAlive(id)).toBe(false);
    expect(await store.keepAlive('4611686018427387904')).toBe(false);
  },

  'a put with a lease that is gone fails as a whole with LeaseGoneError': async ({ store }) => {
    const prefix = ownPrefix();
    const { id } = await store.grantLease(60);
    await store.revokeLease(id);
    const writes = [put(`${prefix}a`, '1'), put(`${prefix}b`, '1', id)];
    await expect(store.transact({ compares: [], writes })).rejects.toBeInstanceOf(LeaseGoneError);
    expect((await store.list(prefix)).entries).toEqual([]);
  },

  'a later put without the lease, or with another, frees the key from it': async ({ store }) => {
    const prefix = ownPrefix();
    const [one, other] = [await store.grantLease(60), await store.grantLease(60)];
    await write(store, put(`${prefix}a`, '1', one.id), put(`${prefix}b`, '1', one.id), put(`${prefix}c`, '1', one.id));
    await write(store, put(`${prefix}a`, '2'), put(`${prefix}b`, '2', other.id));
    await store.revokeLease(one.id);
    expect((await store.list(prefix)).entries.map(({ key }) => key)).toEqual([`${prefix}a`, `${prefix}b`]);
    await store.revokeLease(other.id);
    expect((await store.list(prefix)).entries.map(({ key }) => key)).toEqual([`${prefix}a`]);
  },

  '200 leases are kept alive at once and each hears of itself': async ({ store }) => {
    const leases = await Promise.all(Array.from({ length: 200 }, () => store.grantLease(60)));
    const gone = leases.filter((_, i) => i % 2 === 0);
    await Promise.all(gone.map(({ id }) => store.revokeLease(id)));
    const answers = await Promise.all(leases.map(({ id }) => store.keepAlive(id)));
    expect(answers).toEqual(leases.map((_, i) => i % 2 === 1));
    await Promise.all(leases.map(({ id }) => store.revokeLease(id)));
  },

  'times to live that are no whole seconds in range are refused': async ({ store }) => {
    for (const ttlSeconds of [0, -5, 1.5, Number.NaN, 1e10]) {
      await expect(store.grantLease(ttlSeconds)).rejects.toMatchObject({ reason: 'ARGUMENT_INVALID' });
    }
    await expect(store.keepAlive('not-a-lease')).rejects.toMatchObject({ reason: 'ARGUMENT_INVALID' });
  },
};
