/**
 * F22: somebody edits Discovery behind the operator's back. What is ours is repaired, at once by the watch and in any
 * case by the sweep; what belongs to others is left alone, and whoever asks for its name is told who holds it.
 */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { createKeys } from '#lib/store/keys.ts';
import type { Owner } from '#lib/store/owner.ts';
import { encodeServerRecord, type ServerRecord, sealServerRecord } from '#lib/store/servers.ts';
import { type ControlPlane, startControlPlane } from '../harness/control-plane.ts';
import { compactEtcd } from '../harness/etcd-behind-proxy.ts';
import { eventually } from '../harness/eventually.ts';
import { HeldWatches } from '../harness/held-watch.ts';
import type { KubeObject } from '../harness/kube-client.ts';
import { createNamespace } from '../harness/kube-setup.ts';
import { addressServer, conditionOf, readRecord, untilCondition } from '../harness/mcp2-servers.ts';
import type { TestOperator } from '../harness/operator-fixture.ts';
import { type DiffInput, untilClean } from '../harness/registration-diff.ts';
import { startTcpProxy } from '../harness/tcp-proxy.ts';

const INSTALLATION = 'one';
const BY_WATCH_MS = 2_000;
const SWEEP_MS = 1_000;
const SERVERS = 20;
const keys = createKeys();

let plane: ControlPlane;
let namespace: string;
let oracle: DiffInput;
let operator: TestOperator;

beforeAll(async () => {
  plane = await startControlPlane();
  namespace = await createNamespace(plane.kube);
  oracle = { kube: plane.kube, store: plane.store, installation: INSTALLATION };
  for (let number = 0; number < SERVERS; number += 1) await plane.kube.apply(server(number));
});

afterEach(() => operator?.stop());

afterAll(() => plane?.[Symbol.asyncDispose]());

const HARM: readonly [string, (record: ServerRecord) => Promise<unknown>][] = [
  ['edited', (record) => write(record.name, { ...record, tags: { edited: 'by hand' } })],
  ['edited in its endpoints alone', (record) => write(record.name, withoutHealth(record))],
  ['deleted', ({ name }) => remove(name)],
  ['damaged', ({ name }) => writeText(name, 'no record at all')],
];

test.each(HARM)('a record of ours that is %s is repaired within 2 s by the watch', async (_how, harm) => {
  operator = await startOperator({ MCP2_OPERATOR_SWEEP_INTERVAL: '1h' });
  await untilClean(oracle, 30_000);
  const driftBefore = await metric('mcp2_drift_repaired_total');
  for (let number = 0; number < SERVERS; number += 1) await harm(await recordOf(number));
  expect(await untilClean(oracle, BY_WATCH_MS)).toBeLessThan(BY_WATCH_MS);
  expect(await metric('mcp2_drift_repaired_total')).toBeGreaterThanOrEqual(driftBefore + SERVERS);
});

test.each(HARM)('a record of ours that is %s while no watch tells is repaired by the sweep', async (_how, harm) => {
  const watches = new HeldWatches();
  operator = await startOperator({ MCP2_OPERATOR_SWEEP_INTERVAL: `${SWEEP_MS}ms` }, watches);
  await untilClean(oracle, 30_000);
  watches.hold();
  for (let number = 0; number < SERVERS; number += 1) await harm(await recordOf(number));
  await untilClean(oracle, 10 * SWEEP_MS);
  expect(await metric('mcp2_mirror_missed_total')).toBeGreaterThanOrEqual(SERVERS);
  watches.release();
  await untilClean(oracle, BY_WATCH_MS);
});

const FOREIGN: readonly [string, Owner, string][] = [
  ['a server that registered itself', { manager: 'register', sub: 'shop.payments' }, 'shop.payments'],
  [
    'a resource of another cluster',
    { manager: 'mcp2-operator', installation: 'two', namespace: 'shop', name: 'payments', uid: 'u' },
    'Mcp2Server shop/payments of installation "two"',
  ],
];

test.each(FOREIGN)(
  'the record of %s is untouched; who asks for its name is told, and gets it later',
  async (_who, owner, holder) => {
    operator = await startOperator({ MCP2_OPERATOR_SWEEP_INTERVAL: '1h' });
    const name = `foreign-${owner.manager}`;
    const foreign = foreignRecord(name, owner);
    await write(name, foreign);
    const resource = await plane.kube.apply(addressServer(namespace, name));
    const refused = await untilCondition(plane.kube, resource, { type: 'Accepted', status: 'False' });
    expect(conditionOf(refused, 'Accepted')).toMatchObject({ reason: 'NameConflict' });
    expect(conditionOf(refused, 'Accepted')?.message).toContain(holder);
    expect(conditionOf(refused, 'Ready')).toMatchObject({ status: 'False', reason: 'NameConflict' });
    expect(await readRecord(plane.store, name)).toEqual(foreign);

    await remove(name);
    await untilCondition(plane.kube, resource, { type: 'Ready', status: 'True', timeoutMs: 5_000 });
    await untilClean(oracle, BY_WATCH_MS);
    await plane.kube.delete(resource);
    await untilClean(oracle, BY_WATCH_MS);
  },
);

test('a record that somebody else put in the place of ours is theirs', async () => {
  operator = await startOperator({ MCP2_OPERATOR_SWEEP_INTERVAL: `${SWEEP_MS}ms` });
  await untilClean(oracle, 30_000);
  const name = nameOf(0);
  const foreign = foreignRecord(name, { manager: 'register', sub: 'shop.thief' });
  await write(name, foreign);
  const refused = await untilCondition(plane.kube, server(0), { type: 'Accepted', status: 'False' });
  expect(conditionOf(refused, 'Accepted')?.message).toContain('shop.thief');
  await eventually(
    () => metric('mcp2_registrations'),
    (owned) => owned === SERVERS - 1,
    { what: 'a sweep that looked at the record' },
  );
  expect(await readRecord(plane.store, name)).toEqual(foreign);
  await remove(name);
  await untilClean(oracle, 5_000);
});

test('a store that had to be read anew, as after a backup was restored, is swept at once', async () => {
  await using proxy = await startTcpProxy({ targetPort: plane.etcd.port });
  const env = { MCP2_OPERATOR_INSTALLATION_ID: INSTALLATION, MCP2_OPERATOR_SWEEP_INTERVAL: '1h' };
  operator = await plane.startLeader({ env, etcdUrl: `http://127.0.0.1:${proxy.port}` });
  await untilClean(oracle, 30_000);
  await proxy.refuse();
  const owner = {
    manager: 'mcp2-operator',
    installation: INSTALLATION,
    namespace,
    name: 'long-gone',
    uid: 'u',
  } as const;
  await write('long-gone', foreignRecord('long-gone', owner));
  await remove(nameOf(2));
  await compactEtcd(plane.etcd.url);
  await proxy.pass();
  await untilClean(oracle, 20_000);
  expect(await metric('mcp2_mirror_missed_total')).toBe(0);
});

test('a status that somebody else wrote is put right', async () => {
  operator = await startOperator({ MCP2_OPERATOR_SWEEP_INTERVAL: '1h' });
  await untilClean(oracle, 30_000);
  const before = await plane.kube.get(server(1));
  const stale = { ...before.status, observedGeneration: 0, endpoints: { ready: 0, total: 9, summary: '0/9' } };
  await plane.kube.patch(server(1), { status: stale }, { subresource: 'status' });
  await eventually(
    () => plane.kube.get(server(1)),
    ({ status }) => status.endpoints.summary === '1/1' && status.observedGeneration === before.metadata.generation,
    { timeoutMs: BY_WATCH_MS },
  );
});

function startOperator(env: Record<string, string>, watches?: HeldWatches): Promise<TestOperator> {
  return plane.startLeader({
    env: { MCP2_OPERATOR_INSTALLATION_ID: INSTALLATION, ...env },
    ...(watches ? { wrapStore: (store) => watches.wrap(store) } : {}),
  });
}

function server(number: number): KubeObject {
  return addressServer(namespace, nameOf(number), { registration: { tags: { number: String(number) } } });
}

function nameOf(number: number): string {
  return `edited-${number}`;
}

async function recordOf(number: number): Promise<ServerRecord> {
  const record = await readRecord(plane.store, nameOf(number));
  if (record === undefined) throw new Error(`${nameOf(number)} is not registered`);
  return record;
}

function withoutHealth(record: ServerRecord): ServerRecord {
  return { ...record, endpoints: record.endpoints.map((endpoint) => ({ ...endpoint, health: 'NOT_SERVING' })) };
}

function foreignRecord(name: string, owner: Owner): ServerRecord {
  return sealServerRecord({
    name,
    owner,
    capabilities: ['db:payments:read'],
    tags: {},
    version: '',
    visibility: { visibleTo: [], requiredCapabilities: [] },
    cardDigest: '',
    endpoints: [],
  });
}

function write(name: string, record: ServerRecord): Promise<unknown> {
  return writeText(name, encodeServerRecord(record));
}

function writeText(name: string, value: string): Promise<unknown> {
  return plane.store.transact({ compares: [], writes: [{ kind: 'put', key: keys.server(name), value }] });
}

function remove(name: string): Promise<unknown> {
  return plane.store.transact({ compares: [], writes: [{ kind: 'delete', key: keys.server(name) }] });
}

async function metric(name: string): Promise<number> {
  const found = await operator.metrics.getSingleMetric(name)?.get();
  return found?.values[0]?.value ?? 0;
}
