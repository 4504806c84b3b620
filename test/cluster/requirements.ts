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
    wanted.map(({ name }) => (name.startsWith('/') ? isThere(name) : findOnPath(name, env))),
  );
  return wanted.filter((_requirement, i) => present[i] === undefined || present[i] === false);
}

const NODE_LEVEL: readonly Requirement[] = [...NODE_REQUIREMENTS, ...BUILD_REQUIREMENTS, ...IMAGE_REQUIREMENTS];

export interface NodeLevelProblems {
  /** Sentences. */
  readonly problems: readonly string[];
  /** What a package would cure. */
  readonly missing: readonly Requirement[];
}

export async function nodeLevelProblems(
  platform: string,
  env: Environment,
  wanted: readonly Requirement[] = NODE_LEVEL,
): Promise<NodeLevelProblems> {
  if (platform !== 'linux') {
    return { problems: [`Nodes need Linux, and this is ${platform}: use a virtual machine.`], missing: [] };
  }
  const [missing, roots] = await Promise.all([findMissing(wanted, env), controlGroupRoots()]);
  const problems = [
    ...(process.getuid?.() === 0 ? [] : ['Nodes need root: run it again with sudo.']),
    ...(roots.length > 0 ? [] : ['No control groups are mounted under /sys/fs/cgroup.']),
    ...(missing.length === 0
      ? []
      : [`Missing: ${missing.map(({ name, for: purpose }) => `${name} (${purpose})`).join(', ')}.`]),
  ];
  return { problems, missing };
}

/** @throws Error that says what is missing and the line that installs it. */
export async function requireNodeLevel(wanted = NODE_LEVEL, env: Environment = process.env): Promise<void> {
  const { problems, missing } = await nodeLevelProblems(process.platform, env, wanted);
  if (problems.length === 0) return;
  const install = missing.length === 0 ? [] : [`Install: ${installLine(missing)}.`];
  const whatElse = 'Or set MCP2_TEST_KUBECONFIG to the kubeconfig of a cluster that you have (test/e2e/README.md).';
  throw new Error(['A test cluster with nodes cannot run here.', ...problems, ...install, whatElse].join(' '));
}

/** `apt-get install` of what is missing, each package once. */
export function installLine(missing: readonly Requirement[]): string {
  return `apt-get install ${[...new Set(missing.map((requirement) => requirement.package))].join(' ')}`;
}

/** Where the kernel shows control groups: one folder a controller (version 1), or one for all (version 2). */
export async function controlGroupRoots(): Promise<string[]> {
  const mounts = await readFile('/proc/self/mounts', 'utf8').catch(() => '');
  const rows = mounts.split('\n').map((line) => line.split(' '));
  const roots = rows.filter(([, , kind]) => kind === 'cgroup' || kind === 'cgroup2').map(([, folder = '']) => folder);
  // Both at once ("hybrid"): the controllers are those of version 1, and kubelet looks at /sys/fs/cgroup alone.
  return [...new Set(roots)];
}

/** The file that a shell would run. */
export async function findOnPath(name: string, { PATH = '' }: Environment): Promise<string | undefined> {
  const files = PATH.split(':').flatMap((folder) => (folder === '' ? [] : [join(folder, name)]));
  const found = await Promise.all(files.map(isExecutable));
  return files[found.indexOf(true)];
}

export function isExecutable(path: string): Promise<boolean> {
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
