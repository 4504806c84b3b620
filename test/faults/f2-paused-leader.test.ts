/**
 * F2: a leader is paused, replaced and wakes up. What it still believes must not reach Discovery, and it must go.
 *
 * Election alone cannot promise that: a paused process does not know that its time is over. The fence in the store
 * refuses it.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createKeys } from '#lib/store/keys.ts';
import { type ControlPlane, startControlPlane, untilLeads as untilWorks } from '../harness/control-plane.ts';
import { eventually } from '../harness/eventually.ts';
import { createNamespace } from '../harness/kube-setup.ts';
import { addressServer, readRecord } from '../harness/mcp2-servers.ts';
import { leaseHolder, OperatorPod } from '../harness/operator-process.ts';
import { createWorkspace } from '../harness/processes.ts';
import { type DiffInput, untilClean } from '../harness/registration-diff.ts';

const ROUNDS = 5;
const UPDATES = 100;
const SERVERS = 50;
const INSTALLATION = 'one';
const FENCED = 3;

let plane: ControlPlane;
let namespace: string;
let oracle: DiffInput;

beforeAll(async () => {
  plane = await startControlPlane();
  namespace = await createNamespace(plane.kube);
  oracle = { kube: plane.kube, store: plane.store, installation: INSTALLATION };
});

afterAll(() => plane?.[Symbol.asyncDispose]());

test('a leader that was paused and replaced writes nothing more and ends with exit code 3', async () => {
  await apply(
    Array.from({ length: SERVERS }, (_, index) => index),
    'first',
  );
  let pods = await Promise.all([startOperator(), startOperator()]);
  await untilClean(oracle, 30_000);
  for (let round = 1; round <= ROUNDS; round += 1) pods = [await replaceLeader(pods, round), await startOperator()];
  for (const { process } of pods.map((pod) => pod.leave())) expect((await process.stop()).code).toBe(0);
});

test('the fence alone stops a leader whose lease is untouched', async () => {
  const { kube, store } = plane;
  // In a cluster an emptyDir of the pod: the process that was fenced ends before anybody scrapes it.
  const state = { MCP2_OPERATOR_STATE_DIR: createWorkspace('paused-leader').folder };
  await using pod = await startOperator(state);
  await untilWorks(store, pod.current.podName);
  await untilClean(oracle, 30_000);
  const { process } = pod.leave();
  const epoch = createKeys().epoch(INSTALLATION);
  await store.transact({ compares: [], writes: [{ kind: 'put', key: epoch, value: 'another' }] });

  await kube.apply(server(0, 'too-late'));
  expect(await process.exited).toEqual({ code: FENCED, signal: null });
  expect((await readRecord(store, nameOf(0)))?.tags.round).not.toBe('too-late');

  await using successor = await startOperator(state);
  expect(await successor.current.metric('mcp2_fence_rejections_total')).toBe(1);
  await untilClean(oracle, 30_000);
  expect((await readRecord(store, nameOf(0)))?.tags.round).toBe('too-late');
  await successor.leave().process.stop();
});

/** One round: pause the leader under updates, wait for the other, let the old one wake up. @returns the new leader. */
async function replaceLeader(pods: readonly OperatorPod[], round: number): Promise<OperatorPod> {
  const numbers = Array.from({ length: UPDATES }, (_, index) => index % SERVERS);
  const half = UPDATES / 2;
  const leader = await untilLeads(pods);
  const others = pods.filter((pod) => pod !== leader);
  const { process: old } = leader.leave();
  // The pause falls into the middle of the work on the first half.
  await apply(numbers.slice(0, half / 2), `r${round}a`);
  old.pause();
  await apply(numbers.slice(half / 2, half), `r${round}a`);
  const successor = await untilLeads(others);
  await apply(numbers.slice(half), `r${round}b`);
  await untilClean(oracle, 20_000);

  old.resume();
  expect(await old.exited).toEqual({ code: FENCED, signal: null });
  // What it wrote to the API server before it noticed is put right; to the store it could write nothing.
  await untilClean(oracle, 2_000);
  for (let index = 0; index < SERVERS; index += 1) {
    expect((await readRecord(plane.store, nameOf(index)))?.tags.round).toBe(`r${round}b`);
  }
  return successor;
}

function startOperator(more: Readonly<Record<string, string>> = {}): Promise<OperatorPod> {
  const { fixture, apiserver, etcd } = plane;
  const env = {
    MCP2_OPERATOR_INSTALLATION_ID: INSTALLATION,
    MCP2_OPERATOR_LEASE_DURATION: '3s',
    MCP2_OPERATOR_RENEW_DEADLINE: '2s',
    MCP2_OPERATOR_RETRY_PERIOD: '400ms',
    ...more,
  };
  return OperatorPod.start({ fixture, kubeconfig: apiserver.adminKubeconfig, etcdUrl: etcd.url, env });
}

async function untilLeads(pods: readonly OperatorPod[]): Promise<OperatorPod> {
  const read = async () => {
    const holder = await leaseHolder(plane.kube);
    return pods.find(({ current }) => holder?.startsWith(current.podName));
  };
  const what = `one of ${pods.map(({ current }) => current.podName).join(', ')} leads`;
  const leader = await eventually(read, (found) => found !== undefined, { what, timeoutMs: 20_000 });
  return leader as OperatorPod;
}

async function apply(numbers: readonly number[], round: string): Promise<void> {
  for (const number of numbers) await plane.kube.apply(server(number, round));
}

function server(number: number, round: string) {
  return addressServer(namespace, nameOf(number), { registration: { tags: { round } } });
}

function nameOf(number: number): string {
  return `paused-${number}`;
}
