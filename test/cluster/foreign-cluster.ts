/**
 * A cluster that is somebody's own, kind included: the same handle, without faults of nodes and components.
 *
 * It says what it will create before it creates anything, refuses a cluster that has mcp2 on it already (tests delete
 * resources), and at the end removes the namespaces with this run's label and our resource definitions.
 */

import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { KubeAccess, KubeCredentials } from '../harness/kubeconfig.ts';
import { HELM, KUBECTL } from './binaries.ts';
import { ensureBinaries } from './build.ts';
import type { Cluster, ClusterBinaries, PortForward, StartClusterOptions } from './cluster.ts';
import { KubeCommands, newRunName, RUN_LABEL } from './kube-commands.ts';
import { describeBinaries } from './locate.ts';
import { sayOnStandardError } from './progress.ts';

const DEFINITIONS_GROUP = 'mcp2.dev';
/** Where every page of the documentation installs, and so the tests. */
const RELEASE_NAMESPACE = 'mcp2-system';

/** @throws Error when it cannot be reached, or has mcp2 on it. */
export async function openForeignCluster(file: string, options: StartClusterOptions): Promise<Cluster> {
  const { say = sayOnStandardError, images = [] } = options;
  const binaries = await ensureBinaries({ binaries: [...KUBECTL, ...HELM], say });
  describeBinaries(binaries).forEach(say);
  const folder = await mkdtemp(join(tmpdir(), 'mcp2-foreign-cluster-'));
  const commands = new KubeCommands({ kubeconfig: resolve(file), folder, binaries, run: newRunName() });
  try {
    const context = await commands.kubectl('config', 'current-context');
    await refuseUsedCluster(commands, context);
    say(
      `MCP2_TEST_KUBECONFIG: context "${context}" of ${resolve(file)}. The tests will create there, and remove at the end:`,
    );
    say(`  namespaces ${commands.run}-*, with the label ${RUN_LABEL}=${commands.run}, and whatever is in them`);
    say(`  namespace ${RELEASE_NAMESPACE}, with the chart`);
    say(`  resource definitions *.${DEFINITIONS_GROUP}, and the chart's cluster roles and bindings`);
    if (images.length > 0)
      say(`  pods of images that its nodes must have: ${images.map(({ name }) => name).join(', ')}`);
    const access = readAccess(await commands.kubectl('config', 'view', '--raw', '--minify', '--flatten', '-o', 'json'));
    return new ForeignCluster({ kubeconfig: resolve(file), folder, binaries, commands, access });
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

async function refuseUsedCluster(commands: KubeCommands, context: string): Promise<void> {
  const namespace = await commands.kubectl('get', 'namespace', RELEASE_NAMESPACE, '--ignore-not-found', '-o', 'name');
  const found = [...(await findDefinitions(commands)), ...(namespace === '' ? [] : [namespace])];
  if (found.length === 0) return;
  throw new Error(
    `The cluster of context "${context}" has mcp2 on it already (${found.join(', ')}), and these tests delete resources. ` +
      'Point MCP2_TEST_KUBECONFIG at a cluster without it.',
  );
}

async function findDefinitions(commands: KubeCommands): Promise<string[]> {
  const names = await commands.kubectl('get', 'customresourcedefinitions', '-o', 'name');
  return names.split('\n').filter((name) => name.endsWith(`.${DEFINITIONS_GROUP}`));
}

interface ForeignClusterInput {
  readonly kubeconfig: string;
  readonly folder: string;
  readonly binaries: ClusterBinaries;
  readonly commands: KubeCommands;
  readonly access: KubeAccess | undefined;
}

class ForeignCluster implements Cluster {
  readonly kubeconfig: string;
  readonly binaries: ClusterBinaries;
  readonly nodes = [];
  readonly can = { killNodes: false, stopComponents: false, loadImages: false };
  readonly #input: ForeignClusterInput;

  constructor(input: ForeignClusterInput) {
    this.kubeconfig = input.kubeconfig;
    this.binaries = input.binaries;
    this.#input = input;
  }

  get admin(): KubeAccess {
    const { access } = this.#input;
    if (access !== undefined) return access;
    throw new Error(
      'MCP2_TEST_KUBECONFIG logs in by a program; these tests need a token or a client certificate in it',
    );
  }

  kubectl(...args: string[]): Promise<string> {
    return this.#input.commands.kubectl(...args);
  }

  kubectlInput(input: string, ...args: string[]): Promise<string> {
    return this.#input.commands.kubectlInput(input, ...args);
  }

  helm(...args: string[]): Promise<string> {
    return this.#input.commands.helm(...args);
  }

  portForward(target: string, remotePort: number, namespace: string): Promise<PortForward> {
    return this.#input.commands.portForward(target, remotePort, namespace);
  }

  createNamespace(suffix: string, labels?: Readonly<Record<string, string>>): Promise<string> {
    return this.#input.commands.createNamespace(suffix, labels);
  }

  async loadImage(): Promise<void> {}

  /** Its default StorageClass provides them. */
  async createPersistentVolumes(): Promise<void> {}

  async stopApiserver(): Promise<void> {
    throw new Error('the API server of a foreign cluster is not stopped: ask cluster.can.stopComponents before');
  }

  startApiserver(): Promise<void> {
    return this.stopApiserver();
  }

  logs(namespace: string, selector: string): Promise<string> {
    return this.#input.commands.logs(namespace, selector);
  }

  async keepLogs(folder: string): Promise<void> {
    await mkdir(folder, { recursive: true });
    await this.#input.commands.keepLogs(folder);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { commands, folder } = this.#input;
    await uninstallReleases(commands);
    const where = ['--ignore-not-found', '--timeout=120s'];
    await commands.kubectl('delete', 'namespace', '--selector', `${RUN_LABEL}=${commands.run}`, ...where);
    await commands.kubectl('delete', 'namespace', RELEASE_NAMESPACE, ...where);
    const definitions = await findDefinitions(commands);
    if (definitions.length > 0) await commands.kubectl('delete', ...definitions, ...where);
    await rm(folder, { recursive: true, force: true });
  }
}

/** Before the namespaces go, because a release also has cluster roles, and finalizers that its operator removes. */
async function uninstallReleases(commands: KubeCommands): Promise<void> {
  const releases = JSON.parse(await commands.helm('list', '--all-namespaces', '--output', 'json')) as {
    readonly name: string;
    readonly namespace: string;
  }[];
  const isOurs = (namespace: string) => namespace === RELEASE_NAMESPACE || namespace.startsWith(`${commands.run}-`);
  for (const { name, namespace } of releases.filter((release) => isOurs(release.namespace))) {
    await commands.helm('uninstall', name, '--namespace', namespace, '--wait');
  }
}

interface FlatKubeconfig {
  readonly clusters: readonly { readonly cluster: Readonly<Record<string, string>> }[];
  readonly users: readonly { readonly user: Readonly<Record<string, string>> }[];
}

/** @returns undefined for a login that needs a program or a password. */
export function readAccess(text: string): KubeAccess | undefined {
  const { clusters, users } = JSON.parse(text) as FlatKubeconfig;
  const [cluster = {}, user = {}] = [clusters[0]?.cluster, users[0]?.user];
  const decode = (name: string) => Buffer.from(user[name] ?? '', 'base64').toString();
  const authority = Buffer.from(cluster['certificate-authority-data'] ?? '', 'base64').toString();
  const credentials: KubeCredentials | undefined =
    user.token !== undefined
      ? { token: user.token }
      : user['client-key-data'] !== undefined
        ? { certificate: decode('client-certificate-data'), key: decode('client-key-data') }
        : undefined;
  return credentials === undefined ? undefined : { url: cluster.server ?? '', authority, credentials };
}
