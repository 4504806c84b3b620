/**
 * The reflector on a real API server, through everything that can happen between the two. The oracle is always the
 * same: in the end the store holds exactly what an independent client lists, object by object and version by version.
 */

import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { systemClock } from '#lib/clock.ts';
import { CONFIG_MAPS, type KubeObject } from '#lib/kube/object.ts';
import { ObjectStore } from '#lib/kube/object-store.ts';
import { type ChangeCause, Reflector, type ReflectorOptions } from '#lib/kube/reflector.ts';
import { silentLogger } from '#lib/logger.ts';
import { eventually } from '../harness/eventually.ts';
import { type FaultProxy, startFaultProxy } from '../harness/fault-proxy.ts';
import { KubeClient } from '../harness/kube-client.ts';
import { createNamespace } from '../harness/kube-setup.ts';
import { connectOperatorApi, type OperatorApi } from '../harness/operator-api.ts';
import { sharedKubeApiserver } from '../harness/shared-kube-apiserver.ts';

const LIST = { verb: 'list', resource: 'configmaps' } as const;
const WATCH = { verb: 'watch', resource: 'configmaps' } as const;

let proxy: FaultProxy;
let direct: KubeClient;
let operator: OperatorApi;
let namespace: string;
const stops: AbortController[] = [];

beforeAll(async () => {
  const target = await sharedKubeApiserver();
  direct = new KubeClient(target.admin);
  proxy = await startFaultProxy({ target });
  operator = await connectOperatorApi(proxy.admin);
});

afterEach(() => {
  for (const stop of stops.splice(0)) stop.abort();
  proxy.clear();
});

afterAll(async () => {
  await operator[Symbol.asyncDispose]();
  await proxy[Symbol.asyncDispose]();
  await direct[Symbol.asyncDispose]();
});

interface Following {
  readonly store: ObjectStore<KubeObject>;
  readonly reflector: Reflector<KubeObject>;
  readonly seen: { readonly key: string; readonly cause: ChangeCause }[];
  readonly counts: { relists: number; missed: number; heard: number; failures: string[] };
  readonly stop: AbortController;
  readonly ended: Promise<void>;
}

/** Follows the ConfigMaps of a new namespace that holds `names`. */
async function follow(
  names: readonly string[],
  options: Partial<ReflectorOptions<KubeObject>> = {},
): Promise<Following> {
  namespace = await createNamespace(direct, 'reflector');
  await Promise.all(names.map((name) => direct.apply(configMap(name))));
  const store = new ObjectStore<KubeObject>();
  const seen: Following['seen'] = [];
  const counts: Following['counts'] = { relists: 0, missed: 0, heard: 0, failures: [] };
  const reflector = new Reflector<KubeObject>({
    api: operator.api,
    resource: CONFIG_MAPS,
    namespace,
    store,
    clock: systemClock,
    random: Math.random,
    log: silentLogger,
    onKey: (key, cause) => seen.push({ key, cause }),
    metrics: {
      relisted: () => {
        counts.relists += 1;
      },
      missed: (_resource, count) => {
        counts.missed += count;
      },
      failed: (_resource, reason) => counts.failures.push(reason),
      heard: () => {
        counts.heard += 1;
      },
    },
    ...options,
  });
  const stop = new AbortController();
  stops.push(stop);
  proxy.forgetRequests();
  return { store, reflector, seen, counts, stop, ended: reflector.run(stop.signal) };
}

const configMap = (name: string, data: Record<string, string> = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { namespace, name },
  data,
});

/** One change of each kind; afterwards the store must show them. */
async function change(...names: readonly string[]): Promise<void> {
  for (const name of names) await direct.apply(configMap(name, { changed: String(Math.random()) }));
}

const versions = (objects: Iterable<KubeObject>) =>
  [...objects].map(({ metadata }) => `${metadata.name}@${metadata.resourceVersion}`).sort();

async function equalsServer({ store }: Following, timeoutMs = 10_000): Promise<void> {
  const wanted = versions((await direct.list({ apiVersion: 'v1', kind: 'ConfigMap', namespace })) as KubeObject[]);
  const same = (have: readonly string[]) => JSON.stringify(have) === JSON.stringify(wanted);
  await eventually(() => versions(store.all()), same, { what: `a store with ${wanted}`, timeoutMs });
}

/** An event that arrives shows that the watch is open. Changes "a". */
async function watching(following: Following): Promise<void> {
  await following.reflector.synced;
  await change('a');
  await equalsServer(following);
}

test('every add, change and delete reaches the store, and the keys say why', async () => {
  const following = await follow(['old']);
  await following.reflector.synced;
  expect(following.seen).toEqual([{ key: `${namespace}/old`, cause: 'listed' }]);
  await change('new', 'old');
  await direct.delete(configMap('old'));
  await eventually(
    () => following.seen.map(({ key, cause }) => `${key.split('/')[1]} ${cause}`),
    (seen) => JSON.stringify(seen) === JSON.stringify(['old listed', 'new changed', 'old changed', 'old deleted']),
  );
  await equalsServer(following);
  expect(following.store.removed(`${namespace}/old`)).toMatchObject({ isFinalStateUnknown: false });
  expect(following.counts.failures).toEqual([]);
});

test('what nobody reads is not kept: managedFields and the last-applied annotation', async () => {
  const following = await follow([]);
  const annotations = { 'kubectl.kubernetes.io/last-applied-configuration': '{}', kept: 'yes' };
  const withAnnotations = { ...configMap('a'), metadata: { namespace, name: 'a', annotations } };
  await direct.apply(withAnnotations);
  await equalsServer(following);
  const kept = following.store.get(`${namespace}/a`);
  expect(kept?.metadata.managedFields).toBeUndefined();
  expect(kept?.metadata.annotations).toEqual({ kept: 'yes' });
});

test('changes that are not relevant reach the store and nobody else', async () => {
  const following = await follow(['a'], { isRelevant: () => false });
  await following.reflector.synced;
  await change('a');
  await equalsServer(following);
  expect(following.seen.map(({ cause }) => cause)).toEqual(['listed']);
});

test('a collection larger than a page is read in pages of one consistent state', async () => {
  const names = Array.from({ length: 7 }, (_, i) => `m${i}`);
  const following = await follow(names, { timing: { pageSize: 3 } });
  await following.reflector.synced;
  await equalsServer(following);
  const pages = proxy.requests({ ...LIST, namespace });
  expect(pages.length).toBe(3);
  expect(pages.every(({ path }) => path.includes('limit=3') && !path.includes('resourceVersion'))).toBe(true);
});

test('a page that was compacted away (410) leads to one list without pages', async () => {
  proxy.inject({ match: { ...LIST, path: /continue=/ }, fault: { kind: 'status', code: 410 }, times: 1 });
  const following = await follow(['a', 'b', 'c'], { timing: { pageSize: 1 } });
  await following.reflector.synced;
  await equalsServer(following);
  const lists = proxy.requests({ ...LIST, namespace });
  expect(lists.map(({ path }) => path.includes('limit='))).toEqual([true, true, false]);
  expect(following.counts.failures).toEqual([]);
});

test('a watch that the server closes in order goes on from where it was, without another list', async () => {
  const following = await follow(['a'], { timing: { minWatchSeconds: 0.5 } });
  await following.reflector.synced;
  await eventually(
    () => proxy.requests({ ...WATCH, namespace }).length,
    (watches) => watches >= 3,
  );
  await change('a', 'b');
  await equalsServer(following);
  expect(following.counts).toMatchObject({ relists: 1, missed: 0, failures: [] });
});

test('an ERROR 410 in a stream that stays open leads to a new list within a second', async () => {
  const following = await follow(['a']);
  await watching(following);
  const atMs = performance.now();
  expect(proxy.sendErrorToStreams(410, { namespace })).toBe(1);
  await eventually(
    () => following.counts.relists,
    (relists) => relists === 2,
  );
  expect(performance.now() - atMs).toBeLessThan(1000);
  await change('a', 'b');
  await equalsServer(following);
});

test('a watch that always answers 410 is not listed to death, and heals', async () => {
  proxy.inject({ match: WATCH, fault: { kind: 'status', code: 410 } });
  // Every wait is its upper bound: 200 ms, doubling.
  const following = await follow(['a'], { random: () => 0.999 });
  const lists = await eventually(
    () => proxy.requests({ ...LIST, namespace }).map(({ atMs }) => atMs),
    (times) => times.length === 5,
  );
  const gaps = lists.slice(1).map((atMs, i) => atMs - (lists[i] ?? 0));
  for (const [i, gap] of gaps.entries()) expect(gap).toBeGreaterThan(195 * 2 ** i);
  await change('b');
  proxy.clear();
  await equalsServer(following);
});

test.each([
  ['an ERROR 500 in the stream', () => proxy.sendErrorToStreams(500, { namespace })],
  ['a cut connection', () => proxy.cutStreams({ namespace })],
  ['a line that is no JSON', () => proxy.sendToStreams('garbage', { namespace })],
  ['a line that is no event', () => proxy.sendToStreams('{"type":"ADDED"}', { namespace })],
  ['an event without a version', () => proxy.sendToStreams('{"type":"ADDED","object":{"metadata":{}}}', { namespace })],
  ['a line that is null', () => proxy.sendToStreams('null', { namespace })],
])('after %s the watch goes on from where it was, without another list', async (_title, injure) => {
  const following = await follow(['a']);
  await watching(following);
  expect(injure()).toBe(1);
  await change('a', 'b');
  await direct.delete(configMap('a'));
  await equalsServer(following);
  expect(following.counts).toMatchObject({ relists: 1, missed: 0, failures: [expect.any(String)] });
});

test('a line that breaks off in the middle is sent again', async () => {
  proxy.inject({ match: WATCH, fault: { kind: 'truncate-line', afterLines: 1 }, times: 2 });
  const following = await follow([]);
  await following.reflector.synced;
  await change('a', 'b', 'c', 'd');
  await equalsServer(following);
  expect(following.counts).toMatchObject({ relists: 1, missed: 0 });
  expect(following.counts.failures.length).toBe(2);
});

test('Retry-After is obeyed, for lists and for watches', async () => {
  const fault = { kind: 'status', code: 429, retryAfterSeconds: 1 } as const;
  proxy.inject({ match: LIST, fault, times: 2 });
  proxy.inject({ match: WATCH, fault, times: 1 });
  const following = await follow(['a']);
  await change('b');
  await equalsServer(following);
  await watching(following);
  const lists = proxy.requests({ ...LIST, namespace }).map(({ atMs }) => atMs);
  const watches = proxy.requests({ ...WATCH, namespace }).map(({ atMs }) => atMs);
  const gaps = (times: readonly number[]) => times.slice(1).map((atMs, i) => atMs - (times[i] ?? 0));
  expect([...gaps(lists), ...gaps(watches)].length).toBe(3);
  for (const gap of [...gaps(lists), ...gaps(watches)]) expect(gap).toBeGreaterThanOrEqual(990);
});

test.each([500, 503, 403, 401, 504])('status %d for a while ends nothing', async (code) => {
  proxy.inject({ match: LIST, fault: { kind: 'status', code }, times: 2 });
  proxy.inject({ match: WATCH, fault: { kind: 'status', code }, times: 2 });
  const following = await follow(['a']);
  await change('b');
  await equalsServer(following);
  await watching(following);
  expect(following.counts.relists).toBe(1);
});

test('a list that hangs is given up and asked for again', async () => {
  proxy.inject({ match: LIST, fault: { kind: 'hang' }, times: 1 });
  const following = await follow(['a'], { timing: { listDeadlineMs: 500 } });
  await equalsServer(following);
  expect(following.counts.failures).toEqual(['DeadlineExceeded']);
});

test('a list whose body breaks off is asked for again', async () => {
  proxy.inject({ match: LIST, fault: { kind: 'truncate-body' }, times: 2 });
  const following = await follow(['a', 'b']);
  await equalsServer(following);
  expect(following.counts.failures.length).toBe(2);
});

test('a watch that falls silent without closing is given up', async () => {
  const following = await follow(['a'], { timing: { idleTimeoutMs: 800 } });
  await watching(following);
  proxy.freezeStreams({ namespace });
  await change('a', 'b');
  await equalsServer(following);
  expect(following.counts).toMatchObject({ relists: 1, missed: 0 });
  expect(following.counts.failures).toContain('Idle');
});

test('a kind of which nothing changes is watched again after the same short wait each time, and is heard of', async () => {
  const timing = { idleTimeoutMs: 300, backoffBaseMs: 400 };
  const { counts } = await follow(['a'], { timing, random: () => 0.99 });
  // Waits that double would take 26 s for seven.
  await eventually(
    () => counts.failures.filter((reason) => reason === 'Idle').length,
    (silences) => silences >= 7,
    { what: 'seven silent watches', timeoutMs: 12_000 },
  );
  expect(counts.heard).toBeGreaterThanOrEqual(7);
  expect(new Set(counts.failures)).toEqual(new Set(['Idle']));
});

test.each([
  ['an empty list', { kind: 'empty-list' } as const, 3],
  ['a list that shows a part and claims to be whole', { kind: 'partial-list', keepItems: 1 } as const, 2],
])('%s is not believed to be a deletion, and the next list heals it', async (_title, fault, vanishing) => {
  const following = await follow(['a', 'b', 'c'], { timing: { vanishedRelistMs: 300 } });
  await watching(following);
  const injected = proxy.inject({ match: LIST, fault, times: 1 });
  proxy.sendErrorToStreams(410, { namespace });
  const vanished = await eventually(
    () => following.seen.filter(({ cause }) => cause === 'vanished'),
    (keys) => keys.length === vanishing,
  );
  expect(injected.hits).toBe(1);
  for (const { key } of vanished) {
    expect(following.store.removed(key)?.isFinalStateUnknown).toBe(true);
    expect(following.store.removed(key)?.object.metadata.deletionTimestamp).toBeUndefined();
  }
  expect(following.seen.some(({ cause }) => cause === 'deleted')).toBe(false);
  await equalsServer(following);
  expect(following.counts.missed).toBe(vanishing);
});

test('the regular comparison finds nothing while the watch tells everything', async () => {
  const following = await follow(['a'], { timing: { relistMs: 200 } });
  await following.reflector.synced;
  for (let i = 0; i < 30; i += 1) {
    await change(`m${i % 7}`);
    if (i % 5 === 4) await direct.delete(configMap(`m${i % 7}`));
  }
  await equalsServer(following);
  await eventually(
    () => proxy.requests({ ...LIST, namespace }).length,
    (lists) => lists >= 4,
  );
  expect(following.counts).toMatchObject({ relists: 1, missed: 0, failures: [] });
});

test('freshness moves with lists and events and stands still while the server is away', async () => {
  const following = await follow([]);
  expect(following.reflector.freshAtMs).toBeUndefined();
  expect(following.reflector.hasSynced).toBe(false);
  await following.reflector.synced;
  const listedMs = following.reflector.freshAtMs ?? 0;
  await change('a');
  await equalsServer(following);
  const changedMs = following.reflector.freshAtMs ?? 0;
  expect(changedMs).toBeGreaterThan(listedMs);
  proxy.inject({ fault: { kind: 'cut' } });
  proxy.cutConnections();
  await eventually(
    () => following.counts.failures.length,
    (failures) => failures >= 3,
  );
  expect(following.reflector.freshAtMs).toBe(changedMs);
  expect(following.reflector.hasSynced).toBe(true);
  expect(following.store.size).toBe(1);
});

test('under one fault after another nothing is missed', async () => {
  proxy.inject({ match: WATCH, fault: { kind: 'status', code: 429, retryAfterSeconds: 0 }, every: 5 });
  proxy.inject({ match: WATCH, fault: { kind: 'status', code: 500 }, every: 5 });
  proxy.inject({ match: WATCH, fault: { kind: 'cut' }, every: 10 });
  proxy.inject({ match: WATCH, fault: { kind: 'truncate-line', afterLines: 3 }, every: 2 });
  proxy.inject({ match: LIST, fault: { kind: 'status', code: 500 }, every: 3 });
  const following = await follow(['m0'], { timing: { backoffCapMs: 300, relistMs: 700 } });
  for (let i = 0; following.counts.failures.length < 20; i += 1) {
    await change(`m${i % 20}`);
    if (i % 4 === 3) await direct.delete(configMap(`m${(i * 7) % 20}`));
    if (i % 20 === 5) proxy.cutStreams({ namespace });
    if (i % 20 === 15) proxy.sendErrorToStreams(i % 40 === 15 ? 410 : 500, { namespace });
  }
  proxy.clear();
  await equalsServer(following);
  expect(following.counts.missed).toBe(0);
});

test.each([
  ['follows', watching],
  ['waits for a list that hangs', async () => undefined],
])('stopping ends it while it %s, and nothing is told afterwards', async (title, ready) => {
  if (title.includes('hangs')) proxy.inject({ match: LIST, fault: { kind: 'hang' } });
  const following = await follow(['a']);
  await ready(following);
  following.stop.abort();
  await following.ended;
  const told = following.seen.length;
  await change('a', 'b');
  await direct.list({ apiVersion: 'v1', kind: 'ConfigMap', namespace });
  expect(following.seen.length).toBe(told);
  await expect(following.reflector.run(new AbortController().signal)).rejects.toThrow('started before');
});
