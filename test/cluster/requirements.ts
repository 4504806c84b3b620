/**
 * What a machine needs for a cluster whose nodes run pods, beside what `npm test` needs: Linux, root, a few commands
 * and control groups. Asked before anything is built, so that the answer is one error with the line to type.
 */

import { access, constants, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Environment } from './cache.ts';

export interface Requirement {
  /** A command of PATH, or a file. */
  readonly name: string;
  /** Debian's package that has it. */
  readonly package: string;
  readonly for: string;
}

export const NODE_REQUIREMENTS: readonly Requirement[] = [
  { name: 'unshare', package: 'util-linux', for: 'namespaces of a node' },
  { name: 'nsenter', package: 'util-linux', for: 'processes in a node' },
  { name: 'mount', package: 'mount', for: 'the file system of a node' },
  { name: 'ip', package: 'iproute2', for: 'the network of nodes and pods' },
  { name: 'nft', package: 'nftables', for: 'kube-proxy' },
  { name: 'iptables', package: 'iptables', for: 'host ports of pods' },
  { name: 'conntrack', package: 'conntrack', for: 'kube-proxy' },
  { name: 'openssl', package: 'openssl', for: 'certificates' },
];

export const BUILD_REQUIREMENTS: readonly Requirement[] = [
  { name: 'gcc', package: 'gcc', for: 'building runc' },
  { name: 'pkg-config', package: 'pkg-config', for: 'building runc' },
  { name: '/usr/include/stdlib.h', package: 'libc6-dev', for: 'building runc' },
  { name: '/usr/include/seccomp.h', package: 'libseccomp-dev', for: 'building runc' },
];

export const IMAGE_REQUIREMENTS: readonly Requirement[] = [
  { name: 'buildah', package: 'buildah', for: 'images' },
  { name: 'debootstrap', package: 'debootstrap', for: 'the base image' },
  { name: 'npm', package: 'npm', for: 'the base image' },
];

/** Those that this machine lacks. */
export async function findMissing(wanted: readonly Requirement[], env: Environment): Promise<Requirement[]> {
  const present = await Promise.all(
    wanted.map(({ name }) => (name.startsWith('/') ? isThere(name) : onPath(name, env))),
  );
  return wanted.filter((_requirement, i) => !present[i]);
}

/** @throws Error that says what is missing and the line that installs it. */
export async function requireNodeLevel(
  wanted: readonly Requirement[] = [...NODE_REQUIREMENTS, ...BUILD_REQUIREMENTS, ...IMAGE_REQUIREMENTS],
  env: Environment = process.env,
): Promise<void> {
  const problems = [...systemProblems(process), ...(await controlGroupProblems())];
  const missing = await findMissing(wanted, env);
  if (missing.length > 0) {
    const list = missing.map(({ name, for: purpose }) => `${name} (${purpose})`).join(', ');
    problems.push(`missing: ${list}. Install: ${installLine(missing)}`);
  }
  if (problems.length === 0) return;
  const whatElse = 'Or set MCP2_TEST_KUBECONFIG to the kubeconfig of a cluster that you have (test/e2e/README.md).';
  throw new Error(`A test cluster with nodes cannot run here. ${problems.join(' ')} ${whatElse}`);
}

/** `apt-get install` of what is missing, each package once. */
export function installLine(missing: readonly Requirement[]): string {
  return `apt-get install ${[...new Set(missing.map((requirement) => requirement.package))].join(' ')}`;
}

/** @returns Sentences, none when all is well. */
export function systemProblems({ platform, getuid }: Pick<NodeJS.Process, 'platform' | 'getuid'>): string[] {
  if (platform !== 'linux') return [`It needs Linux, and this is ${platform}: use a virtual machine.`];
  return getuid?.() === 0 ? [] : ['It needs root: run it again with sudo, or as root of a virtual machine.'];
}

/** Where the kernel shows control groups: one folder a controller (version 1), or one for all (version 2). */
export async function controlGroupRoots(): Promise<string[]> {
  const mounts = await readFile('/proc/self/mounts', 'utf8').catch(() => '');
  const rows = mounts.split('\n').map((line) => line.split(' '));
  const roots = rows.filter(([, , kind]) => kind === 'cgroup' || kind === 'cgroup2').map(([, folder = '']) => folder);
  // Both at once ("hybrid"): the controllers are those of version 1, and kubelet looks at /sys/fs/cgroup alone.
  return [...new Set(roots)];
}

async function controlGroupProblems(): Promise<string[]> {
  if (process.platform !== 'linux') return [];
  if ((await controlGroupRoots()).length > 0) return [];
  return ['No control groups are mounted under /sys/fs/cgroup.'];
}

async function onPath(name: string, { PATH = '' }: Environment): Promise<boolean> {
  const folders = PATH.split(':').filter((folder) => folder !== '');
  const found = await Promise.all(folders.map((folder) => isExecutable(join(folder, name))));
  return found.includes(true);
}

function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
