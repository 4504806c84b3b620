/** Part of the store contract: what is refused before anything is sent. */
import { expect } from 'vitest';
import { WatchRecorder } from '../../harness/watch-recorder.ts';
import { type ContractTests, ownPrefix, put, remove, type StoreUnderTest, write } from './contract-test.ts';

const HOSTILE_KEYS = [
  ['an empty key', ''],
  ['a relative key', 'a/b'],
  ['a key with an empty segment', '/a//b'],
  ['a key with a NUL', '/a\0'],
  ['a key outside ASCII', '/ä'],
  ['a key of 513 characters', `/${'k'.repeat(512)}`],
] as const;

export const refusalTests: ContractTests = {
  ...Object.fromEntries(
    HOSTILE_KEYS.map(([title, key]) => [`${title} is refused before anything is sent`, refuses(key)]),
  ),

  'a value beyond 1 MiB is refused with what to do, one just below is kept': async ({ store }) => {
    const key = `${ownPrefix()}large`;
    const most = 1024 * 1024 - key.length;
    const tooMuch = store.transact({ compares: [], writes: [put(key, 'x'.repeat(most + 1))] });
    await expect(tooMuch).rejects.toMatchObject({ reason: 'LIMIT_EXCEEDED', message: /write less/ });
    await write(store, put(key, 'x'.repeat(most)));
    expect((await store.get(key)).entry?.value.length).toBe(most);
    await write(store, remove(key));
  },

  '100 writes with a compare each and one guard fit, 101 writes do not': async ({ store }) => {
    const prefix = ownPrefix();
    const keys = Array.from({ length: 101 }, (_, i) => `${prefix}${i}`);
    const compares = keys.map((key) => ({ key, modRevision: 0 }));
    const writes = keys.map((key) => put(key, 'x'));
    await expect(store.transact({ compares, writes })).rejects.toMatchObject({ reason: 'LIMIT_EXCEEDED' });
    const result = await store.transact({ compares, writes: writes.slice(1), readOnFailure: keys });
    expect(result.succeeded).toBe(true);
  },
};

function refuses(key: string): (under: StoreUnderTest) => Promise<void> {
  return async ({ store }) => {
    const refused = expect.objectContaining({ reason: 'ARGUMENT_INVALID' });
    const prefix = key === '' ? '' : `${key}/`;
    await expect(store.get(key)).rejects.toEqual(refused);
    await expect(store.list(prefix)).rejects.toEqual(refused);
    await expect(store.transact({ compares: [], writes: [put(key, 'x')] })).rejects.toEqual(refused);
    await expect(store.transact({ compares: [{ key, modRevision: 0 }], writes: [] })).rejects.toEqual(refused);
    await expect(new WatchRecorder(store, prefix, 1).ended()).resolves.toEqual(refused);
  };
}
