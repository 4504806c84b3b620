/**
 * A Kubernetes whose nodes run pods, for end-to-end tests: our own (`own-cluster.ts`), or the one that
 * MCP2_TEST_KUBECONFIG names (`foreign-cluster.ts`). KUBECONFIG is never read, so that nobody fills a production
 * cluster by accident.
 */

import type { KubeAccess } from '../harness/kubeconfig.ts';
import type { Component } from './cluster-plan.ts';
import { openForeignCluster } from './foreign-cluster.ts';
import type { ImageArchive } from './images.ts';
import type { PortForward } from './kube-commands.ts';
import { startOwnCluster } from './own-cluster.ts';
import type { Say } from './progress.ts';

export type { Component } from './cluster-plan.ts';
export type { ImageArchive } from './images.ts';
export type { PortForward } from './kube-commands.ts';

export interface StartClusterOptions {
  /** 1 (default), 2 or 3. The first carries the control plane, and pods too. */
  readonly nodes?: number;
  /** Loaded on every node at the start, beside those of the cluster itself. */
  readonly images?: readonly ImageArchive[];
  /** PersistentVolumes of 1 Gi in StorageClass "standard", which is the default class. Default 3. */
  readonly volumesPerNode?: number;
  /** A kubelet that was silent for so long is NotReady. Default 20. */
  readonly nodeMonitorGracePeriodSeconds?: number;
  /** How long pods stay on a node that is NotReady or gone. Default 5, for tests' sake; Kubernetes' own is 300. */
  readonly podEvictionSeconds?: number;
  /** Progress. Default: standard error. */
  readonly say?: Say;
}

export interface Cluster extends AsyncDisposable {
  /** File, as a cluster administrator. Its server is at 127.0.0.1: good for kubectl, helm and port-forward here. */
  readonly kubeconfig: string;
  /** The same, for KubeClient. @throws Error on a foreign cluster whose kubeconfig runs a program to log in. */
  readonly admin: KubeAccess;
  readonly binaries: ClusterBinaries;
  /** None on a foreign cluster. */
  readonly nodes: readonly ClusterNode[];
  /** What this cluster lets a test do to it; all false on a foreign one. */
  readonly can: ClusterAbilities;
  /** Standard output. @throws Error with the end of its messages. */
  kubectl(...args: string[]): Promise<string>;
  /** For example kubectlInput(yaml, 'apply', '-f', '-'). */
  kubectlInput(input: string, ...args: string[]): Promise<string>;
  helm(...args: string[]): Promise<string>;
  /** `kubectl port-forward` to for example "service/mcp2-registry"; resolves when it listens. */
  portForward(target: string, remotePort: number, namespace: string): Promise<PortForward>;
  /** "mcp2-e2e-<random>-<suffix>", labelled; removed at the end. @returns Its name. */
  createNamespace(suffix: string, labels?: Readonly<Record<string, string>>): Promise<string>;
  /** On every node. On a foreign cluster it does nothing: its owner has loaded it (test/e2e/README.md). */
  loadImage(image: ImageArchive): Promise<void>;
  /** More of them, on every node or on one: a volume that was released is not used again. */
  createPersistentVolumes(countPerNode: number, nodeName?: string): Promise<void>;
  /** SIGTERM, also to the controllers, which live by it; its data stays. */
  stopApiserver(): Promise<void>;
  /** Waits until it answers. */
  startApiserver(): Promise<void>;
  /** Of all pods that a label selector finds. */
  logs(namespace: string, selector: string): Promise<string>;
  /** Everything a person wants after a failed test. Never rejects. */
  keepLogs(folder: string): Promise<void>;
}

export interface ClusterBinaries {
  /** Absolute path of one of the catalogue (binaries.ts). @throws Error when it is not in it. */
  path(name: string): string;
}

export interface ClusterAbilities {
  readonly killNodes: boolean;
  readonly stopComponents: boolean;
  readonly loadImages: boolean;
}

export interface ClusterNode {
  /** "node-1" */
  readonly name: string;
  /** As root in the node's namespaces, on the host's files. @returns Standard output. */
  exec(command: string, ...args: string[]): Promise<string>;
  /** SIGSTOP and SIGCONT take effect at once; SIGTERM and SIGKILL when the promise resolves. */
  signal(component: Component, signal: 'SIGSTOP' | 'SIGCONT' | 'SIGTERM' | 'SIGKILL'): Promise<void>;
  /** Again, after it was killed; waits until it is ready. */
  start(component: Component): Promise<void>;
  /** Loss of the machine. */
  kill(): Promise<void>;
  /** The machine comes back with its disk; waits until the node is Ready. */
  boot(): Promise<void>;
}

/** Takes 20 s or less when everything is built. @throws Error that says what this machine lacks, and how to get it. */
export function startCluster(options: StartClusterOptions = {}): Promise<Cluster> {
  const { MCP2_TEST_KUBECONFIG: foreign } = process.env;
  return foreign === undefined || foreign === '' ? startOwnCluster(options) : openForeignCluster(foreign, options);
}
