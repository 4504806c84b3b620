/**
 * One Kubernetes node in namespaces of its own: file system, network, processes, host name.
 *
 * The namespaces live as long as their first process; killing that one is the loss of the machine, with every
 * process, mount, interface and firewall rule in it. Everything else is started into them with nsenter, one process
 * a component, so that a test can stop and start each.
 */

import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { eventually } from '../harness/eventually.ts';
import { ManagedProcess } from '../harness/processes.ts';
import type { ClusterGuard } from './cluster-guard.ts';
import { type Component, type NodePlan, routesOf } from './cluster-plan.ts';
import type { ComponentStart } from './components.ts';
import { controlGroupRoots } from './requirements.ts';
import { runCommand } from './run-command.ts';

export interface TestNodeOptions {
  readonly plan: NodePlan;
  readonly all: readonly NodePlan[];
  readonly bin: string;
  readonly guard: ClusterGuard;
}

export class TestNode {
  readonly plan: NodePlan;
  readonly #options: TestNodeOptions;
  readonly #components = new Map<Component, ManagedProcess>();
  #namespaces: ManagedProcess | undefined;
  #initPid: number | undefined;

  constructor(options: TestNodeOptions) {
    this.plan = options.plan;
    this.#options = options;
  }

  get name(): string {
    return this.plan.name;
  }

  /** Process id, on the host, of the namespaces' first process. @throws Error while the node is down. */
  get initPid(): number {
    if (this.#initPid === undefined) throw new Error(`${this.name} is down`);
    return this.#initPid;
  }

  /** Makes the namespaces, with an address and without any component. */
  async up(): Promise<void> {
    const { folder } = this.plan;
    await Promise.all(['log', 'pods', 'volumes', 'run'].map((name) => mkdir(join(folder, name), { recursive: true })));
    await this.#makeControlGroups();
    const kinds = ['mount', 'net', 'pid', 'uts', 'ipc'].map((kind) => `--${kind}`);
    const args = [...kinds, '--fork', '--mount-proc', '--kill-child', join(this.#options.bin, 'pause')];
    this.#namespaces = this.#process('namespaces', { command: 'unshare', args });
    await this.#namespaces.start();
    const outerPid = this.#namespaces.pid as number;
    this.#options.guard.watch(outerPid);
    void this.#namespaces.exited.then(() => this.#options.guard.forget(outerPid));
    this.#initPid = await eventually(
      () => childOf(outerPid, 'pause'),
      (pid) => pid !== undefined,
      { what: `${this.name}: the first process of the namespaces` },
    );
    await this.#prepare();
  }

  /** Starts a component and waits until `ready` says yes. A second start after a kill or stop is fine. */
  async start(what: ComponentStart, ready?: () => Promise<boolean>): Promise<void> {
    for (const [path, text] of Object.entries(what.files)) {
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, text);
    }
    const command = join(this.#options.bin, what.component);
    const process = this.#process(what.component, {
      ...this.#entering(command, what.args),
      ...(ready ? { ready } : {}),
    });
    this.#components.set(what.component, process);
    await process.start();
  }

  /** @throws Error when it was never started on this node. */
  component(component: Component): ManagedProcess {
    const found = this.#components.get(component);
    if (found === undefined) throw new Error(`${component} does not run on ${this.name}`);
    return found;
  }

  /** Runs a command to its end in the node's namespaces; the files are the host's. @returns Its standard output. */
  async exec(command: string, ...args: string[]): Promise<string> {
    const entering = this.#entering(command, args);
    return runCommand(entering.command, entering.args, { env: entering.env });
  }

  /** All at once, as when power is lost. The disk, which is the node's folder, stays. */
  async kill(): Promise<void> {
    this.#initPid = undefined;
    await this.#namespaces?.kill();
    // The components are gone by now. Not so the nsenter of one that was paused: it may have stopped itself, too.
    await Promise.all([...this.#components.values()].map((process) => process.kill()));
  }

  /** The command line that runs `command` in the node. Without the test's proxies and kubeconfig. */
  #entering(command: string, args: readonly string[]) {
    const kinds = ['mount', 'net', 'pid', 'uts', 'ipc'].map((kind) => `--${kind}`);
    const { PATH = '' } = process.env;
    return {
      command: 'nsenter',
      args: ['--target', String(this.initPid), ...kinds, '--', command, ...args],
      env: { PATH: `${this.#options.bin}:${PATH}:/usr/sbin:/sbin`, HOME: this.plan.folder, LC_ALL: 'C' },
    };
  }

  #process(name: string, options: Omit<ConstructorParameters<typeof ManagedProcess>[0], 'name'>): ManagedProcess {
    // The cluster's guard ends the namespaces and with them all that is in them.
    const guard = { watch: () => {}, forget: () => {} };
    return new ManagedProcess({ name, ...options }, { folder: join(this.plan.folder, 'log'), guard });
  }

  async #prepare(): Promise<void> {
    const { plan, all } = this.#options;
    await rm(join(plan.folder, 'run'), { recursive: true, force: true });
    const settings = join(plan.folder, 'run', 'sysctl');
    await mkdir(settings, { recursive: true });
    const overlaid = ['lib', 'log'].flatMap((name) =>
      ['upper', 'work'].map((part) => join(plan.folder, 'run', name, part)),
    );
    await Promise.all(overlaid.map((folder) => mkdir(folder, { recursive: true })));
    for (const [name, value] of Object.entries(KERNEL_SETTINGS)) {
      await writeFile(join(settings, name), `${value}\n`);
    }
    const routes = routesOf(plan, all).flatMap(({ to, via }) => [to, via]);
    const parameters = [plan.name, join(plan.folder, 'run'), plan.address, plan.hardwareAddress, ...routes];
    await this.exec('/bin/sh', '-c', PREPARE, 'prepare', ...parameters);
  }

  /** A root of its own in every hierarchy. Of version 2, the root must also hand its controllers down. */
  async #makeControlGroups(): Promise<void> {
    for (const root of await controlGroupRoots()) {
      const offered = (await readFile(join(root, 'cgroup.controllers'), 'utf8').catch(() => '')).split(/\s+/);
      for (const controller of offered.filter((name) => HANDED_DOWN.has(name))) {
        await writeFile(join(root, 'cgroup.subtree_control'), `+${controller}`);
      }
      await mkdir(join(root, this.plan.controlGroup), { recursive: true });
    }
  }
}

const HANDED_DOWN: ReadonlySet<string> = new Set(['cpu', 'cpuset', 'hugetlb', 'memory', 'pids']);

/**
 * What the kubelet writes to the kernel when the values differ. They belong to the whole machine, so files with the
 * values it wants are laid over them.
 */
const KERNEL_SETTINGS: Readonly<Record<string, string>> = {
  'vm.overcommit_memory': '1',
  'vm.panic_on_oom': '0',
  'kernel.panic': '10',
  'kernel.panic_on_oops': '1',
  'kernel.keys.root_maxkeys': '1000000',
  'kernel.keys.root_maxbytes': '25000000',
};

/**
 * $1 host name, $2 folder, $3 address, $4 hardware address, then a pod range and its gateway for every other node.
 *
 * /run, /var/lib and /var/log are the node's own: containerd's shims, the kubelet's device plugins, the results of
 * CNI and links to container logs have fixed places there. /var/lib stays readable below, since a home folder may lie
 * in it. eth0 is a bridge: it keeps its address when the other node of the cluster, which hangs on it, is gone.
 */
const PREPARE = `
set -eu
name=$1 folder=$2 address=$3 hardware=$4
shift 4
hostname "$name"
mount -t tmpfs -o mode=755 tmpfs /run
for part in lib log; do
  mount -t overlay -o "lowerdir=/var/$part,upperdir=$folder/$part/upper,workdir=$folder/$part/work" overlay "/var/$part"
done
for file in "$folder"/sysctl/*; do
  setting=/proc/sys/$(basename "$file" | tr . /)
  [ ! -e "$setting" ] || mount --bind "$file" "$setting"
done
mount --make-rshared /
ip link set lo up
ip link add eth0 address "$hardware" type bridge
ip addr add "$address/24" dev eth0
ip link set eth0 up
ip route add default dev eth0
while [ $# -gt 0 ]; do ip route add "$1" via "$2"; shift 2; done
echo 1 > /proc/sys/net/ipv4/ip_forward
`;

/** Joins two nodes' networks by a cable. Made again when one of them has come back: it goes with either. */
export async function connectNodes(one: TestNode, other: TestNode): Promise<void> {
  const ends = [
    { node: one, link: `to-${other.name}` },
    { node: other, link: `to-${one.name}` },
  ] as const;
  const [a, b] = ends.map(({ node, link }) => ['name', link, 'netns', String(node.initPid)]) as [string[], string[]];
  await runCommand('ip', ['link', 'add', ...a, 'type', 'veth', 'peer', ...b]);
  await Promise.all(ends.map(({ node, link }) => node.exec('ip', 'link', 'set', link, 'master', 'eth0', 'up')));
}

/** The child of a process that runs this program; undefined before it does, for example while unshare still mounts. */
async function childOf(pid: number, program: string): Promise<number | undefined> {
  const numbers = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  for (const number of numbers) {
    const status = await readFile(`/proc/${number}/stat`, 'utf8').catch(() => '');
    // proc(5): "pid (name) state parent …"; the name may hold anything, also parentheses.
    const [, parent] = status.slice(status.lastIndexOf(')') + 2).split(' ');
    if (parent === String(pid) && status.includes(`(${program})`)) return Number(number);
  }
  return undefined;
}
