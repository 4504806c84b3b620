/**
 * What a cluster could leave on the machine: processes, mounts, control groups, interfaces, files in the fixed places
 * of containerd, the kubelet and CNI, and settings of the kernel.
 */
import { readdir, readFile, readlink } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { controlGroupRoots } from '../cluster/requirements.ts';

/** Where these programs write whatever their settings say, and settings that the kubelet changes. */
const FIXED_PLACES = ['/run/containerd', '/run/netns', '/opt', '/etc/cni', '/var/lib/cni', '/var/lib/kubelet'];
const LOG_PLACES = ['/var/log/containers', '/var/log/pods', '/usr/libexec/kubernetes'];
const KERNEL_SETTINGS = ['vm/overcommit_memory', 'vm/panic_on_oom', 'kernel/panic', 'kernel/panic_on_oops'];

export interface MachineState {
  readonly files: readonly string[];
  readonly interfaces: readonly string[];
  readonly settings: readonly string[];
}

/** What must be the same before a cluster and after it. */
export async function readMachineState(): Promise<MachineState> {
  const list = async (place: string) =>
    (await readdir(place, { recursive: true }).catch(() => [])).map((name) => join(place, name));
  const files = (await Promise.all([...FIXED_PLACES, ...LOG_PLACES].map(list))).flat().sort();
  const settings = KERNEL_SETTINGS.map(
    async (name) => `${name} ${(await readFile(join('/proc/sys', name), 'utf8')).trim()}`,
  );
  return { files, interfaces: Object.keys(networkInterfaces()).sort(), settings: await Promise.all(settings) };
}

/** Processes and mounts that name a cluster, and its control groups. */
export async function findTraces(cluster: string): Promise<string[]> {
  const processes = await processesWith(async (pid) =>
    (await readFile(`/proc/${pid}/cmdline`, 'utf8')).includes(cluster),
  );
  const mounts = (await readFile('/proc/self/mounts', 'utf8')).split('\n').filter((line) => line.includes(cluster));
  const groups = (await controlGroupRoots()).map(async (root) =>
    (await readdir(root)).filter((name) => name.includes(cluster)).map((name) => join(root, name)),
  );
  return [...processes.map((pid) => `process ${pid}`), ...mounts, ...(await Promise.all(groups)).flat()];
}

/** Namespaces, other than this process's, of the processes that name a cluster. */
export async function namespacesOf(cluster: string): Promise<string[]> {
  const pids = await processesWith(async (pid) => (await readFile(`/proc/${pid}/cmdline`, 'utf8')).includes(cluster));
  const own = await readNamespaces('self');
  const all = (await Promise.all(pids.map(readNamespaces))).flat();
  return [...new Set(all)].filter((namespace) => !own.includes(namespace));
}

/** Processes in any of these namespaces, whatever they are called. */
export async function processesIn(namespaces: readonly string[]): Promise<string[]> {
  return processesWith(async (pid) => (await readNamespaces(pid)).some((namespace) => namespaces.includes(namespace)));
}

async function processesWith(is: (pid: string) => Promise<boolean>): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name) && name !== String(process.pid));
  const answers = await Promise.all(pids.map((pid) => is(pid).catch(() => false)));
  return pids.filter((_pid, i) => answers[i]);
}

/** For example "net:[4026531840]". None for a process that has ended. */
function readNamespaces(pid: string): Promise<string[]> {
  const kinds = ['net', 'mnt', 'pid'];
  return Promise.all(kinds.map((kind) => readlink(`/proc/${pid}/ns/${kind}`))).catch(() => []);
}
