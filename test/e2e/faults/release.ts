/** What the faults happen to: a release on two nodes, its servers, changes that go on, and traffic. */
import { chmod, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Cluster, startCluster } from '../../cluster/cluster.ts';
import { ensureImageArchive } from '../../cluster/images.ts';
import { startChurn } from '../../harness/churn.ts';
import { KubeClient } from '../../harness/kube-client.ts';
import { addressServer, MCP2_SERVER, serviceServer } from '../../harness/mcp2-servers.ts';
import { startTraffic, type Traffic } from '../../harness/traffic.ts';
import { ensureProductImage } from '../product-image.ts';
import { CHART, NAMESPACE, RELEASE } from '../release.ts';
import type { AgreementInput } from './agreement.ts';
import { type Release, untilReady } from './pods.ts';

export interface FaultRelease extends Release, AgreementInput, AsyncDisposable {
  readonly traffic: Traffic;
  /** Changes of resources, ten a second, while a fault goes on. */
  readonly changes: Changes;
}

export interface Changes {
  /** Those that the API server took. */
  readonly count: number;
  /** Runs `work` without any. */
  paused<T>(work: () => Promise<T>): Promise<T>;
}

export const SERVER = 'InventoryDB_Primary';
const ADDRESS_SERVERS = 20;
const CHANGE_PAUSE_MS = 100;
/** By the name of the component; where its values are. */
const ONE_A_NODE = { registry: 'registry', inventory: 'contextTool.servers.inventory' };

/** Two nodes, the chart, servers, traffic from a pod on node-1: what survives the loss of node-2. */
export async function startRelease(): Promise<FaultRelease> {
  await using stack = new AsyncDisposableStack();
  const images = await Promise.all([ensureProductImage(), ensureImageArchive('localhost/etcd:1')]);
  const cluster = stack.use(await startCluster({ nodes: 2, images, volumesPerNode: 0 }));
  // A majority of etcd on the node that stays.
  await cluster.createPersistentVolumes(3, 'node-1');
  await cluster.createPersistentVolumes(1, 'node-2');
  const kube = stack.use(new KubeClient(cluster.admin));
  await createSnapshotVolume(cluster, kube);
  await install(cluster);
  const release: Release = { cluster, kube, namespace: NAMESPACE, fullname: RELEASE };
  await Promise.all([...Object.keys(ONE_A_NODE), 'operator'].map((component) => untilReady(release, component, 2)));
  await createServers(kube);
  const name = images[0].name;
  const audience = [SERVER, 'outside-*', 'later-*'];
  const traffic = stack.use(
    await startTraffic({ cluster, namespace: NAMESPACE, image: name, nodeName: 'node-1', audience }),
  );
  const { changes, stop } = startChanges(kube);
  stack.defer(stop);
  const { metadata } = await kube.get({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'kube-system' } });
  const kept = stack.move();
  return { ...release, traffic, changes, installation: metadata.uid, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

async function install(cluster: Cluster): Promise<void> {
  const spread = Object.entries(ONE_A_NODE).flatMap(([component, section]) => [
    '--set-json',
    `${section}.affinity=${onePerNode(component)}`,
  ]);
  const values = ['--values', join(import.meta.dirname, 'values.yaml'), ...spread];
  const where = ['--namespace', NAMESPACE, '--create-namespace', '--wait', '--timeout', '3m'];
  await cluster.helm('install', RELEASE, CHART, ...where, ...values);
}

/** Unlike the members' volumes it can be mounted on every node, as one from a storage network can: nodes share a disk. */
async function createSnapshotVolume(cluster: Cluster, kube: KubeClient): Promise<void> {
  // Goes with the cluster's folder.
  const path = join(dirname(cluster.kubeconfig), 'snapshots');
  await mkdir(path);
  await chmod(path, 0o777);
  await kube.apply({
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name: 'snapshots' },
    spec: {
      capacity: { storage: '1Gi' },
      accessModes: ['ReadWriteOnce'],
      storageClassName: 'snapshots',
      hostPath: { path, type: 'Directory' },
    },
  } as never);
}

function onePerNode(component: string): string {
  const matchLabels = { 'app.kubernetes.io/instance': RELEASE, 'app.kubernetes.io/component': component };
  const term = { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels } };
  return JSON.stringify({ podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } });
}

async function createServers(kube: KubeClient): Promise<void> {
  const forAll = { registration: { visibility: { from: 'All' } } };
  const source = { service: { name: `${RELEASE}-inventory`, port: 'grpc' } };
  await kube.apply(serviceServer(NAMESPACE, 'inventory-db', { serverName: SERVER, source, ...forAll }));
  for (let i = 0; i < ADDRESS_SERVERS; i++) await kube.apply(addressServer(NAMESPACE, nameOf(i), forAll));
}

/** One that the API server does not take now is left out: the next one says the same of another resource. */
function startChanges(kube: KubeClient): { readonly changes: Changes; readonly stop: () => Promise<void> } {
  let count = 0;
  let pauses = 0;
  let underway: Promise<unknown> = Promise.resolve();
  const change = async (number: number) => {
    if (pauses > 0) return;
    const metadata = { name: nameOf(number % ADDRESS_SERVERS), namespace: NAMESPACE };
    const spec = { registration: { tags: { change: String(number) } } };
    underway = kube.patch({ ...MCP2_SERVER, metadata }, { spec }).then(
      () => count++,
      () => undefined,
    );
    await underway;
  };
  const churn = startChurn(change, CHANGE_PAUSE_MS);
  const paused = async <T>(work: () => Promise<T>) => {
    pauses += 1;
    await underway;
    return work().finally(() => {
      pauses -= 1;
    });
  };
  return {
    changes: {
      get count() {
        return count;
      },
      paused,
    },
    stop: () => churn.stop(),
  };
}

function nameOf(number: number): string {
  return `outside-${number}`;
}
