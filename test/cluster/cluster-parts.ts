/**
 * The running parts of our own cluster, and the order in which each group of them starts: the same for a new cluster
 * and for a node that comes back.
 */

import { eventually } from '../harness/eventually.ts';
import type { KubeClient, KubeObject } from '../harness/kube-client.ts';
import type { ClusterGuard } from './cluster-guard.ts';
import type { ClusterPki } from './cluster-pki.ts';
import type { ClusterPlan } from './cluster-plan.ts';
import * as components from './components.ts';
import type { ImageArchive } from './images.ts';
import type { Relay } from './relay-host.ts';
import { connectNodes, type TestNode } from './test-node.ts';

/** All that the parts of a cluster need of each other. */
export interface ClusterParts {
  readonly plan: ClusterPlan;
  readonly pki: ClusterPki;
  readonly bin: string;
  readonly nodes: readonly TestNode[];
  readonly kube: KubeClient;
  readonly guard: ClusterGuard;
  readonly relay: Relay;
  readonly settings: Pick<components.ComponentInput, 'nodeMonitorGracePeriodSeconds' | 'podEvictionSeconds'>;
}

const READY_TIMEOUT_MS = 90_000;

/** The first node's bridge is where the cables of the others end. */
export async function joinToFirst(nodes: readonly TestNode[], joining: readonly TestNode[]): Promise<void> {
  for (const node of joining) await connectNodes(nodes[0] as TestNode, node);
}

export async function startControlPlane(parts: ClusterParts): Promise<void> {
  const node = parts.nodes[0] as TestNode;
  const input = inputOf(parts, node);
  await node.start(components.etcd(input));
  await node.start(components.kubeApiserver(input), () => isApiserverReady(parts.kube));
  await node.start(components.kubeControllerManager(input));
  await node.start(components.kubeScheduler(input));
}

export async function startContainerd(
  parts: ClusterParts,
  node: TestNode,
  images: readonly ImageArchive[],
): Promise<void> {
  await node.start(components.containerd(inputOf(parts, node)), async () => {
    await node.exec('ctr', 'version');
    return true;
  });
  for (const image of images) await importImage(node, image);
}

export async function importImage(node: TestNode, { archive }: ImageArchive): Promise<void> {
  await node.exec('ctr', '--namespace', 'k8s.io', 'images', 'import', '--local', archive);
}

/** And kube-proxy. Waits until the node is Ready. */
export async function startKubelet(parts: ClusterParts, node: TestNode): Promise<void> {
  const input = inputOf(parts, node);
  await Promise.all([node.start(components.kubelet(input)), node.start(components.kubeProxy(input))]);
  const reference = { apiVersion: 'v1', kind: 'Node', metadata: { name: node.name } };
  const process = node.component('kubelet');
  await Promise.race([
    eventually(() => parts.kube.get(reference), isReady, {
      what: `${node.name} Ready`,
      timeoutMs: READY_TIMEOUT_MS,
      intervalMs: 100,
    }),
    process.exited.then(async () => {
      throw new Error(
        `the kubelet of ${node.name} ended: ${(await process.log()).trimEnd().split('\n').slice(-20).join('\n')}`,
      );
    }),
  ]);
}

export async function isApiserverReady(kube: KubeClient): Promise<boolean> {
  await kube.raw('GET', '/readyz');
  await kube.raw('GET', '/api/v1/namespaces/kube-system');
  return true;
}

function isReady(node: KubeObject): boolean {
  const conditions = (node.status?.conditions ?? []) as readonly { type: string; status: string }[];
  return conditions.some(({ type, status }) => type === 'Ready' && status === 'True');
}

function inputOf({ pki, bin, settings }: ClusterParts, { plan }: TestNode): components.ComponentInput {
  return { node: plan, pki, bin, ...settings };
}
