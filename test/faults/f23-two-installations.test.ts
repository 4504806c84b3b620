/**
 * F23: two installations, each with an API server of its own, share one etcd and ask for the same names; and two
 * resources of one installation do. Nobody writes a record of another, and everybody agrees on who holds a name.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createKeys } from '#lib/store/keys.ts';
import { decodeServerRecord } from '#lib/store/servers.ts';
import { startChurn } from '../harness/churn.ts';
import { type ControlPlane, startControlPlane } from '../harness/control-plane.ts';
import { type Etcd, startEtcd } from '../harness/etcd.ts';
import type { KubeObject } from '../harness/kube-client.ts';
import { createNamespace } from '../harness/kube-setup.ts';
import { addressServer, conditionOf, readRecord, untilCondition, untilRecord } from '../harness/mcp2-servers.ts';
import type { TestOperator } from '../harness/operator-fixture.ts';
import { untilClean } from '../harness/registration-diff.ts';
import { WatchRecorder } from '../harness/watch-recorder.ts';

const CONTESTED = 20;
const keys = createKeys();

let etcd: Etcd;
let one: Installation;
let two: Installation;
let writes: WatchRecorder;

interface Installation {
  readonly id: string;
  readonly plane: ControlPlane;
  readonly namespace: string;
}

beforeAll(async () => {
  etcd = await startEtcd();
  [one, two] = await Promise.all([install('one'), install('two')]);
  const { revision } = await one.plane.store.list(keys.servers);
  writes = new WatchRecorder(one.plane.store, keys.servers, revision + 1);
});

afterAll(async () => {
  await writes?.[Symbol.asyncDispose]();
  await Promise.all([one?.plane[Symbol.asyncDispose](), two?.plane[Symbol.asyncDispose]()]);
  await etcd?.[Symbol.asyncDispose]();
});

test('who comes first holds the names, also over restarts and changes of both; then the other gets them', async () => {
  await Promise.all([applyAll(one, 'first'), applyAll(two, 'first')]);
  let first = await start(one);
  await agree(one);
  let second = await start(two);
  await agree(one, two);
  expect(await holders()).toEqual(new Set(['one']));
  const refused = await two.plane.kube.get(server(two, 'contested-0'));
  expect(conditionOf(refused, 'Accepted')?.message).toContain(
    `Mcp2Server ${one.namespace}/contested-0 of installation "one"`,
  );

  const churn = startChurn(async (number) => {
    await one.plane.kube.apply(server(one, `contested-${number % CONTESTED}`, `churn-${number}`));
    await two.plane.kube.apply(server(two, `contested-${number % CONTESTED}`, `churn-${number}`));
  }, 20);
  await sleep(500);
  await Promise.all([first.stop(), second.stop()]);
  [second, first] = [await start(two), await start(one)];
  await sleep(1_000);
  await churn.stop();
  await agree(one, two);
  expect(await holders()).toEqual(new Set(['one']));

  for (let number = 0; number < CONTESTED; number += 1) await one.plane.kube.delete(server(one, `contested-${number}`));
  await agree(one, two);
  expect(await holders()).toEqual(new Set(['two']));
  expect(crossWrites()).toEqual([]);
  await Promise.all([first.stop(), second.stop()]);
});

test('names that both ask for at once get one holder each, who keeps them', async () => {
  const [first, second] = await Promise.all([start(one), start(two)]);
  await Promise.all([one, two].map((installation) => applyAll(installation, 'at-once', 'race')));
  await agree(one, two);
  const settled = await revisions();
  await sleep(2_500);
  expect(await revisions()).toEqual(settled);
  expect(crossWrites()).toEqual([]);
  await Promise.all([first.stop(), second.stop()]);
});

test('within one installation the oldest resource holds the name, and the next gets it when that one goes', async () => {
  const operator = await start(one);
  const { kube, store } = one.plane;
  const serverName = 'Rivals';
  const eldest = await kube.apply(rival('rival-a', serverName));
  await untilCondition(kube, eldest, { type: 'Ready', status: 'True' });
  await nextSecond(eldest);
  const others = await Promise.all(
    ['rival-b', 'rival-c', 'rival-d'].map((name) => kube.apply(rival(name, serverName))),
  );
  await agree(one);
  expect(await ownerName(serverName)).toBe('rival-a');
  const [loser] = others as [KubeObject];
  const refused = await untilCondition(kube, loser, { type: 'Accepted', status: 'False', reason: 'NameConflict' });
  expect(conditionOf(refused, 'Accepted')?.message).toContain(`Mcp2Server ${one.namespace}/rival-a.`);

  await kube.delete(eldest);
  const heirs = others.map(({ metadata }) => ({
    name: metadata.name,
    uid: metadata.uid,
    at: metadata.creationTimestamp,
  }));
  const [heir] = heirs.sort((a, b) => (`${a.at} ${a.uid}` < `${b.at} ${b.uid}` ? -1 : 1));
  await untilRecord(
    store,
    serverName,
    (record) => record?.owner.manager === 'mcp2-operator' && record.owner.name === heir?.name,
    5_000,
  );
  await agree(one);
  await operator.stop();
});

test('resources of the same second are told apart by uid, whoever was registered first', async () => {
  const operator = await start(one);
  const pairs = Array.from({ length: 10 }, (_, number) => `Twins-${number}`);
  for (const name of pairs) {
    const apply = (suffix: string) => one.plane.kube.apply(rival(`${name.toLowerCase()}-${suffix}`, name));
    await apply('a');
    await untilRecord(one.plane.store, name, (record) => record !== undefined);
    await apply('b');
  }
  await agree(one);
  expect(crossWrites()).toEqual([]);
  await operator.stop();
});

async function install(id: string): Promise<Installation> {
  const plane = await startControlPlane({ etcd });
  return { id, plane, namespace: await createNamespace(plane.kube, id) };
}

function start({ id, plane }: Installation): Promise<TestOperator> {
  return plane.startLeader({ env: { MCP2_OPERATOR_INSTALLATION_ID: id, MCP2_OPERATOR_SWEEP_INTERVAL: '1s' } });
}

async function agree(...installations: Installation[]): Promise<void> {
  await Promise.all(
    installations.map(({ id, plane }) =>
      untilClean({ kube: plane.kube, store: plane.store, installation: id }, 20_000),
    ),
  );
}

async function applyAll(installation: Installation, round: string, prefix = 'contested'): Promise<void> {
  for (let number = 0; number < CONTESTED; number += 1) {
    await installation.plane.kube.apply(server(installation, `${prefix}-${number}`, round));
  }
}

function server({ namespace }: Installation, name: string, round = ''): KubeObject {
  return addressServer(namespace, name, { registration: { tags: { round } } });
}

function rival(name: string, serverName: string): KubeObject {
  return addressServer(one.namespace, name, { serverName });
}

/** Installations that hold a contested name. */
async function holders(): Promise<Set<string>> {
  const { entries } = await one.plane.store.list(keys.servers);
  const owners = entries.flatMap(({ value }) => decodeServerRecord(value)?.owner ?? []);
  return new Set(owners.map((owner) => (owner.manager === 'mcp2-operator' ? owner.installation : owner.sub)));
}

async function ownerName(serverName: string): Promise<string | undefined> {
  const owner = (await readRecord(one.plane.store, serverName))?.owner;
  return owner?.manager === 'mcp2-operator' ? owner.name : undefined;
}

async function revisions(): Promise<(readonly [string, number])[]> {
  const { entries } = await one.plane.store.list(keys.servers);
  return entries.map(({ key, modRevision }) => [key, modRevision] as const);
}

/** Writes that replaced, or removed, a record of another resource, by key. */
function crossWrites(): string[] {
  const held = new Map<string, string>();
  const found: string[] = [];
  for (const event of writes.events) {
    const key = event.kind === 'put' ? event.entry.key : event.key;
    const record = event.kind === 'put' ? decodeServerRecord(event.entry.value) : undefined;
    const owner = record && JSON.stringify(record.owner);
    const before = held.get(key);
    if (owner !== undefined && before !== undefined && owner !== before) found.push(`${key}: ${before} → ${owner}`);
    if (owner === undefined) held.delete(key);
    else held.set(key, owner);
  }
  return found;
}

/** creationTimestamp has whole seconds. */
async function nextSecond({ metadata }: KubeObject): Promise<void> {
  const endMs = Date.parse(metadata.creationTimestamp) + 1_000;
  await sleep(Math.max(0, endMs - Date.now()) + 50);
}
