/** Pods of a release: where they are, and their sudden ends. */
import type { Cluster, ClusterNode } from '../../cluster/cluster.ts';
import { eventually } from '../../harness/eventually.ts';
import type { KubeClient, KubeObject } from '../../harness/kube-client.ts';

export interface Release {
  readonly cluster: Cluster;
  readonly kube: KubeClient;
  readonly namespace: string;
  readonly fullname: string;
}

export function podsOf({ kube, namespace, fullname }: Release, component: string): Promise<KubeObject[]> {
  const labelSelector = `app.kubernetes.io/instance=${fullname},app.kubernetes.io/component=${component}`;
  return kube.list({ apiVersion: 'v1', kind: 'Pod', namespace, labelSelector });
}

export function isReady({ metadata, status }: KubeObject): boolean {
  const conditions = (status?.conditions ?? []) as readonly { type: string; status: string }[];
  return (
    metadata.deletionTimestamp === undefined &&
    conditions.some(({ type, status: value }) => type === 'Ready' && value === 'True')
  );
}

/** Waits until so many pods of the component are ready, and no other is left. */
export function untilReady(release: Release, component: string, count: number, timeoutMs = 60_000) {
  return eventually(
    () => podsOf(release, component),
    (pods) => pods.length === count && pods.every(isReady),
    { timeoutMs, intervalMs: 250, what: `${count} ready pods of ${component}` },
  );
}

/** The pod that holds the operator's lease; undefined while nobody does. */
export async function leaderOf({ kube, namespace }: Release): Promise<string | undefined> {
  const lease = await kube.get({
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name: 'mcp2-operator', namespace },
  });
  return lease.spec?.holderIdentity || undefined;
}

/** @returns the pod's name: the lease's identity is that and a random part. */
export async function leaderPod(release: Release): Promise<KubeObject> {
  const holder = await eventually(
    () => leaderOf(release),
    (identity) => identity !== undefined,
    { timeoutMs: 30_000, what: 'a leader' },
  );
  const pods = await podsOf(release, 'operator');
  const pod = pods.find(({ metadata }) => holder?.startsWith(`${metadata.name}-`));
  if (pod === undefined) throw new Error(`no pod of the operator is called as the leader is, ${holder}`);
  return pod;
}

/** SIGKILL to every process of the pod but the sandbox's: what a crash or the OOM killer does. */
export async function killProcesses({ cluster }: Release, pod: KubeObject): Promise<void> {
  await nodeOf(cluster, pod).exec('bash', '-c', KILL_PROCESSES, 'kill', pod.metadata.uid);
}

export function nodeOf(cluster: Cluster, pod: KubeObject): ClusterNode {
  const node = cluster.nodes.find(({ name }) => name === pod.spec.nodeName);
  if (node === undefined) throw new Error(`pod ${pod.metadata.name} is on no node of ours: ${pod.spec.nodeName}`);
  return node;
}

/** $1: the pod's uid, which the folders of its cgroups carry. Fails when there was nothing to kill. */
const KILL_PROCESSES = `
  killed=
  for process in /proc/[0-9]*; do
    grep -qs "$1" "$process/cgroup" || continue
    [ "$(tr -d '\\0' < "$process/cmdline")" = /pause ] && continue
    kill -KILL "\${process#/proc/}" && killed=yes
  done
  [ -n "$killed" ]`;
