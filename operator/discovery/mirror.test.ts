import { expect, test } from 'vitest';
import { encodeServerRecord, sealServerRecord } from '#lib/store/servers.ts';
import type { Entry, Listing } from '#lib/store/store.ts';
import { Mirror } from './mirror.ts';

const value = (version: string) =>
  encodeServerRecord(
    sealServerRecord({
      name: 'DB',
      owner: { manager: 'register', sub: 'shop.db' },
      capabilities: [],
      tags: {},
      version,
      visibility: { visibleTo: [], requiredCapabilities: [] },
      cardDigest: '',
      endpoints: [],
    }),
  );
const entry = (key: string, modRevision: number): Entry => ({ key, value: value(`${modRevision}`), modRevision });
const put = (key: string, modRevision: number) => ({
  revision: modRevision,
  events: [{ kind: 'put' as const, entry: entry(key, modRevision) }],
});
const remove = (key: string, modRevision: number) => ({
  revision: modRevision,
  events: [{ kind: 'delete' as const, key, modRevision }],
});

/** A mirror that has listed `entries` at `revision`, and the keys it has told of since. */
function listed(revision: number, ...entries: Entry[]) {
  const told: string[] = [];
  const mirror = new Mirror({ onChange: (key) => told.push(key) });
  mirror.reset({ revision, entries });
  told.length = 0;
  return { mirror, told };
}

const known = (mirror: Mirror) => [...mirror.all()].map(({ key, modRevision }) => `${key}@${modRevision}`).sort();

test('a listing that the watch is level with teaches nothing', () => {
  const { mirror, told } = listed(5, entry('/a', 3));
  const log = mirror.logDeletions();
  const listing: Listing = { revision: 9, entries: [entry('/a', 3)] };
  expect(mirror.differences(listing, log)).toEqual([]);
  mirror.catchUp(listing, log);
  expect(told).toEqual([]);
});

test('what the watch lost is learnt from a listing: new, changed and deleted keys', () => {
  const { mirror, told } = listed(5, entry('/changed', 3), entry('/gone', 4));
  const log = mirror.logDeletions();
  mirror.catchUp({ revision: 9, entries: [entry('/changed', 7), entry('/new', 8)] }, log);
  expect(known(mirror)).toEqual(['/changed@7', '/new@8']);
  expect(told.sort()).toEqual(['/changed', '/gone', '/new']);
  expect(mirror.revision).toBe(9);
});

test('events that are older than what a listing taught change nothing', () => {
  const { mirror, told } = listed(5, entry('/a', 3));
  mirror.catchUp({ revision: 9, entries: [entry('/b', 9)] }, mirror.logDeletions());
  told.length = 0;
  mirror.apply(put('/a', 6));
  mirror.apply(remove('/b', 8));
  expect(known(mirror)).toEqual(['/b@9']);
  expect(told).toEqual([]);
  mirror.apply(put('/a', 10));
  expect(known(mirror)).toEqual(['/a@10', '/b@9']);
});

test('a watch that is ahead of the listing is believed', () => {
  const { mirror } = listed(5, entry('/changed', 3), entry('/gone', 4));
  const log = mirror.logDeletions();
  const listing: Listing = { revision: 6, entries: [entry('/changed', 3), entry('/gone', 4)] };
  mirror.apply(put('/changed', 7));
  mirror.apply(remove('/gone', 8));
  mirror.apply(put('/new', 9));
  expect(mirror.differences(listing, log)).toEqual([]);
  mirror.catchUp(listing, log);
  expect(known(mirror)).toEqual(['/changed@7', '/new@9']);
});

test('a store that was restored from a backup counts, though its revisions went back', () => {
  const { mirror, told } = listed(50, entry('/a', 40), entry('/b', 41));
  mirror.reset({ revision: 20, entries: [entry('/a', 12)] });
  expect(known(mirror)).toEqual(['/a@12']);
  expect(told.sort()).toEqual(['/a', '/b']);
  mirror.apply(put('/c', 21));
  expect(known(mirror)).toEqual(['/a@12', '/c@21']);
});
