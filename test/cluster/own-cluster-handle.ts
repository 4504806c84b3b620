/**
 * What a test holds of our own cluster. Each method acts on the running parts; how they are started is in
 * own-cluster.ts.
 */

import { cp, mkdir, readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { KubeAccess } from '../harness/kubeconfig.ts';
import type { Cluster, ClusterBinaries, ClusterNode, PortForward } from './cluster.ts';
import { createVolume } from './cluster-objects.ts';
import {
  type ClusterParts,
  importImage,
  joinToFirst,
  startContainerd,
  startControlPlane,
  startKubelet,
} from './cluster-parts.ts';
import type { Component } from './cluster-plan.ts';
import type { ImageArchive } from './images.ts';
import type { KubeCommands } from './kube-commands.ts';
import type { TestNode } from './test-node.ts';

/**
 * The API server, and those that end without it: controllers that elect a leader (kubeadm's default; here they do not)
 * end 10 s after they lost it and begin anew when it is back. Those that went on instead would call every node NotReady
 * then, because no lease was renewed.
 */
const API_SERVER = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler'] as const;

export interface OwnClusterInput {
  readonly parts: ClusterParts;
  readonly admin: KubeAccess;
  readonly kubeconfig: string;
  readonly binaries: ClusterBinaries;
  readonly commands: KubeCommands;
}

export class OwnCluster implements Cluster {
  readonly kubeconfig: string;
  readonly admin: KubeAccess;
  readonly binaries: ClusterBinaries;
  readonly nodes: readonly ClusterNode[];
  readonly can = { killNodes: true, stopComponents: true, loadImages: true };
  readonly #parts: ClusterParts;
  readonly #commands: KubeCommands;
  #volumes = 0;

  constructor({ parts, admin, kubeconfig, binaries, commands }: OwnClusterInput) {
    this.kubeconfig = kubeconfig;
    this.admin = admin;
    this.binaries = binaries;
    this.#parts = parts;
    this.#commands = commands;
    this.nodes = parts.nodes.map((node) => nodeHandle(parts, node));
  }

  /** Removed with the cluster: data, logs, kubeconfig. */
  get folder(): string {
    return this.#parts.plan.folder;
  }

  kubectl(...args: string[]): Promise<string> {
    return this.#commands.kubectl(...args);
  }

  kubectlInput(input: string, ...args: string[]): Promise<string> {
    return this.#commands.kubectlInput(input, ...args);
  }

  helm(...args: string[]): Promise<string> {
    return this.#commands.helm(...args);
  }

  portForward(target: string, remotePort: number, namespace: string): Promise<PortForward> {
    return this.#commands.portForward(target, remotePort, namespace);
  }

  createNamespace(suffix: string, labels?: Readonly<Record<string, string>>): Promise<string> {
    return this.#commands.createNamespace(suffix, labels);
  }

  async loadImage(image: ImageArchive): Promise<void> {
    await Promise.all(this.#parts.nodes.map((node) => importImage(node, image)));
  }

  async createPersistentVolumes(countPerNode: number, nodeName?: string): Promise<void> {
    const nodes = this.#parts.nodes.filter(({ name }) => nodeName === undefined || name === nodeName);
    if (nodes.length === 0) throw new Error(`the cluster has no node ${nodeName}`);
    const volumes = nodes.flatMap(({ plan }) => Array.from({ length: countPerNode }, () => plan));
    await Promise.all(
      volumes.map((node) => createVolume(this.#parts.kube, node, `${node.name}-volume-${++this.#volumes}`)),
    );
  }

  async stopApiserver(): Promise<void> {
    for (const component of API_SERVER) await this.#controlPlane.component(component).stop();
  }

  async startApiserver(): Promise<void> {
    for (const component of API_SERVER) await this.#controlPlane.component(component).start();
  }

  logs(namespace: string, selector: string): Promise<string> {
    return this.#commands.logs(namespace, selector);
  }

  /** Of the pods twice: what the API server tells, and the files on the nodes, which are there without it too. */
  async keepLogs(folder: string): Promise<void> {
    await mkdir(folder, { recursive: true });
    await this.#commands.keepLogs(folder);
    await keepNodeLogs(this.folder, folder);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts.kube[Symbol.asyncDispose]();
    await this.#parts.guard[Symbol.asyncDispose]();
  }

  get #controlPlane() {
    return this.#parts.nodes[0] as TestNode;
  }
}

/** Copies the logs of a cluster's components and pods from its folder. */
export async function keepNodeLogs(clusterFolder: string, folder: string): Promise<void> {
  const names = (await readdir(clusterFolder).catch(() => [])).filter((name) => /^node-\d$/.test(name));
  for (const name of names) {
    for (const part of ['log', 'pods']) {
      const from = join(clusterFolder, name, part);
      await cp(from, join(folder, name, part), { recursive: true, filter: (path) => basename(path) !== 'sock' }).catch(
        () => {},
      );
    }
  }
}

function nodeHandle(parts: ClusterParts, node: TestNode): ClusterNode {
  const isFirst = node === parts.nodes[0];
  return {
    name: node.name,
    exec: (command, ...args) => node.exec(command, ...args),
    signal: (component, signal) => sendSignal(node, component, signal),
    start: (component) => node.component(component).start(),
    kill: () => node.kill(),
    async boot() {
      await node.up();
      if (isFirst) await parts.relay.reconnect(node);
      await joinToFirst(parts.nodes, isFirst ? parts.nodes.slice(1) : [node]);
      if (isFirst) await startControlPlane(parts);
      await startContainerd(parts, node, []);
      await startKubelet(parts, node);
    },
  };
}

async function sendSignal(node: TestNode, component: Component, signal: string): Promise<void> {
  const process = node.component(component);
  if (signal === 'SIGSTOP') process.pause();
  else if (signal === 'SIGCONT') process.resume();
  else await (signal === 'SIGKILL' ? process.kill() : process.stop());
}
