/** What a fault cost, from the moment the measure was started: calls, and the time until everything agreed again. */
import { eventually } from '../../harness/eventually.ts';
import { conditionOf } from '../../harness/mcp2-servers.ts';
import { type CallSummary, type TrafficReport, untilAnswers } from '../../harness/traffic.ts';
import { untilAgreement } from './agreement.ts';
import { seconds } from './figures.ts';
import { isReady, leaderOf, podsOf, untilReady } from './pods.ts';
import { type FaultRelease, SERVER } from './release.ts';

export interface Measured {
  /** From the start of the measure until everything agreed. */
  readonly agreedMs: number;
  readonly report: TrafficReport;
}

const AGREEMENT_MS = 45_000;

export function startMeasure(release: FaultRelease): () => Promise<Measured> {
  const fromMs = release.traffic.nowMs();
  return async () => {
    await untilAllAgree(release);
    const agreedMs = release.traffic.nowMs() - fromMs;
    return { agreedMs, report: await release.traffic.report(fromMs) };
  };
}

export function untilAllAgree(release: FaultRelease): Promise<void> {
  return release.changes.paused(() => untilAgreement(release, AGREEMENT_MS));
}

/** For a figure: "0 of 812 lookups failed (longest gap 0.3 s), 0 of 812 calls". */
export function told({ lookups, calls }: TrafficReport): string {
  const failed = ({ failed: number, count }: CallSummary) => `${number} of ${count}`;
  return `${failed(lookups)} lookups failed (longest gap ${seconds(lookups.longestGapMs)}), ${failed(calls)} calls`;
}

/** @returns the milliseconds until somebody else holds the lease. */
export async function untilOtherLeader(release: FaultRelease, before: string | undefined): Promise<number> {
  const startedMs = performance.now();
  await eventually(
    () => leaderOf(release),
    (holder) => holder !== undefined && holder !== before,
    { timeoutMs: 40_000, intervalMs: 50, what: 'another leader' },
  );
  return performance.now() - startedMs;
}

/** @returns the pod's clock when the node's condition Ready had that status. */
export async function untilNode({ kube, traffic }: FaultRelease, name: string, isUp: boolean): Promise<number> {
  await eventually(
    () => kube.get({ apiVersion: 'v1', kind: 'Node', metadata: { name } }),
    (node) => (conditionOf(node, 'Ready')?.status === 'True') === isUp,
    { timeoutMs: 60_000, intervalMs: 100, what: `${name} ${isUp ? 'Ready' : 'NotReady'}` },
  );
  return traffic.nowMs();
}

/** All pods ready on both nodes, and both endpoints in every answer. */
export async function untilWhole(release: FaultRelease): Promise<void> {
  const counts = { operator: 2, registry: 2, inventory: 2, etcd: 3 };
  await Promise.all(Object.entries(counts).map(([component, count]) => untilReady(release, component, count, 90_000)));
  await untilAnswers(release.traffic, (endpoints) => endpoints.length === 2, 30_000);
}

/** What an answer says of the server's pod on that node. */
export async function endpointOn(release: FaultRelease, nodeName: string): Promise<string> {
  const pod = (await podsOf(release, 'inventory')).find(
    (candidate) => isReady(candidate) && candidate.spec.nodeName === nodeName,
  );
  if (pod === undefined) throw new Error(`no ready pod of the server is on ${nodeName}`);
  return `${SERVER} ${pod.status.podIP}:50061`;
}
