/**
 * Names, addresses and folders of one test cluster, decided before anything starts. Pure.
 *
 * Every cluster has the same addresses: they live in network namespaces of their own, so that several clusters on one
 * machine never meet.
 */

import { join } from 'node:path';

export type Component =
  | 'etcd'
  | 'kube-apiserver'
  | 'kube-controller-manager'
  | 'kube-scheduler'
  | 'containerd'
  | 'kubelet'
  | 'kube-proxy';

export interface NodePlan {
  /** "node-1" carries the control plane. */
  readonly name: string;
  /** From 1. */
  readonly number: number;
  readonly folder: string;
  readonly address: string;
  /** Hardware address; fixed, so that nobody's neighbour table is wrong after a node has come back. */
  readonly hardwareAddress: string;
  readonly podRange: string;
  /** Name of the node's folder under every control group root. */
  readonly controlGroup: string;
}

export interface ClusterPlan {
  /** For example "mcp2-cluster-4711-0a1b2c3d": process id of the owner, so that files tell whose they are. */
  readonly name: string;
  readonly folder: string;
  readonly nodes: readonly NodePlan[];
}

/** Of the nodes' network: TEST addresses would be refused by EndpointSlices, these are private (RFC 1918). */
const NODE_NETWORK = '172.31.255';
export const POD_RANGE = '10.244.0.0/16';
export const SERVICE_RANGE = '10.96.0.0/16';
/** The Service "kubernetes" gets the range's first address. */
export const APISERVER_SERVICE_ADDRESS = '10.96.0.1';
export const DNS_SERVICE_ADDRESS = '10.96.0.10';
export const CLUSTER_DOMAIN = 'cluster.local';
export const APISERVER_PORT = 6443;

/** Clusters' folders: on a disk, since a /tmp in memory would not hold the images; and short, for Unix sockets. */
export const CLUSTERS_FOLDER = '/var/tmp';
export const CLUSTER_PREFIX = 'mcp2-cluster-';

export interface ClusterPlanInput {
  readonly nodes: number;
  /** Process id of the cluster's owner. */
  readonly pid: number;
  /** Tells the clusters of one process apart. */
  readonly suffix: string;
}

/** @throws RangeError for more than three nodes: the first one's bridge joins them, and two cores carry no more. */
export function planCluster({ nodes, pid, suffix }: ClusterPlanInput): ClusterPlan {
  if (!Number.isInteger(nodes) || nodes < 1 || nodes > 3)
    throw new RangeError(`a cluster has 1 to 3 nodes, not ${nodes}`);
  const name = `${CLUSTER_PREFIX}${pid}-${suffix}`;
  const folder = join(CLUSTERS_FOLDER, name);
  return { name, folder, nodes: Array.from({ length: nodes }, (_unused, i) => planNode(i + 1, { name, folder })) };
}

/** Routes of a node to the pods of the others. */
export function routesOf(node: NodePlan, nodes: readonly NodePlan[]): { readonly to: string; readonly via: string }[] {
  return nodes
    .filter(({ name }) => name !== node.name)
    .map(({ podRange, address }) => ({ to: podRange, via: address }));
}

function planNode(number: number, cluster: { readonly name: string; readonly folder: string }): NodePlan {
  const name = `node-${number}`;
  return {
    name,
    number,
    folder: join(cluster.folder, name),
    address: `${NODE_NETWORK}.${number}`,
    // The second bit of the first byte marks an address that nobody was assigned (IEEE 802).
    hardwareAddress: `02:00:00:00:00:0${number}`,
    podRange: `10.244.${number}.0/24`,
    controlGroup: `${cluster.name}-${name}`,
  };
}
