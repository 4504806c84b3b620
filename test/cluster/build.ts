/**
 * What the tests run on, found or built. `ensureBinaries()` is cheap when nothing is missing, so whoever needs a binary
 * calls it. Progress goes to standard error, where a person sees it beside a test runner's report.
 */

import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Binary, buildArguments, CONTROL_PLANE } from './binaries.ts';
import { type BuildPlan, type Environment, MODULE_FOLDER, planBuild } from './cache.ts';
import { withFileLock } from './file-lock.ts';
import { type GoToolchain, goEnvironment, requireGo } from './go-toolchain.ts';
import { type FoundBinary, inCache, locateBinaries, type RefusedBinary } from './locate.ts';
import { sayOnStandardError } from './progress.ts';
import { runCommand } from './run-command.ts';

export interface EnsureBinariesOptions {
  /** Default: the control plane. */
  readonly binaries?: readonly Binary[];
  /** Folder of the go.mod that builds them. Default: the cluster's. */
  readonly module?: string;
  /** Default: the process's. */
  readonly env?: Environment;
  /** Where progress goes, a line at a time. Default: standard error. */
  readonly say?: (line: string) => void;
}

export interface ReadyBinaries {
  /** Of the API server that is used, for example "v1.37.2". */
  readonly kubernetesVersion: string;
  readonly found: readonly FoundBinary[];
  /** Binaries of the machine that are not used, and why. */
  readonly refused: readonly RefusedBinary[];
  /** Absolute path of one binary. @throws Error when it is not in the list. */
  path(name: string): string;
}

export interface BuiltBinaries {
  /** Folder that holds all of them. */
  readonly bin: string;
  /** For example "v1.37.2". */
  readonly kubernetesVersion: string;
  /** Absolute path of one binary. @throws Error when it is not in the list. */
  path(name: string): string;
}

const PARTIAL = '.partial';
/** A build that is done sooner says nothing before its one line. */
const QUIET_MS = 2_000;
const PROGRESS_EVERY_MS = 15_000;

/** Those of the machine where it has fitting ones (see `locate.ts`); builds the rest. @throws As buildBinaries(). */
export async function ensureBinaries(options: EnsureBinariesOptions = {}): Promise<ReadyBinaries> {
  const { binaries = CONTROL_PLANE, module = MODULE_FOLDER, env = process.env, say = sayOnStandardError } = options;
  const { found, refused, missing, plan } = await locateBinaries(binaries, env, module);
  if (missing.length > 0) await buildUnderLock(missing, plan, { env, say, module });
  const all = [...found, ...missing.map((binary) => inCache(binary, plan))];
  const version = all.find(({ name }) => name === 'kube-apiserver')?.version;
  return {
    kubernetesVersion: version === undefined ? plan.kubernetesVersion : `v${version}`,
    found: all,
    refused,
    path(name) {
      const binary = all.find((candidate) => candidate.name === name);
      if (binary === undefined) throw new Error(`${name} is not among these binaries`);
      return binary.path;
    },
  };
}

/**
 * All of them from go.mod, in one folder: what nodes with pods are made of.
 *
 * @throws Error that says what to install, or what the compiler said.
 */
export async function buildBinaries(options: EnsureBinariesOptions = {}): Promise<BuiltBinaries> {
  const { binaries = CONTROL_PLANE, module = MODULE_FOLDER, env = process.env, say = sayOnStandardError } = options;
  const plan = await planBuild(binaries, env, module);
  if ((await missing(binaries, plan)).length > 0) await buildUnderLock(binaries, plan, { env, say, module });
  return {
    bin: plan.bin,
    kubernetesVersion: plan.kubernetesVersion,
    path(name) {
      if (!binaries.some((binary) => binary.name === name)) throw new Error(`${name} is not among the built binaries`);
      return join(plan.bin, name);
    },
  };
}

interface BuildContext {
  readonly env: Environment;
  readonly say: (line: string) => void;
  /** Folder of the go.mod. */
  readonly module: string;
}

async function buildUnderLock(binaries: readonly Binary[], plan: BuildPlan, context: BuildContext): Promise<void> {
  await mkdir(plan.bin, { recursive: true });
  const onWait = (pid: number) => context.say(`waiting for process ${pid}, which is building the same binaries`);
  await withFileLock(join(plan.folder, 'build.lock'), () => buildMissing(binaries, plan, context), { onWait });
}

async function buildMissing(
  binaries: readonly Binary[],
  plan: BuildPlan,
  { env, say, module }: BuildContext,
): Promise<void> {
  const wanted = await missing(binaries, plan);
  if (wanted.length === 0) return;
  await removePartial(plan.bin);
  const go = await requireGo(env, say);
  say(`building ${wanted.map(({ name }) => name).join(', ')} into ${plan.bin} with Go ${go.version}, once per machine`);
  for (const binary of wanted) await buildOne(binary, plan, { go, env, say, module });
}

async function buildOne(
  binary: Binary,
  plan: BuildPlan,
  { go, env, say, module }: BuildContext & { readonly go: GoToolchain },
): Promise<void> {
  const startedMs = performance.now();
  const seconds = () => `${((performance.now() - startedMs) / 1000).toFixed(1)} s`;
  let doing = 'compiling; minutes when Go has nothing of it cached';
  const report = () => say(`${binary.name}: ${seconds()}, ${doing}`);
  let repeated: NodeJS.Timeout | undefined;
  const first = setTimeout(() => {
    report();
    repeated = setInterval(report, PROGRESS_EVERY_MS);
  }, QUIET_MS);
  const partial = join(plan.bin, `${binary.name}.${process.pid}${PARTIAL}`);
  await mkdir(dirname(partial), { recursive: true });
  try {
    await runCommand(go.command, [...buildArguments(binary, plan.kubernetesVersion), '-o', partial, binary.package], {
      cwd: module,
      env: { ...goEnvironment(env), CGO_ENABLED: binary.cgo ? '1' : '0' },
      onErrorLine: (line) => {
        doing = line.slice(0, 120);
      },
    });
    await rename(partial, join(plan.bin, binary.name));
  } finally {
    clearTimeout(first);
    clearInterval(repeated);
    await rm(partial, { force: true });
  }
  say(`${binary.name}: built in ${seconds()}`);
}

async function missing(binaries: readonly Binary[], plan: BuildPlan): Promise<Binary[]> {
  const present = await Promise.all(binaries.map(({ name }) => isFile(join(plan.bin, name))));
  return binaries.filter((_binary, i) => !present[i]);
}

/** What a killed build left behind. Called by the lock's owner, so nobody is writing them. */
async function removePartial(bin: string): Promise<void> {
  for (const name of await readdir(bin, { recursive: true }))
    if (name.endsWith(PARTIAL)) await rm(join(bin, name), { force: true });
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}
