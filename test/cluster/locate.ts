/**
 * Where each binary of the tests is: in KUBEBUILDER_ASSETS, in the cache, on PATH, or nowhere yet. Builds nothing.
 *
 * In this order: a folder that somebody names is meant; a binary of the cache is exactly what go.mod pins; one of PATH
 * saves the minutes of a build. Those of the machine must be of the pinned minor version, and one that is not is
 * reported, because whoever put it there expects it to be used.
 */

import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Binary, type MachineBinary, moduleVersionOf } from './binaries.ts';
import { type BuildPlan, type Environment, MODULE_FOLDER, planBuild } from './cache.ts';
import { findOnPath, isExecutable } from './requirements.ts';
import { runCommand } from './run-command.ts';

type MachinePlace = 'KUBEBUILDER_ASSETS' | 'PATH';

export interface FoundBinary {
  readonly name: string;
  readonly path: string;
  /** As it says itself, or as go.mod pins it; without a "v". Undefined for what has no version of its own. */
  readonly version: string | undefined;
  readonly from: MachinePlace | 'cache';
}

/** A binary of the machine that is not used. */
export interface RefusedBinary {
  readonly name: string;
  readonly path: string;
  readonly from: MachinePlace;
  /** Goes on from its name: "is version 1.34.1, and these tests need 1.37". */
  readonly why: string;
}

export interface Located {
  readonly found: readonly FoundBinary[];
  readonly refused: readonly RefusedBinary[];
  readonly missing: readonly Binary[];
  readonly plan: BuildPlan;
}

/** A binary that does not say its version in this time is not used. */
const VERSION_TIMEOUT_MS = 10_000;

/** @param module The folder of the go.mod that builds them. */
export async function locateBinaries(
  binaries: readonly Binary[],
  env: Environment,
  module = MODULE_FOLDER,
): Promise<Located> {
  const plan = await planBuild(binaries, env, module);
  const looks = await Promise.all(binaries.map((binary) => locate(binary, plan, env)));
  return {
    found: looks.flatMap(({ found }) => found ?? []),
    refused: looks.flatMap(({ refused }) => refused),
    missing: binaries.filter((_binary, i) => looks[i]?.found === undefined),
    plan,
  };
}

/** As it is in the cache, or will be once it is built. */
export function inCache(binary: Binary, plan: BuildPlan): FoundBinary {
  return { name: binary.name, path: join(plan.bin, binary.name), version: pinnedVersion(binary, plan), from: 'cache' };
}

/** A line for each, for whoever wonders what the tests ran on. */
export function describeBinaries({ found, refused }: Pick<Located, 'found' | 'refused'>): string[] {
  const place = ({ from }: FoundBinary) => (from === 'cache' ? 'built from go.mod' : `from ${from}`);
  return [
    ...refused.map(({ name, from, path, why }) => `not used: ${name} of ${from} (${path}) ${why}`),
    ...found.map((one) => `${[one.name, one.version ?? ''].join(' ').trim()}, ${place(one)}: ${one.path}`),
  ];
}

interface Look {
  readonly found: FoundBinary | undefined;
  readonly refused: readonly RefusedBinary[];
}

async function locate(binary: Binary, plan: BuildPlan, env: Environment): Promise<Look> {
  const assets = await inAssets(binary, plan, env);
  if (assets.found !== undefined) return assets;
  const cached = inCache(binary, plan);
  if (await isFile(cached.path)) return { found: cached, refused: assets.refused };
  const path = binary.machine === undefined ? undefined : await findOnPath(binary.name, env);
  if (path === undefined) return assets;
  const { found, refused } = await inspect(binary, { path, from: 'PATH', plan, env });
  return { found, refused: [...assets.refused, ...refused] };
}

async function inAssets(binary: Binary, plan: BuildPlan, env: Environment): Promise<Look> {
  const folder = env.KUBEBUILDER_ASSETS ?? '';
  if (folder === '' || binary.machine === undefined) return { found: undefined, refused: [] };
  const path = join(folder, binary.name);
  if (await isExecutable(path)) return inspect(binary, { path, from: 'KUBEBUILDER_ASSETS', plan, env });
  return binary.machine.envtest ? refuse(binary, { path, from: 'KUBEBUILDER_ASSETS' }, 'is not there') : NOWHERE;
}

const NOWHERE: Look = { found: undefined, refused: [] };

interface Candidate {
  readonly path: string;
  readonly from: MachinePlace;
  readonly plan: BuildPlan;
  readonly env: Environment;
}

/** Asks a binary of the machine for its version. */
async function inspect(binary: Binary, candidate: Candidate): Promise<Look> {
  const { name, machine } = binary;
  const pinned = pinnedVersion(binary, candidate.plan);
  if (machine === undefined || pinned === undefined) return NOWHERE;
  const version = await versionOf(candidate.path, machine, candidate.env);
  if (version === undefined) return refuse(binary, candidate, 'does not say its version');
  if (minorOf(version) !== minorOf(pinned)) {
    return refuse(binary, candidate, `is version ${version}, and these tests need ${minorOf(pinned)}`);
  }
  return { found: { name, path: candidate.path, version, from: candidate.from }, refused: [] };
}

function refuse({ name }: Binary, { path, from }: Pick<Candidate, 'path' | 'from'>, why: string): Look {
  return { found: undefined, refused: [{ name, path, from, why }] };
}

async function versionOf(path: string, machine: MachineBinary, env: Environment): Promise<string | undefined> {
  const answer = await runCommand(path, machine.args, { env, timeoutMs: VERSION_TIMEOUT_MS }).catch(() => '');
  return machine.says.exec(answer)?.[1];
}

function pinnedVersion(binary: Binary, plan: BuildPlan): string | undefined {
  const version = moduleVersionOf(plan.goMod, binary.package);
  if (version === undefined) return undefined;
  return binary.machine?.released?.(version) ?? version.replace(/^v/, '');
}

/** "1.37.2" is of "1.37". */
function minorOf(version: string): string {
  return version.split('.').slice(0, 2).join('.');
}

function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}
