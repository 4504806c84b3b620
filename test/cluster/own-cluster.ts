/**
 * Our own cluster: each node is a set of namespaces of this machine (`test-node.ts`), the first one carries the
 * control plane. Linux and root only.
 *
 * The API server is reached at a port of 127.0.0.1 (`relay.ts`), which stays the same as long as the cluster lives.
 */

import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { KubeClient } from '../harness/kube-client.ts';
import { type KubeAccess, writeKubeconfig } from '../harness/kubeconfig.ts';
import { removeAbandoned } from './abandoned-clusters.ts';
import { CATALOGUE } from './binaries.ts';
import { type BuiltBinaries, buildBinaries } from './build.ts';
import type { StartClusterOptions } from './cluster.ts';
import { type ClusterGuard, startClusterGuard } from './cluster-guard.ts';
import { applyDns, applyStorageClass, untilDnsServes } from './cluster-objects.ts';
import { type ClusterParts, joinToFirst, startContainerd, startControlPlane, startKubelet } from './cluster-parts.ts';
import { type ClusterPki, createClusterPki } from './cluster-pki.ts';
import { type ClusterPlan, planCluster } from './cluster-plan.ts';
import { ensureImageArchive, type ImageArchive } from './images.ts';
import { KubeCommands, newRunName } from './kube-commands.ts';
import { keepNodeLogs, OwnCluster } from './own-cluster-handle.ts';
import { type Say, sayOnStandardError, step } from './progress.ts';
import { startRelay } from './relay-host.ts';
import { controlGroupRoots, requireNodeLevel } from './requirements.ts';
import { TestNode } from './test-node.ts';

const KEPT_LOGS = join(import.meta.dirname, '..', '..', 'test-logs');

/** @throws Error that says what this machine lacks, or which part did not start and the end of its log. */
export async function startOwnCluster(options: StartClusterOptions): Promise<OwnCluster> {
  const { say = sayOnStandardError } = options;
  await requireNodeLevel();
  const built = await buildBinaries({ binaries: CATALOGUE, say });
  const images = [...(await ownImages(say)), ...(options.images ?? [])];
  await removeAbandoned(say);
  const suffix = randomBytes(4).toString('hex');
  const plan = planCluster({ nodes: options.nodes ?? 1, pid: process.pid, suffix });
  await mkdir(plan.folder, { recursive: true, mode: 0o700 });
  const guard = startClusterGuard({
    controlGroups: plan.name,
    controlGroupRoots: await controlGroupRoots(),
    folder: plan.folder,
  });
  try {
    return await step(`cluster of ${plan.nodes.length} in ${plan.folder}`, say, () =>
      start({ plan, guard, built, images, options, say }),
    );
  } catch (error) {
    const logs = join(KEPT_LOGS, plan.name);
    await keepNodeLogs(plan.folder, logs);
    say(`logs of its components: ${logs}`);
    await guard[Symbol.asyncDispose]();
    throw error;
  }
}

function ownImages(say: Say): Promise<ImageArchive[]> {
  return Promise.all(
    (['localhost/pause:1', 'localhost/coredns:1'] as const).map((name) => ensureImageArchive(name, { say })),
  );
}

interface Start {
  readonly plan: ClusterPlan;
  readonly guard: ClusterGuard;
  readonly built: BuiltBinaries;
  readonly images: readonly ImageArchive[];
  readonly options: StartClusterOptions;
  readonly say: Say;
}

async function start({ plan, guard, built, images, options, say }: Start): Promise<OwnCluster> {
  const { bin } = built;
  const nodes = plan.nodes.map((node) => new TestNode({ plan: node, all: plan.nodes, bin, guard }));
  const pki = await step('certificates and namespaces', say, async () => {
    const [made] = await Promise.all([createClusterPki(plan), ...nodes.map((node) => node.up())]);
    await joinToFirst(nodes, nodes.slice(1));
    return made;
  });
  const relay = await startRelay(nodes[0] as TestNode);
  const admin = accessTo(relay.port, pki);
  const kubeconfig = await writeKubeconfig(join(plan.folder, 'admin.kubeconfig'), admin);
  const kube = new KubeClient(admin);
  const { nodeMonitorGracePeriodSeconds = 20, podEvictionSeconds = 5 } = options;
  const settings = { nodeMonitorGracePeriodSeconds, podEvictionSeconds };
  const parts: ClusterParts = { plan, pki, bin, nodes, kube, guard, relay, settings };
  await Promise.all([
    step('etcd, API server, controllers, scheduler', say, () => startControlPlane(parts)),
    step(`containerd, and ${images.length} images on each node`, say, () =>
      Promise.all(nodes.map((node) => startContainerd(parts, node, images))),
    ),
  ]);
  await step('nodes Ready, DNS', say, async () => {
    await Promise.all([applyDns(kube, nodes[0]?.name ?? ''), applyStorageClass(kube)]);
    await Promise.all(nodes.map((node) => startKubelet(parts, node)));
    await untilDnsServes(kube);
  });
  const commands = new KubeCommands({ kubeconfig, folder: plan.folder, binaries: built, run: newRunName() });
  const cluster = new OwnCluster({ parts, admin, kubeconfig, binaries: built, commands });
  await cluster.createPersistentVolumes(options.volumesPerNode ?? 3);
  // For whoever finds the folder, such as the step that keeps logs: complete once the cluster serves.
  await writeFile(join(plan.folder, 'cluster.json'), JSON.stringify({ kubeconfig, bin, run: commands.run }));
  return cluster;
}

function accessTo(port: number, { authority, admin }: ClusterPki): KubeAccess {
  const credentials = { certificate: admin.certificate, key: admin.key };
  return { url: `https://127.0.0.1:${port}`, authority: authority.certificate, credentials };
}
