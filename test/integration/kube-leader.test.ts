/**
 * Leader election on a real API server: candidates are processes that get killed, stopped and told to end, or run
 * here behind a proxy that breaks their calls. The oracle is what each of them printed while it held the lease.
 */

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '#lib/clock.ts';
import { LeaderElector, type LeaderTiming } from '#lib/kube/leader.ts';
import type { Leadership, LeadershipEnded } from '#lib/kube/leadership.ts';
import { silentLogger } from '#lib/logger.ts';
import { eventually } from '../harness/eventually.ts';
import { startFaultProxy } from '../harness/fault-proxy.ts';
import { KubeClient } from '../harness/kube-client.ts';
import type { KubeEndpoint } from '../harness/kube-endpoint.ts';
import { createNamespace } from '../harness/kube-setup.ts';
import { connectOperatorApi, type OperatorApi } from '../harness/operator-api.ts';
import { createWorkspace, ManagedProcess } from '../harness/processes.ts';
import { sharedKubeApiserver } from '../harness/shared-kube-apiserver.ts';
import type { CandidateReport, CandidateSettings } from './leader-candidate.ts';

const TIMING: LeaderTiming = { leaseDurationMs: 3000, renewDeadlineMs: 2000, retryPeriodMs: 400 };
/** For what is about errors and not about time. */
const PATIENT: LeaderTiming = { leaseDurationMs: 9000, renewDeadlineMs: 6000, retryPeriodMs: 300 };
const LEASE = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease' };

let target: KubeEndpoint;
let direct: KubeClient;
let operator: OperatorApi;
let namespace: string;

beforeAll(async () => {
  target = await sharedKubeApiserver();
  direct = new KubeClient(target.admin);
  namespace = await createNamespace(direct, 'leader');
  operator = await connectOperatorApi(target.admin);
});

afterAll(async () => {
  await operator[Symbol.asyncDispose]();
  await direct[Symbol.asyncDispose]();
});

interface Candidate extends AsyncDisposable {
  readonly identity: string;
  readonly process: ManagedProcess;
  reports(): Promise<readonly CandidateReport[]>;
}

async function startCandidate(lease: string, identity: string): Promise<Candidate> {
  const { tokenFile, caFile } = operator;
  const settings: CandidateSettings = {
    server: target.admin.url,
    tokenFile,
    caFile,
    namespace,
    lease,
    identity,
    timing: TIMING,
  };
  const file = join(createWorkspace('candidate').folder, 'settings.json');
  await writeFile(file, JSON.stringify(settings));
  const args = [join(import.meta.dirname, 'leader-candidate.ts'), file];
  const candidate = new ManagedProcess({ name: identity, command: process.execPath, args });
  await candidate.start();
  return {
    identity,
    process: candidate,
    reports: async () =>
      (await candidate.log())
        .split('\n')
        .filter((line) => line.endsWith('}'))
        .map((line) => JSON.parse(line) as CandidateReport),
    [Symbol.asyncDispose]: async () => void (await candidate.kill()),
  };
}

/** Waits until one of them holds the lease, later than `sinceMs`. */
async function leaderOf(candidates: readonly Candidate[], sinceMs = 0): Promise<{ leader: Candidate; atMs: number }> {
  const find = async () => {
    for (const leader of candidates) {
      const leads = (await leader.reports()).findLast(({ what, atMs }) => what === 'leads' && atMs > sinceMs);
      if (leads !== undefined) return { leader, atMs: leads.atMs };
    }
    return undefined;
  };
  const found = await eventually(find, (value) => value !== undefined, { what: 'a leader' });
  if (found === undefined) throw new Error('no leader');
  return found;
}

/** From its first "holds" to its last, each candidate must have been alone. */
async function expectNeverTwoLeaders(candidates: readonly Candidate[]): Promise<void> {
  const terms: { readonly identity: string; readonly fromMs: number; toMs: number }[] = [];
  for (const { identity, reports } of candidates) {
    for (const { what, atMs } of await reports()) {
      const current = terms.findLast((term) => term.identity === identity);
      if (what === 'leads') terms.push({ identity, fromMs: atMs, toMs: atMs });
      else if (what === 'holds' && current !== undefined) current.toMs = atMs;
    }
  }
  terms.sort((a, b) => a.fromMs - b.fromMs);
  for (const [i, term] of terms.slice(1).entries()) expect(term.fromMs).toBeGreaterThanOrEqual(terms[i]?.toMs ?? 0);
  expect(terms.length).toBeGreaterThan(1);
}

test('a killed leader is followed within lease + 2 s, a leader told to end at once, and there are never two', async () => {
  const names = ['one', 'two', 'three', 'four'];
  const candidates = await Promise.all(names.map((name) => startCandidate('crash', name)));
  const { leader: first } = await leaderOf(candidates);
  const killedMs = systemClock.nowMs();
  await first.process.kill();
  const second = await leaderOf(candidates, killedMs);
  expect(second.atMs - killedMs).toBeLessThan(TIMING.leaseDurationMs + 2000);

  const toldMs = systemClock.nowMs();
  await second.leader.process.stop();
  const third = await leaderOf(candidates, toldMs);
  expect(third.atMs - toldMs).toBeLessThan(1000);
  const record = await direct.get({ ...LEASE, metadata: { namespace, name: 'crash' } });
  expect(record.spec).toMatchObject({ holderIdentity: third.leader.identity, leaseDurationSeconds: 3 });
  // A release leaves no holder behind, so only the takeover from the killed one counts twice.
  expect(record.spec.leaseTransitions).toBe(2);
  await expectNeverTwoLeaders(candidates);
  for (const candidate of candidates) await candidate[Symbol.asyncDispose]();
});

test('a leader that was stopped and goes on knows at once that it lost', async () => {
  await using one = await startCandidate('stopped', 'one');
  await leaderOf([one]);
  await using two = await startCandidate('stopped', 'two');
  one.process.pause();
  const stoppedMs = systemClock.nowMs();
  await leaderOf([two], stoppedMs);
  one.process.resume();
  const ended = await eventually(
    async () => (await one.reports()).filter(({ what }) => what === 'ended'),
    (reports) => reports.length === 1,
  );
  expect(ended[0]?.how).toMatch(/expired|taken/);
  await expectNeverTwoLeaders([one, two]);
});

test('a leader that cannot reach the API server steps down before its lease can be taken', async () => {
  await using proxy = await startFaultProxy({ target });
  await using cutOff = await connectOperatorApi(proxy.admin);
  const first = await elect(cutOff, 'cut-off', 'one').acquire(new AbortController().signal);
  const campaign = elect(operator, 'cut-off', 'two').acquire(new AbortController().signal);
  proxy.inject({ fault: { kind: 'hang' } });
  const cutMs = systemClock.monotonicMs();
  const how = await ended(first);
  const lostMs = systemClock.monotonicMs() - cutMs;
  expect(how).toBe('expired');
  expect(lostMs).toBeLessThan(TIMING.leaseDurationMs);
  const second = await campaign;
  expect(systemClock.monotonicMs() - cutMs).toBeLessThan(TIMING.leaseDurationMs + 2000);
  expect(first.isHeld()).toBe(false);
  await second.release();
});

test.each([
  ['answers 500 to every third call', { kind: 'status', code: 500 } as const],
  ['answers 409 to every third call', { kind: 'status', code: 409 } as const],
  ['answers 429 to every third call', { kind: 'status', code: 429, retryAfterSeconds: 1 } as const],
  ['loses every third reply', { kind: 'lose-reply' } as const],
  ['cuts every third connection', { kind: 'cut' } as const],
])('while the API server %s, a leader is found and keeps leading', async (title, fault) => {
  await using proxy = await startFaultProxy({ target });
  await using troubled = await connectOperatorApi(proxy.admin);
  const lease = title.replaceAll(' ', '-');
  const injected = proxy.inject({ match: { resource: 'leases' }, fault, every: 3 });
  const leadership = await elect(troubled, lease, 'one', PATIENT).acquire(new AbortController().signal);
  const before = injected.hits;
  await eventually(
    () => injected.hits,
    (hits) => hits >= before + 4,
    { timeoutMs: 30_000 },
  );
  expect(leadership.isHeld()).toBe(true);
  injected.clear();
  await leadership.release();
  const record = await direct.get({ ...LEASE, metadata: { namespace, name: lease } });
  expect(record.spec.holderIdentity).toBeUndefined();
});

test('fields that others put into the lease stay', async () => {
  const metadata = { namespace, name: 'shared', labels: { 'example.com/team': 'a' } };
  const labelled = { ...LEASE, metadata };
  await direct.create(labelled);
  const leadership = await elect(operator, 'shared', 'one').acquire(new AbortController().signal);
  const record = await direct.get(labelled);
  expect(record.metadata).toMatchObject({ labels: { 'example.com/team': 'a' } });
  expect(record.spec).toMatchObject({ holderIdentity: 'one', renewTime: expect.stringMatching(/\.\d{6}Z$/) });
  await leadership.release();
});

function elect({ api }: OperatorApi, lease: string, identity: string, timing = TIMING): LeaderElector {
  return new LeaderElector({
    api,
    lease: { namespace, name: lease },
    identity,
    clock: systemClock,
    random: Math.random,
    log: silentLogger,
    timing,
  });
}

function ended({ signal }: Leadership): Promise<string> {
  return new Promise((resolve) => {
    const report = () => resolve((signal.reason as LeadershipEnded).how);
    if (signal.aborted) report();
    else signal.addEventListener('abort', report, { once: true });
  });
}
